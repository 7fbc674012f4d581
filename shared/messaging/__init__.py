"""The message runtime: takes what waits, decides, saves and publishes, one transaction a turn."""
