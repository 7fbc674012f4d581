"""One outsourced ticket's whole life, played by two partner instances against a real Tandem."""
