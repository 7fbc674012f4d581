"""The rules of linked tickets, by aggregate: the link, its entries, its notices, and the completion of the work."""
