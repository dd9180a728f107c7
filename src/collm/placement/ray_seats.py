"""Workers on a Ray cluster, and questions to them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from collm.config.placement import Share
from collm.errors import CollmError
from collm.placement.base import LostWorkerError
from collm.placement.ray_faults import first_line, ray_faults_told
from collm.placement.worker import Worker, identity

_START_SECONDS = 300.0
"""The least time that a worker has to come: it imports PyTorch, beside all others."""


class Asked:
    """An answer that a worker owes.

    Args:
        ref: what Ray knows it by.
        seat: the worker.
        needs: answers of other workers that it waits for.
    """

    def __init__(self, ref: Any, seat: RaySeat, needs: Sequence[Asked] = ()) -> None:
        self.ref, self.seat, self._needs = ref, seat, needs
        self._known: list[Any] = []

    @property
    def is_there(self) -> bool:
        """Whether :meth:`result` need not wait."""
        import ray

        return bool(ray.wait([self.ref], timeout=0)[0])

    def result(self) -> Any:
        if not self._known:
            try:
                self._known.append(self.seat.awaited(self.ref))
            except LostWorkerError:
                for one in self._needs:  # one of these may be the worker that is lost
                    one.seat.answered(one.ref, wait=0)
                self.seat.lost = True
                raise
        return self._known[0]


class JointAsked:
    """An answer that several workers owe together; the first one's counts, and any other's error.

    Args:
        parts: what each of them owes.
    """

    def __init__(self, parts: Sequence[Asked]) -> None:
        self.parts = parts

    @property
    def ref(self) -> Any:
        """What Ray knows the first one's answer by."""
        return self.parts[0].ref

    def result(self) -> Any:
        """The first one's answer, once all are there; with one worker all are lost, for they wait for it."""
        import ray

        waiting = {one.ref: one for one in self.parts}
        try:
            while waiting:
                seconds = next(iter(waiting.values())).seat.seconds
                there, late = ray.wait(list(waiting), num_returns=1, timeout=seconds)
                for ref in there:
                    waiting.pop(ref).result()
                if not there:
                    waiting[late[0]].seat.answered(late[0], wait=0)
        except LostWorkerError:
            for one in self.parts:
                one.seat.lost = True
            raise
        return self.parts[0].result()


class RaySeat:
    """One worker.

    Args:
        role: what it plays, for errors.
        share: what it takes of a machine.
        seconds: the longest wait for an answer.
        module: has the hosts that it will hold.

    Attributes:
        seconds: that longest wait.
        lost: whether it was found to be gone or hung.
    """

    def __init__(self, role: str, share: Share, seconds: float, module: str) -> None:
        import ray

        self.role, self.seconds, self.lost = role, seconds, False
        kind: Any = ray.remote(Worker)
        self._actor: Any = kind.options(
            num_cpus=share.cpus, num_gpus=share.gpus, resources=share.resources or None, max_restarts=0
        ).remote(role, module)
        self._identity = self._actor.identity.remote()

    def ask(self, method: str, *args: Any) -> Asked:
        return self._asked(self._actor.answer, method, *args)

    def hold(self, host: type, threads: int, *args: Any) -> Asked:
        """Let the worker hold ``host(*args)`` from now on."""
        return self._asked(self._actor.hold, host, threads, *args)

    def check_identity(self) -> None:
        """Wait until the worker is there, and test that it has this process's versions.

        Raises:
            LostWorkerError: if it does not come.
            CollmError: if something of it differs, or it lacks this package.
        """
        try:
            theirs = self.answered(self._identity, max(self.seconds, _START_SECONDS))
        except ModuleNotFoundError as error:
            raise _unlike(self.role, f"lacks {error.name}") from None
        except LostWorkerError as error:
            if "ModuleNotFoundError" in str(error):
                raise _unlike(self.role, "lacks collm or what it needs") from None
            raise
        differing = identity().differing(theirs)
        if differing:
            raise _unlike(self.role, f"has {differing}")

    def awaited(self, ref: Any, wait: float | None = None) -> Any:
        """What a reference stands for.

        Args:
            wait: the longest time for it, in seconds; by default that of the worker.

        Raises:
            LostWorkerError: if the worker, or one that it waits for, is gone or takes too long.
        """
        import ray

        with ray_faults_told(self.role, self.seconds):
            return ray.get(ref, timeout=self.seconds if wait is None else wait)

    def answered(self, ref: Any, wait: float | None = None) -> Any:
        """As :meth:`awaited`, of what needs no other worker; if none comes, this one is lost."""
        try:
            return self.awaited(ref, wait)
        except LostWorkerError:
            self.lost = True
            raise

    def process(self) -> int:
        """The worker's process id on its machine."""
        return int(self.answered(self._actor.process.remote()))

    def look(self) -> None:
        """Find out whether the worker still answers."""
        with suppress(LostWorkerError):
            self.answered(self._actor.identity.remote())

    def let_go(self) -> Any:
        """Ask the worker to hold nothing any more; what Ray knows the answer by."""
        return self._actor.let_go.remote()

    def leave(self) -> None:
        """End the worker, whatever it is doing."""
        import ray

        ray.kill(self._actor)

    def _asked(self, method: Any, *args: Any) -> Asked:
        sent = [one.ref if isinstance(one, Asked | JointAsked | Shared) else one for one in args]
        try:
            with ray_faults_told(self.role, self.seconds):
                return Asked(method.remote(*sent), self, [part for one in args for part in _owed(one)])
        except TypeError as error:  # what Ray makes of anything that pickle refuses
            problem = f"something for {self.role} cannot be sent to another process: {first_line(error)}."
            mend = "leave placement.graders.workers at 0, or make the environment's states plain data."
            raise CollmError("placement", problem, mend) from None


def _owed(value: Any) -> Sequence[Asked]:
    """The answers that are owed for an argument."""
    if isinstance(value, JointAsked):
        return value.parts
    return [value] if isinstance(value, Asked) else []


class Shared:
    """A value that goes to several workers, put into the object store once."""

    def __init__(self, value: Any, seconds: float) -> None:
        import ray

        with ray_faults_told("the loop", seconds):
            self.ref = ray.put(value)


def _unlike(role: str, what: str) -> CollmError:
    problem = f"the worker for {role} {what}."
    mend = "install the same versions on every machine of the cluster, in the Python that starts Ray."
    return CollmError("placement", problem, mend)
