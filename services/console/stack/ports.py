"""Free ports for private servers."""

import random
import socket

# Below the range that the system hands to outgoing connections, so that a stopped server finds its port free again.
FIRST_PORT = 20_000
LAST_PORT = 29_999


def free_port() -> int:
    """A port on the loopback address that nobody listens on now."""
    candidates = random.SystemRandom().sample(range(FIRST_PORT, LAST_PORT + 1), 200)
    return next(port for port in candidates if _is_free(port))


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
