"""The little HTTP there is: takes and gives the files that are too large for a message.

An instance uploads a file under its digest and then cites it in an entry; the other side reads it under that entry, and
nobody else reads it at all. Content is stored once, in an object store, for as long as an upload or an entry keeps it.
What may be cited and read is decided by ticket_sync and told by events; here it is only remembered.
"""
