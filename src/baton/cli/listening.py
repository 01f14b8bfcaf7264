"""What is told where an address cannot be listened on."""

import contextlib
import errno
from collections.abc import Iterator

REMEDIES = {
    errno.EADDRINUSE: "something listens there already: stop it, or take another port with --port (0: any free one)",
    errno.EACCES: "that port is not for everybody: take one above 1023 with --port",
    errno.EADDRNOTAVAIL: "that is no address of this machine: give another with --host",
}


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[None]:
    """Raises OSError with the address and what would help."""
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        raise OSError(f"cannot listen on {host}:{port}: {REMEDIES[error.errno]}") from error
