"""The rules of what comes by HTTP: files that are too large for a message, and answers by buttons in e-mails."""
