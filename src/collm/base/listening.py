"""Where a server of ours listens, and under which names it may be asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from collm.errors import CollmError

_EVERYWHERE = ("0.0.0.0", "::")
_HERE = ("127.0.0.1", "::1", "localhost")


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in _HERE


def hosts_of(host: str, names: Sequence[str]) -> list[str]:
    """The names under which clients may ask: this machine's, the bound one, and those that were given."""
    own = [socket.gethostname()] if host in _EVERYWHERE else [f"[{host}]" if ":" in host else host]
    return list(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", *own, *names]))


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; whoever asks from now on waits until the server is up.

    Raises:
        CollmError: if the address cannot be had.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        mend = "choose another --port; 0 takes a free one."
        raise CollmError(f"--port {port}", f"{host} cannot be bound ({error}).", mend) from None
    return listening


def address(listening: socket.socket) -> str:
    """The URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
