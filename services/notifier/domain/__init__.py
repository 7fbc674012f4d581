"""The rules of the notifier: who is told what, by which address, and what becomes of an e-mail."""
