"""The rules of linked tickets: how a link begins, its entries, its notices, and the completion of the work."""
