"""Turns approved work into an invoice: items by the terms, tax by the two parties, one gapless number a year.

Billing starts when an outsourcing is completed. Where the data of both parties are known the invoice is issued in the
same turn, or once the month is over; else the items stay open until the service partner asks for it. An issued invoice
never changes.
"""
