from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import ValidationError

from collm.errors import InfrastructureError
from collm.sandbox import Limits, Program, SandboxConfig, Step, grade
from collm.sandbox.launch import plan


def _options(command: tuple[str, ...]) -> dict[str, str]:
    return dict(itertools.pairwise(command))


def test_the_container_has_no_network_no_disk_and_no_rights() -> None:
    launch = plan(SandboxConfig(backend="container", limits=Limits(memory_mb=300, processes=10)))
    options = _options(launch.command)
    assert launch.command[:4] == ("docker", "run", "--rm", "--interactive")
    assert options["--network"] == "none"
    assert options["--user"] == "65534:65534"
    assert options["--cap-drop"] == "ALL"
    assert options["--security-opt"] == "no-new-privileges"
    assert options["--memory"] == options["--memory-swap"] == "856m"
    assert options["--pids-limit"] == "36"
    assert "--read-only" in launch.command
    assert options["--volume"].endswith(":/collm/inside:ro")
    assert Path(options["--volume"].split(":")[0], "server.py").is_file()


def test_the_container_is_killed_by_its_name() -> None:
    one, other = (plan(SandboxConfig(backend="container", engine="podman")) for _ in range(2))
    assert one.kill_command == ("podman", "kill", _options(one.command)["--name"])
    assert one.kill_command != other.kill_command


def test_the_container_runs_the_same_server() -> None:
    config = SandboxConfig(backend="container", image="python:3.11-alpine")
    command = plan(config).command
    inner = command[command.index("python:3.11-alpine") + 1 :]
    assert inner[0] == "python3"
    assert inner[-4:] == ("/collm", json.dumps(asdict(config.limits)), "/sandbox/slot", "")


def test_the_servers_command_line_works_outside_of_a_container_too(tmp_path: Path) -> None:
    """The command that a container would run, run here on pipes, with the folder that it would make."""
    inside = Path(_options(plan(SandboxConfig(backend="container")).command)["--volume"].split(":")[0])
    command = plan(SandboxConfig(backend="container")).command
    start = command.index("python3") + 1
    replaced = {"/collm": str(inside.parent), "/sandbox/slot": str(tmp_path / "slot")}
    arguments = [replaced.get(part, part) for part in command[start:]]
    done = subprocess.run(
        [sys.executable, *arguments], input=b"", capture_output=True, timeout=30, check=True
    )
    assert b'["ready"' in done.stdout
    assert not (tmp_path / "slot").exists()


@pytest.mark.parametrize("engine", ["no-such-engine", "false"])
def test_a_missing_engine_is_a_clear_error(engine: str) -> None:
    config = SandboxConfig(backend="container", engine=engine, slots=1)
    with pytest.raises(InfrastructureError, match=f"'{engine} run python:3.12-slim python3 --version' works"):
        grade(Program("def f(): return 1", "f", (Step("assert candidate() == 1"),)), config)


def test_the_environment_of_a_slot_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    launch = plan(SandboxConfig())
    assert set(launch.environment) <= {"PYTHONHASHSEED", "LD_LIBRARY_PATH"}
    assert launch.folder is not None
    Path(launch.folder).rmdir()


@pytest.mark.parametrize("limits", [{"test_seconds": 0}, {"memory_mb": 5}, {"unknown": 1}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SandboxConfig.model_validate({"limits": limits})
