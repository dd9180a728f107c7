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
        self.ref, self._seat, self._needs = ref, seat, needs
        self._known: list[Any] = []

    @property
    def is_there(self) -> bool:
        """Whether :meth:`result` need not wait."""
        import ray

        return bool(ray.wait([self.ref], timeout=0)[0])

    def result(self) -> Any:
        if not self._known:
            try:
                self._known.append(self._seat.awaited(self.ref))
            except LostWorkerError:
                for one in self._needs:  # one of these may be the worker that is lost
                    one._seat.answered(one.ref, wait=0)
                self._seat.lost = True
                raise
        return self._known[0]


class RaySeat:
    """One worker.

    Args:
        role: what it plays, for errors.
        share: what it takes of a machine.
        seconds: the longest wait for an answer.

    Attributes:
        lost: whether it was found to be gone or hung.
    """

    def __init__(self, role: str, share: Share, seconds: float) -> None:
        import ray

        self.role, self._seconds, self.lost = role, seconds, False
        kind: Any = ray.remote(Worker)
        self._actor: Any = kind.options(
            num_cpus=share.cpus, num_gpus=share.gpus, resources=share.resources or None, max_restarts=0
        ).remote()
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
            theirs = self.answered(self._identity, max(self._seconds, _START_SECONDS))
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

        with ray_faults_told(self.role, self._seconds):
            return ray.get(ref, timeout=self._seconds if wait is None else wait)

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

    def leave(self) -> None:
        """End the worker, whatever it is doing."""
        import ray

        ray.kill(self._actor)

    def _asked(self, method: Any, *args: Any) -> Asked:
        sent = [one.ref if isinstance(one, Asked | Shared) else one for one in args]
        try:
            with ray_faults_told(self.role, self._seconds):
                return Asked(method.remote(*sent), self, [one for one in args if isinstance(one, Asked)])
        except TypeError as error:  # what Ray makes of anything that pickle refuses
            problem = f"something for {self.role} cannot be sent to another process: {first_line(error)}."
            mend = "leave placement.graders.workers at 0, or make the environment's states plain data."
            raise CollmError("placement", problem, mend) from None


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
