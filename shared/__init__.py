"""What all services stand on: the wire, the message runtime, and flat leaf modules."""
