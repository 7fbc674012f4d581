"""The workers and the console, each a package that imports none of the others."""
