"""One process at a time writes a run: two would corrupt its logs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from collm.errors import CollmError
from collm.runs.layout import Layout


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for oneself, as long as the block lasts.

    The system gives the lock back when its holder dies, however it dies. A folder that the block left empty
    is removed, so that a start that failed leaves nothing.

    Raises:
        CollmError: naming the process that holds it.
    """
    check_no_file(folder)
    made = _make(folder)
    file = Layout(folder).lock
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        problem = f"{_holder(file)} is working on this run."
        raise CollmError(
            f"--out {folder}", problem, "wait for it, stop it, or choose another --out."
        ) from None
    try:
        file.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        file.unlink(missing_ok=True)  # while it is ours: who waits for a file that is gone looks again
        lock.release(force=True)
        for path in made:
            with suppress(OSError):  # not empty: there is a run now
                path.rmdir()


def check_no_file(folder: Path) -> None:
    """Test that a run's folder is one, or is not there.

    Raises:
        CollmError: if it is a file.
    """
    if folder.exists() and not folder.is_dir():
        mend = "name a folder that is empty or not there yet."
        raise CollmError(f"--out {folder}", "this is a file.", mend)


def _make(folder: Path) -> list[Path]:
    """Create a folder and what is missing above it; those that were created, deepest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _holder(file: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8") or "another process"
    return "another process"
