"""What is said when a part of the stack cannot be had."""


class Unavailable(Exception):
    """A part can neither be found nor started here; the text names what would help."""
