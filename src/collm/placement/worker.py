"""A process of the cluster: it holds one host at a time, and can be given another."""

from __future__ import annotations

import gc
import hashlib
import os
import platform
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from collm.base.kept_memory import keep_freed_memory


@dataclass(frozen=True, slots=True)
class Identity:
    """What must be the same on all machines for results to be: versions, and the package's own sources."""

    python: str
    torch: str
    transformers: str
    collm: str

    def differing(self, other: Identity) -> str:
        """What is not the same in another, with both values; empty if all is."""
        own, others = asdict(self), asdict(other)
        return ", ".join(
            f"{name} {others[name]} for {own[name]}" for name in own if own[name] != others[name]
        )


@cache
def identity() -> Identity:
    """Of this process."""
    root = Path(str(files("collm")))
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    ours = f"{version('collm')} ({digest.hexdigest()[:12]})"
    return Identity(platform.python_version(), version("torch"), version("transformers"), ours)


class Worker:
    """Answers for its host.

    Args:
        role: what it plays; Ray's dashboard and logs call it so.
        module: has the kind of host; importing it takes seconds, in which all workers are only starting.
    """

    def __init__(self, role: str, module: str) -> None:
        from collm.base.quiet import quiet_libraries, spare_absent_hub

        quiet_libraries()  # before they are imported
        spare_absent_hub()
        import_module(module)
        self._role, self._host = role, cast(Any, None)

    def __repr__(self) -> str:
        return self._role

    def identity(self) -> Identity:
        return identity()

    def process(self) -> int:
        return os.getpid()

    def hold(self, kind: type, threads: int, *args: Any) -> None:
        """Let go of what is held and hold ``kind(*args)``, which computes with so many threads."""
        if "torch" in sys.modules:  # a grader's environment, or a cell of a sweep, may do without
            keep_freed_memory()
            sys.modules["torch"].set_num_threads(threads)
        self._host = None
        self._host = kind(*args)

    def let_go(self) -> None:
        """Hold nothing any more: files that came for the host leave this machine with it."""
        self._host = None
        gc.collect()

    def answer(self, method: str, *args: Any) -> Any:
        return getattr(self._host, method)(*args)
