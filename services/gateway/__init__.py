"""The little HTTP there is: files that are too large for a message, and answers by buttons in e-mails.

An instance uploads a file under its digest and then cites it in an entry; the other side reads it under that entry, and
nobody else reads it at all. Content is stored once, in an object store, for as long as an upload or an entry keeps it.
What may be cited and read is decided by ticket_sync and told by events; here it is only remembered.

A link in an e-mail opens a page that says what is asked. Opening it changes nothing; its button becomes a command, on
behalf of who was asked, which the offer handler decides like any other.
"""
