"""One vLLM and the agents that draw there: their requests of a turn become one batch.

Weights are taken over right before something is drawn with them, not after every step of the optimizer, and
each time vLLM must then say of a fixed prompt what the trainer says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from collm.engines.base import Completion, Prompt
from collm.engines.following import Following
from collm.engines.kind import EngineNeeds
from collm.engines.probe import probe_of
from collm.engines.vllm.backend import Adapter, Backend, Drawn, Job
from collm.engines.vllm.weights import named_weights, remove, write_adapter
from collm.models.config import Sampling

Completions = list[tuple[Completion, ...]]


@dataclass(slots=True, eq=False)
class Member:
    """An agent at a station.

    Attributes:
        version: of the weights that are trained.
        taken: the version that the vLLM has; ``None`` before it has any of this agent's.
        adapter: the state that it has, if the agent has an adapter.
        mismatch: mean difference in nats a token when it was last taken over.
    """

    needs: EngineNeeds
    following: Following
    version: int = 0
    taken: int | None = None
    adapter: Adapter | None = None
    mismatch: float | None = None


@dataclass(slots=True, eq=False)
class Ticket:
    """A member's requests, and what was drawn for them once it has been."""

    member: Member
    prompts: Sequence[Prompt]
    sampling: Sampling
    completions: Completions | None = None

    def jobs(self) -> list[Job]:
        return [
            job_of(self.member, prompt, seed, self.sampling)
            for prompt in self.prompts
            for seed in prompt.seeds
        ]

    def fill(self, drawn: Sequence[Drawn]) -> None:
        rest, version = iter(drawn), self.member.taken or 0
        self.completions = [
            tuple(_completion(next(rest), version) for _ in prompt.seeds) for prompt in self.prompts
        ]


@dataclass(slots=True)
class Station:
    """A vLLM, opened when it is first needed: by then all who draw there are known.

    Attributes:
        opened: opens it for its members.
        folder: where adapters are written; ``None`` for a temporary one.
        sleep_level: how deep it sleeps while nobody draws; ``None`` not at all.
    """

    opened: Callable[[Sequence[Member]], Backend]
    folder: Path | None = None
    sleep_level: int | None = None
    members: list[Member] = field(default_factory=list)
    _waiting: list[Ticket] = field(default_factory=list)
    _backend: Backend | None = None
    _asleep: bool = False
    _home: TemporaryDirectory[str] | None = None
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def submit(self, ticket: Ticket) -> None:
        self._waiting.append(ticket)

    def completions(self, ticket: Ticket) -> Completions:
        """What was drawn for a ticket, together with all that wait."""
        if ticket.completions is None:
            waiting, self._waiting = self._waiting, []
            backend = self.ready([one.member for one in waiting])
            jobs = [one.jobs() for one in waiting]
            drawn = iter(backend.draw([job for own in jobs for job in own]))
            for one, own in zip(waiting, jobs, strict=True):
                one.fill([next(drawn) for _ in own])
        assert ticket.completions is not None
        return ticket.completions

    def rest(self) -> None:
        """Nobody draws until the next ticket."""
        if self.sleep_level is not None and self._backend is not None and not self._asleep:
            self._backend.sleep(self.sleep_level)
            self._asleep = True

    def ready(self, drawing: Sequence[Member]) -> Backend:
        """The vLLM, awake and with the newest weights of everybody who draws.

        Raises:
            CollmError: if it cannot be opened, or draws with other weights.
        """
        if self._backend is None:
            self._backend = self.opened(self.members)
        if self._asleep:
            self._backend.wake()
            self._asleep = False
            if self.sleep_level == 2:  # it has forgotten the weights
                for member in self.members:
                    member.taken = None
        stale = [member for member in self.members if member in drawing and member.taken != member.version]
        for member in stale:
            self._take(self._backend, member)
        if stale:
            self._backend.forget()
        for member in stale:
            self._check(self._backend, member)
        return self._backend

    def _take(self, backend: Backend, member: Member) -> None:
        weights, before = member.needs.weights, member.adapter
        if member.needs.model.adapter is None:
            with weights.model() as model:
                backend.take_weights(named_weights(model))
        else:
            number = next(self._numbers)
            name = f"{member.needs.agent}-{os.getpid()}-{number}"
            member.adapter = write_adapter(weights, self._adapters(), name, number)
            backend.take_adapter(member.adapter, before)
            if before is not None:
                remove(before)

    def _adapters(self) -> Path:
        if self.folder is not None:
            return self.folder
        if self._home is None:
            self._home = TemporaryDirectory(prefix="collm-adapters-", ignore_cleanup_errors=True)
        return Path(self._home.name)

    def _check(self, backend: Backend, member: Member) -> None:
        """Compare vLLM with the trainer on a fixed prompt.

        Raises:
            CollmError: if they differ by more than rounding.
        """
        probe = probe_of(member.needs)
        (drawn,) = backend.draw([job_of(member, probe.prompt, 0, probe.sampling, ends=())])
        member.mismatch = probe.mismatch(drawn.token_ids, drawn.token_logprobs)
        member.following.check(member.needs.agent, member.mismatch, f"after step {member.version}")
        member.taken = member.version


def job_of(
    member: Member, prompt: Prompt, seed: int, sampling: Sampling, ends: tuple[int, ...] | None = None
) -> Job:
    """One completion of an agent's; it ends at the agent's end tokens unless told otherwise."""
    end_ids = tuple(sorted(member.needs.end_ids)) if ends is None else ends
    return Job(prompt.token_ids, seed, sampling, end_ids, member.adapter)


def _completion(drawn: Drawn, version: int) -> Completion:
    return Completion(drawn.token_ids, drawn.token_logprobs, drawn.finish_reason, version)
