"""Starts the interpreter of a slot, on this machine or in a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from collm.sandbox.config import SandboxConfig

_HERE = Path(__file__).resolve().parent
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from inside import server; "
    "sys.path.pop(0); server.main(sys.argv[2:])"
)
_IN_MEMORY = "/dev/shm"
_FLAGS = ["-s", "-S", "-P", "-B", "-X", "utf8"]


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a slot, and how to end it where a signal to its process does not.

    Attributes:
        command: the command line.
        environment: the whole environment of the command.
        kill_command: run to end the slot, if not empty.
        folder: the slot's folder, to remove afterwards in case the slot could not.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    kill_command: tuple[str, ...] = ()
    folder: str | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the slot; it talks over its standard input and output.

        Raises:
            OSError: if the command cannot be run.
        """
        return subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            start_new_session=True,
            bufsize=0,
        )


def plan(config: SandboxConfig) -> Launch:
    """The launch that a configuration asks for; makes the private folder of a process slot."""
    return _container(config) if config.backend == "container" else _process(config)


def _arguments(config: SandboxConfig, package: str, folder: str) -> tuple[str, ...]:
    limits = json.dumps(asdict(config.limits))
    return (*_FLAGS, "-c", _START, package, limits, folder, ",".join(sorted(config.without)))


def _process(config: SandboxConfig) -> Launch:
    """Nothing of the environment passes but the path of libraries that the interpreter may be linked to."""
    folder = tempfile.mkdtemp(
        prefix="collm-sandbox-", dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    )
    environment = {"PYTHONHASHSEED": "0"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    command = (sys.executable, *_arguments(config, str(_HERE), folder))
    return Launch(command, environment, folder=folder)


def _container(config: SandboxConfig) -> Launch:
    """No network, a read-only image, one small folder in memory, a user without any capability."""
    name, limits = f"collm-sandbox-{uuid.uuid4().hex}", config.limits
    memory = f"{2 * limits.memory_mb + 256}m"
    command = (
        *(config.engine, "run", "--rm", "--interactive", "--name", name),
        *("--network", "none", "--read-only", "--user", "65534:65534"),
        *("--tmpfs", f"/sandbox:size={limits.folder_mb}m,mode=1777,nosuid,nodev,noexec"),
        *("--memory", memory, "--memory-swap", memory, "--pids-limit", str(2 * limits.processes + 16)),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ipc", "none"),
        *("--env", "PYTHONHASHSEED=0", "--volume", f"{_HERE / 'inside'}:/collm/inside:ro"),
        *(config.image, "python3", *_arguments(config, "/collm", "/sandbox/slot")),
    )
    return Launch(command, dict(os.environ), kill_command=(config.engine, "kill", name))
