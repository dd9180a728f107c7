"""What a pair of replies amounts to, whichever way it was read."""

from __future__ import annotations

from dataclasses import dataclass

from collm.envs.coding.source import Fault
from collm.envs.coding.suite import Suite
from collm.sandbox import Program


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that an agent was to write.

    Attributes:
        source: its text, empty if there is none.
        complete: it has a valid signature and returns something.
    """

    source: str = ""
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The joint program of a turn.

    Attributes:
        aux, main: the two definitions; ``aux`` is empty for a single agent.
        code: the joint module.
        fault: why it does not parse, if it does not.
        testable: whether its tests run.
        aux_called: main uses the helper.
        wrapper: main only hands the helper's result on.
        aux_ignored: main throws the helper's result away, so that the reward deducts.
        misuses: calls whose result is lost, in words for feedback.
    """

    aux: Definition
    main: Definition
    code: str
    fault: Fault | None = None
    testable: bool = False
    aux_called: bool = False
    wrapper: bool = False
    aux_ignored: bool = False
    misuses: tuple[str, ...] = ()

    @property
    def cooperates(self) -> bool:
        """Main makes effective use of the helper (paper section 5.1)."""
        return self.aux.complete and self.aux_called and not self.wrapper and not self.aux_ignored

    def program(self, suite: Suite, entry_point: str) -> Program:
        """The joint module and its tests, for the sandbox."""
        return Program(self.code, entry_point, suite.steps, suite.preamble, suite.alias)
