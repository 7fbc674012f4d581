"""Everything up to acceptance: agreements, partnerships, offers and their deadlines.

The authority over an outsourcing until its offer is accepted: brings lead and service partner together, sends an offer,
and lets exactly one of accept, decline, cancel and expire win. From then on it only follows, to know which tickets are
free for a new offer.
"""
