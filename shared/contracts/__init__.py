"""The wire, stated once: every message as a frozen model, one module per owning service."""
