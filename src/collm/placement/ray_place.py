"""A run whose roles play on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from collm.agents.team import Team
from collm.config.placement import GraderShare, RayPlacement, Share
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.env import AnyEnvironment
from collm.placement.base import LostWorkerError
from collm.placement.grading import GraderHost
from collm.placement.hosts import LearnerHost
from collm.placement.ray_cluster import join
from collm.placement.ray_seats import Asked, RaySeat, Shared
from collm.placement.stand_ins import GradedElsewhere
from collm.placement.teams import grader_role, open_elsewhere, roles
from collm.runs.layout import Layout

ResultT = TypeVar("ResultT")

_LEAVE_SECONDS = 10.0


class RayCrew:
    """Workers on a Ray cluster; they stay from one attempt of a run to the next, but for lost ones.

    Args:
        shares: what each role takes.
        threads: of each worker.
        seconds: the longest wait for an answer.
    """

    def __init__(self, shares: dict[str, Share], threads: int, seconds: float) -> None:
        self._shares, self._threads, self._seconds = shares, threads, seconds
        self._seats: dict[str, RaySeat] = {}

    def hold(self, role: str, host: type, *args: Any) -> tuple[RaySeat, Asked]:
        if not self._seats:  # all at once, so that they start side by side
            self._seats = {name: self._seat(name) for name in self._shares}
        seat = self._seats[role]
        seat.check_identity()
        return seat, seat.hold(host, self._threads, *args)

    def shared(self, value: Any) -> Shared:
        return Shared(value, self._seconds)

    def replace_lost(self) -> None:
        """Begin anew with the workers that are gone or hang; the others keep what they have loaded."""
        for seat in self._lost():  # first: the others may be waiting for them
            seat.leave()
        for seat in self._seats.values():
            if not seat.lost:
                seat.look()
        for seat in self._lost():
            seat.leave()
            self._seats[seat.role] = self._seat(seat.role)

    def _lost(self) -> list[RaySeat]:
        return [seat for seat in self._seats.values() if seat.lost]

    def processes(self) -> dict[str, int]:
        """The process of each role's worker, on its machine."""
        return {role: seat.process() for role, seat in self._seats.items()}

    def leave(self) -> None:
        """End all workers, once they have let go of files; those that are busy are not waited for."""
        import ray

        if asked := [seat.let_go() for seat in self._seats.values() if not seat.lost]:
            ray.wait(asked, num_returns=len(asked), timeout=_LEAVE_SECONDS)
        for seat in self._seats.values():
            seat.leave()

    def _seat(self, role: str) -> RaySeat:
        share = self._shares[role]
        module = GraderHost.__module__ if isinstance(share, GraderShare) else LearnerHost.__module__
        return RaySeat(role, share, self._seconds, module)


class RayPlace:
    """Where a recipe's ``placement:`` of the type ``ray`` says.

    Args:
        config: the recipe.
        critics: the names of its critics.
        note: told what a person should know.

    Raises:
        AbsentError: if Ray is not installed.
        CollmError: if there is no cluster, or it has too little.
    """

    def __init__(self, config: RunConfig, critics: Iterable[str], note: Callable[[str], None]) -> None:
        assert isinstance(config.placement, RayPlacement)
        self._placement, self._note = config.placement, note
        shares = dict(roles(config, critics))
        self._joined = join(self._placement, shares.values())
        self._crew = RayCrew(shares, config.training.threads or 1, self._placement.call_seconds)

    def environment(self, held: Held) -> Held:
        workers = self._placement.graders.workers
        if not workers:
            return held
        env = self._crew.shared(held.env)
        graders = [self._crew.hold(grader_role(number), GraderHost, env) for number in range(workers)]
        for _, pending in graders:
            pending.result()
        return replace(
            held, env=cast(AnyEnvironment, GradedElsewhere(held.env, [seat for seat, _ in graders]))
        )

    def team(self, config: RunConfig, critics: Iterable[str], checkpoint: Path | None, numbers: int) -> Team:
        return open_elsewhere(config, critics, checkpoint, self._crew, numbers)

    def persist(self, attempt: Callable[[bool], ResultT], resume: bool, folder: Path) -> ResultT:
        times, newest = 0, ""
        while True:
            try:
                return attempt(resume)
            except LostWorkerError as lost:
                before, newest = newest, _newest(folder)
                times = times + 1 if newest == before else 1
                if times > self._placement.restarts:
                    raise
                self._note(f"{lost.problem[0].upper()}{lost.problem[1:]} Going on from {newest}.")
                self._crew.replace_lost()
                resume = True

    def close(self) -> None:
        import ray

        self._crew.leave()
        if self._joined:
            ray.shutdown()


def _newest(folder: Path) -> str:
    """The newest checkpoint, in words."""
    found = Layout(folder).checkpoints()
    return f"the checkpoint {found[-1].name}" if found else "the beginning"
