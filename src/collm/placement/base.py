"""The seams: a place opens a team; a seat asks a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from collm.agents.team import Team, load_team
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.engines.base import Pending
from collm.errors import CollmError

ResultT = TypeVar("ResultT")


class LostWorkerError(CollmError):
    """A worker is gone, or does not answer; what it had not handed over is lost with it.

    Args:
        role: what it played.
        problem: what became of it.
    """

    def __init__(self, role: str, problem: str) -> None:
        mend = "see to its machine, then go on with --resume: nothing that was logged is lost."
        super().__init__("placement", f"the worker for {role} {problem}", mend)
        self.args = (role, problem)


class Seat(Protocol):
    """Asks one worker, which answers in the order of the questions."""

    def ask(self, method: str, *args: Any) -> Pending[Any]:
        """Ask its host for a method's result.

        An argument may be a pending answer of another worker: then it goes from one to the other directly.
        A pending answer raises :class:`LostWorkerError` when its result is asked for and the worker is gone.
        """


class Place(Protocol):
    """Where a run's roles play."""

    def environment(self, held: Held) -> Held:
        """The environment, stepped where graders are."""

    def team(self, config: RunConfig, critics: Iterable[str], checkpoint: Path | None, numbers: int) -> Team:
        """The team, as :func:`collm.agents.team.load_team` has it."""

    def persist(self, attempt: Callable[[bool], ResultT], resume: bool, folder: Path) -> ResultT:
        """What ``attempt(resume)`` gives; again from the newest checkpoint if workers were lost.

        Args:
            folder: of the run, to see whether attempts get further.
        """

    def close(self) -> None:
        """Let the workers go."""


class LocalPlace:
    """This process."""

    def environment(self, held: Held) -> Held:
        return held

    def team(self, config: RunConfig, critics: Iterable[str], checkpoint: Path | None, numbers: int) -> Team:
        return load_team(config.agents, config.critic, critics, checkpoint, config.seed, numbers)

    def persist(self, attempt: Callable[[bool], ResultT], resume: bool, folder: Path) -> ResultT:
        return attempt(resume)

    def close(self) -> None:
        pass
