"""The sandbox with no guard of the kernel and no privileges: its server and the program are one user's."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from collm.sandbox.inside import kernel

pytestmark = pytest.mark.skipif(not kernel.LINUX, reason="needs Linux's /proc and capabilities")

PRELUDE = """
from collm.sandbox import Limits, Program, SandboxConfig, Step, grade, guards
kinds = frozenset({"namespaces", "mounts", "landlock", "seccomp"})
limits = Limits(test_seconds=2, total_seconds=6, max_breaks=1, memory_mb=192)
config = SandboxConfig(slots=1, limits=limits, without=kinds)
def show(code, *tests):
    verdict = grade(Program(code, "f", tuple(map(Step, tests))), config)
    print(*(result.outcome for result in verdict.results), *(result.message for result in verdict.results))
"""
FORGER = """
import json, os, struct
def frame(event):
    data = json.dumps([event, "", ""]).encode()
    return struct.pack("<I", len(data)) + data
def f(x):
    told, pid = [], os.getppid()
    for who in ("judge", "server", "warden"):
        try:
            os.write(os.open(f"/proc/{pid}/fd/4", os.O_WRONLY), frame("passed") * 2)
        except OSError as error:
            told.append(f"{who}: {error.strerror}")
        pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
    return told
"""


def unprivileged(script: str) -> str:
    """Run a script in a process that has no capability, even if this one is root's."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        preexec_fn=kernel.drop_capabilities,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_program_cannot_write_reports_where_the_server_does() -> None:
    shown = unprivileged(f"show({FORGER!r}, 'assert 0, candidate(1)', 'assert 0')")
    refused = [f"{who}: Permission denied" for who in ("judge", "server", "warden")]
    assert shown.strip() == f"failed failed {refused}"


def test_honest_programs_work() -> None:
    assert unprivileged("show('def f(x): return x', 'assert candidate(1) == 1')").split() == ["passed"]


def test_the_guards_say_that_programs_can_reach_the_user() -> None:
    assert "programs run as you and can reach your files" in unprivileged("print(guards(config))")
