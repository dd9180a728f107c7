"""The trainer's end of one slot: sends jobs, reads reports, and puts an end to what hangs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import IO

from collm.errors import InfrastructureError
from collm.sandbox.config import SandboxConfig
from collm.sandbox.inside import sweep, wire
from collm.sandbox.launch import Launch, plan

Report = tuple[str, str, str]
"""Event, error name, message."""
MALFORMED: Report = ("malformed", "", "")
"""Stands for whatever is no report at all; the slot is of no more use."""

_START_SECONDS, _GRACE_SECONDS, _END_SECONDS = 60.0, 2.0, 5.0
_REPORT_LIMIT = 1 << 16


class SlotDiedError(Exception):
    """The slot ended; it has been put away."""


class SlotLateError(SlotDiedError):
    """The slot fell silent; it has been put away."""


class Slot:
    """One program at a time, in processes that are not ours.

    Raises:
        InfrastructureError: if the slot does not start.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self.closed = False
        self._limits = config.limits
        self._launch: Launch = plan(config)
        try:
            self._process = self._launch.start()
        except OSError as error:
            raise InfrastructureError(_advice(config, str(error))) from None
        self._stdin, self._stdout = _fileno(self._process.stdin), _fileno(self._process.stdout)
        try:
            event, self.guards, self.missing = self._read(time.monotonic() + _START_SECONDS)
            if event != "ready":
                self.close()
                raise SlotDiedError(self._last_words())
        except SlotDiedError as error:
            raise InfrastructureError(_advice(config, str(error))) from None

    def attempt(self, job: dict[str, object], seconds: float) -> Iterator[Report]:
        """Run one job; yields the judge's reports until the slot is clean again.

        A report may take as long as a test may, and a little more; then the slot is killed.

        Raises:
            SlotDiedError: the slot is of no more use.
        """
        patience = min(self._limits.test_seconds, seconds) + _GRACE_SECONDS
        data = json.dumps({**job, "seconds": seconds}).encode()
        try:
            wire.send(self._stdin, data, time.monotonic() + patience)
        except (wire.ClosedError, wire.LateError):
            self.close()
            raise SlotDiedError("it takes no more jobs") from None
        while True:
            report = self._read(time.monotonic() + patience)
            if report[0] == "clean":
                return
            yield report

    def _read(self, deadline: float) -> Report:
        try:
            return _report(wire.receive(self._stdout, _REPORT_LIMIT, deadline))
        except wire.LateError:
            self.close()
            raise SlotLateError("it did not answer in time") from None
        except wire.TooLargeError:
            return MALFORMED
        except wire.ClosedError:
            self.close()
            raise SlotDiedError(self._last_words()) from None

    def _last_words(self) -> str:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            return stderr.read().decode(errors="replace").strip()[-500:] or "it ended without a word"

    def close(self) -> None:
        """End every process of the slot and remove its folder; harmless if it has ended."""
        self.closed = True
        if self._launch.kill_command:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(self._launch.kill_command, capture_output=True, timeout=30, check=False)
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        if self._launch.folder is not None:
            sweep.remove(self._launch.folder)


def _report(data: bytes) -> Report:
    try:
        match json.loads(data):
            case [str(event), str(error), str(message)]:
                return event, error, message
    except (ValueError, RecursionError):
        pass
    return MALFORMED


def _fileno(stream: IO[bytes] | None) -> int:
    assert stream is not None
    return stream.fileno()


def _advice(config: SandboxConfig, problem: str) -> str:
    if config.backend == "container":
        return (
            f"the sandbox's container does not start: {problem} To mend it: see that '{config.engine} run "
            f"{config.image} python3 --version' works for this user, or use the process backend."
        )
    return (
        f"a sandbox slot does not start: {problem} "
        "To mend it: see 'When it does not start' in what collm docs sandbox prints."
    )
