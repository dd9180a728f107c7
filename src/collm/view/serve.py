"""Runs the server until it is interrupted."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from collm.errors import AbsentError, CollmError

_EVERYWHERE = ("0.0.0.0", "::")


def serve(folder: Path, host: str, port: int, names: Sequence[str], tell: Callable[[str], None]) -> None:
    """Serve the page over the runs in a folder, until a person ends it.

    Args:
        folder: a run, or a folder with runs below it.
        host: the address to bind.
        port: 0 takes a free one.
        names: more names under which browsers may ask.
        tell: called with lines for a person.

    Raises:
        CollmError: if the folder or the port cannot be had.
        AbsentError: if the packages of the extra ``view`` are not installed.
    """
    if not folder.is_dir():
        raise CollmError(str(folder), "there is no such folder.", "name a run, or a folder that holds runs.")
    try:
        import uvicorn

        from collm.view.server import STATIC, make_app
    except ModuleNotFoundError as error:
        mend = "pip install 'collm[view]'."
        raise AbsentError("collm view", f"the package {error.name} is not installed.", mend) from None
    if not (STATIC / "index.html").is_file():
        raise CollmError(str(STATIC), "the page has not been built.", "run npm run build in frontend/.")
    from collm.view.follow import Follower
    from collm.view.index import index_file

    app = make_app(Follower(folder.resolve(), index_file(folder)), hosts_of(host, names))
    listening = _bound(host, port)
    tell(f"viewing {folder} at {_address(listening)}")
    if host not in ("127.0.0.1", "::1", "localhost"):
        tell("warning: everybody who reaches this address can read these runs.")
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, server_header=False)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def hosts_of(host: str, names: Sequence[str]) -> list[str]:
    """The names under which browsers may ask: this machine's, the bound one, and those that were given."""
    own = [socket.gethostname()] if host in _EVERYWHERE else [f"[{host}]" if ":" in host else host]
    return list(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", *own, *names]))


def _is_news(record: logging.LogRecord) -> bool:
    """A page that is still open when the server ends is no error."""
    return "without completing response" not in record.getMessage()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # whoever asks from now on waits until the server is up
    except (OSError, OverflowError) as error:
        listening.close()
        mend = "choose another --port; 0 takes a free one."
        raise CollmError(f"--port {port}", f"{host} cannot be bound ({error}).", mend) from None
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
