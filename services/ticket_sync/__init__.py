"""Keeps the two copies of an outsourced ticket in step, from acceptance to completion.

The authority over an outsourcing once its offer is accepted: asks the service partner for a ticket, links the two,
carries entries across by the replication table, suspends that while a submission awaits approval, and fixes what was
submitted in a snapshot that billing works from.
"""
