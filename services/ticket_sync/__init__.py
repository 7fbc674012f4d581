"""Keeps the two copies of an outsourced ticket in step, from acceptance to the end.

The authority over an outsourcing once its offer is accepted: asks the service partner for a ticket and reminds
it, links the two, carries entries across by the replication table, says who may cite and read which file, suspends
that while a submission awaits approval, fixes what was submitted in a snapshot that billing works from, and ends it
all by an approval, a return, or by force.
"""
