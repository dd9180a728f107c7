"""The process of a cell of a sweep: runs commands one after the other, and ends when its parent does."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from collm.cli.app import main

_PATIENCE = 60.0
"""Seconds that a run has to save itself once nobody waits for it any more."""


def run_commands(commands: Sequence[Sequence[str]]) -> int:
    """The exit code of the first command that fails, 0 if none does."""
    for arguments in commands:
        sys.argv = ["collm", *arguments]
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                return ended.code if isinstance(ended.code, int) else 1
    return 0


def end_with_the_parent() -> None:
    """Ask this process to stop once the pipe to its parent is closed, and end it if it does not."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(143)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    sys.exit(run_commands(json.loads(sys.argv[1])))
