"""Cells on this machine: a process each, as many as there are devices or cores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from collm.sweep.places import MODULE, Job

_DEVICES = "CUDA_VISIBLE_DEVICES"
_THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def devices() -> tuple[str, ...]:
    """The GPUs that processes here may use, as the system names them; found without PyTorch."""
    chosen = os.environ.get(_DEVICES)
    if chosen is not None:
        return tuple(name.strip() for name in chosen.split(",") if name.strip())
    return tuple(sorted(file.name.removeprefix("nvidia") for file in Path("/dev").glob("nvidia[0-9]*")))


@dataclass(frozen=True, slots=True)
class Local:
    """So many processes on this machine; where there are GPUs, each slot has one of them."""

    slots: int

    @classmethod
    def fitting(cls, jobs: int | None) -> Local:
        """A process for each device; without devices, for each core."""
        return cls(jobs or len(devices()) or cores())

    def start(self, job: Job, slot: int) -> Process:
        return Process(job, self._environment(job, slot))

    def _environment(self, job: Job, slot: int) -> Mapping[str, str]:
        found = devices()
        share = {_DEVICES: found[slot % len(found)]} if found else {}
        threads = {_THREADS: str(max(1, cores() // self.slots))}
        return {**threads, **os.environ, **share, **job.environment}


class Process:
    """A job in a process. It holds a pipe of ours open: when we die, it reads the end of it and stops."""

    def __init__(self, job: Job, environment: Mapping[str, str]) -> None:
        with job.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, json.dumps(job.commands)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=job.folder,
                env=dict(environment),
                start_new_session=True,  # a person's Ctrl-C is for the sweep, which passes it on once
            )

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
