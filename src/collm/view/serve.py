"""Runs the server until it is interrupted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from collm.base.listening import address, bound, hosts_of, is_local
from collm.errors import AbsentError, CollmError


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
    listening = bound(host, port)
    tell(f"viewing {folder} at {address(listening)}/")
    if not is_local(host):
        tell("warning: everybody who reaches this address can read these runs.")
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, server_header=False)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _is_news(record: logging.LogRecord) -> bool:
    """A page that is still open when the server ends is no error."""
    return "without completing response" not in record.getMessage()
