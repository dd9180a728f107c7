"""Runs every line that a model wrote in processes of its own, and judges it where it cannot reach.

This room knows programs and tests, no environment and no reward. ``program`` holds the records,
``config`` the settings, ``pool`` and ``slot`` the trainer's side, ``launch`` the command lines, and
``inside`` all that runs beyond the wall. docs/sandbox.md says what is guarded and what is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from collm.sandbox.config import SandboxConfig
from collm.sandbox.inside.limits import Limits
from collm.sandbox.pool import shared_pool
from collm.sandbox.program import Program, Step, TestResult, Verdict

__all__ = [
    "Limits",
    "Program",
    "SandboxConfig",
    "Step",
    "TestResult",
    "Verdict",
    "grade",
    "grade_many",
    "guards",
]

_DEFAULT = SandboxConfig()


def grade(program: Program, config: SandboxConfig = _DEFAULT) -> Verdict:
    """Run one program and judge it; any thread may call this.

    Raises:
        InfrastructureError: if the sandbox itself fails.
    """
    return shared_pool(config).grade(program)


def grade_many(programs: Sequence[Program], config: SandboxConfig = _DEFAULT) -> list[Verdict]:
    """Grade programs side by side; results are in the programs' order.

    Raises:
        InfrastructureError: if the sandbox itself fails.
    """
    return shared_pool(config).grade_many(programs)


def guards(config: SandboxConfig = _DEFAULT) -> str:
    """One line that says what keeps programs in on this machine.

    Raises:
        InfrastructureError: if the sandbox does not start.
    """
    return shared_pool(config).guards()
