"""Client IDs that nobody has had yet, and the worker each is at home on."""
import itertools

_numbers = itertools.count(1)


def name():
    return f"GID_s01@@@{next(_numbers)}"


def home(client_id, workers):
    """The worker on which a client ID is at home, as broker/fabric.c has it."""
    h = 14695981039346656037
    for byte in client_id.encode():
        h = ((h ^ byte) * 1099511628211) % 2**64
    h = ((h ^ h >> 32) * 0xFF51AFD7ED558CCD) % 2**64
    return (h >> 32) % workers


def name_at(worker, workers=2):
    return next(n for n in (name() for _ in range(1000)) if home(n, workers) == worker)
