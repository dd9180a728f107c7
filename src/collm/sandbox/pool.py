"""A pool of slots that programs are graded in, shared by whoever asks for the same configuration."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from collm.errors import InfrastructureError
from collm.sandbox import check
from collm.sandbox.config import SandboxConfig
from collm.sandbox.program import Program, Verdict
from collm.sandbox.slot import Slot, SlotDiedError
from collm.sandbox.trial import Trial

_logger = logging.getLogger("collm.sandbox")
_ALWAYS = "time limits, killed as a group, empty environment, private folder, judged apart"
_WALLS = ("user namespaces", "file system of its own", "unprivileged user", "Landlock")
_OPEN = "programs run as you and can reach your files and this very process: use the container backend"


class Pool:
    """Slots that start when first needed. Any thread may grade; a slow program costs its own slot alone."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._idle: queue.LifoQueue[Slot | None] = queue.LifoQueue()
        for _ in range(config.num_slots):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._open: set[Slot] = set()
        self._guards = ""
        self._announced = self._proven = False

    def grade(self, program: Program) -> Verdict:
        """Run one program and judge it.

        Raises:
            CollmError: naming a setting with which no program can pass.
            InfrastructureError: if the sandbox itself fails twice in a row, or the tests' own code does.
        """
        trial = Trial(program, self._config.limits)
        for attempts_left in (1, 0):
            try:
                while not trial.over:
                    with self._slot() as slot:
                        trial.attempt(slot)
                break
            except SlotDiedError as error:
                if attempts_left == 0:
                    raise InfrastructureError(f"the sandbox broke: {error}") from None
        return trial.verdict()

    def grade_many(self, programs: Sequence[Program]) -> list[Verdict]:
        """Grade programs side by side, as many at a time as there are slots; results are in their order."""
        with ThreadPoolExecutor(max_workers=self._config.num_slots) as threads:
            return list(threads.map(self.grade, programs))

    def guards(self) -> str:
        """One line that says what keeps programs in on this machine; starts a slot if none has started."""
        self._announced = True
        if not self._guards:
            with self._slot():
                pass
        return self._guards

    def close(self) -> None:
        """End all slots; programs that are being graded fail with an infrastructure error."""
        with self._lock:
            slots, self._open = self._open, set()
        for slot in slots:
            slot.close()

    @contextmanager
    def _slot(self) -> Iterator[Slot]:
        """A clean slot of one's own; a slot that dies is replaced at the next need."""
        slot, kept = self._idle.get(), None
        try:
            if slot is None or slot.closed:
                slot = self._start()
            yield slot
            kept = None if slot.closed else slot
        finally:
            if kept is None and slot is not None:
                self._put_away(slot)
            self._idle.put(kept)

    def _start(self) -> Slot:
        slot = Slot(self._config) if self._proven else check.proven_slot(self._config)
        with self._lock:
            self._proven = True
            self._open.add(slot)
            announced, self._announced = self._announced, True
            self._guards = self._describe(slot)
        if not announced:
            _logger.log(logging.WARNING if slot.missing else logging.INFO, self._guards)
        return slot

    def _put_away(self, slot: Slot) -> None:
        with self._lock:
            self._open.discard(slot)
        slot.close()

    def _describe(self, slot: Slot) -> str:
        text = f"sandbox ({self._config.backend}): {_ALWAYS}, {slot.guards}"
        if slot.missing:
            text += f"; missing on this machine: {slot.missing}"
        apart = self._config.backend == "container" or any(wall in slot.guards for wall in _WALLS)
        return text if apart else f"{text}; {_OPEN}"


_pools: dict[SandboxConfig, Pool] = {}
_pools_lock = threading.Lock()


def shared_pool(config: SandboxConfig) -> Pool:
    """The pool of a configuration in this process; it is closed when the process ends."""
    with _pools_lock:
        return _pools.setdefault(config, Pool(config))


@atexit.register
def close_pools() -> None:
    """End every pool of this process."""
    with _pools_lock:
        pools = list(_pools.values())
        _pools.clear()
    for each in pools:
        each.close()


def _forget_pools() -> None:
    """A forked child must not talk to its parent's slots."""
    global _pools_lock
    _pools_lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
