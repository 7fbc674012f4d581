"""The rules up to acceptance, by aggregate: partnerships with the agreement they need, and offers."""
