from __future__ import annotations

from pathlib import Path


def family(folder: str) -> list[int]:
    """The processes that have a slot's folder on their command line, which all that it forks inherit."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in (process / "cmdline").read_bytes().decode():
                found.append(int(process.name))
        except OSError:
            continue
    return found
