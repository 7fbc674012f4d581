"""Tells people, once: the e-mails that go with what happens to an outsourced ticket, in each reader's language.

A turn only records the intent, one for each event and recipient. The courier renders it, hands it to the mail server
outside any transaction, and records what the server said.
"""
