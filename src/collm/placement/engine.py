"""An engine whose replicas are elsewhere; to its policy it is one engine.

Numbers depend on what is decoded together, in the last bit. So requests are split where an engine in this
process would split them, into batches of ``batch_rows``, and a batch finds the keys and values of earlier
turns where it is decoded: what another replica kept is sent over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from collm.engines.base import Completion, Deferred, Pending, Prompt
from collm.errors import CollmError
from collm.models.config import Sampling
from collm.placement.base import Seat
from collm.types import Ids, Observation

Answers = list[tuple[Completion, ...]]


@dataclass(frozen=True, slots=True)
class Portion:
    """What one replica draws: prompts in order, and the numbers of their samples among all."""

    prompts: tuple[Prompt, ...]
    numbers: tuple[int, ...]


def portions(prompts: Sequence[Prompt], batch_rows: int, replicas: int, first: int) -> dict[int, Portion]:
    """Deal out the batches, one replica after another.

    Args:
        prompts: each with as many samples as it has seeds.
        batch_rows: samples of a batch; only the last batch of all may have fewer.
        first: the replica that gets the first batch.
    """
    samples = [(prompt, seed) for prompt in prompts for seed in prompt.seeds]
    numbers: dict[int, list[int]] = {}
    for number in range(len(samples)):
        numbers.setdefault((number // batch_rows + first) % replicas, []).append(number)
    return {
        replica: Portion(_joined([samples[number] for number in own]), tuple(own))
        for replica, own in numbers.items()
    }


def _joined(samples: Sequence[tuple[Prompt, int]]) -> tuple[Prompt, ...]:
    """Samples of one prompt, side by side, as one prompt."""
    groups = groupby(samples, key=lambda sample: id(sample[0]))
    joined = [list(group) for _, group in groups]
    return tuple(replace(group[0][0], seeds=tuple(seed for _, seed in group)) for group in joined)


class RemoteEngine:
    """Draws with replicas of one agent's engine.

    Args:
        name: the agent's.
        learner: has the weights.
        replicas: of the engine.
        batch_rows: the agent's.
        first: the replica that gets the first batch, so that agents begin with different ones.
    """

    def __init__(
        self, name: str, learner: Seat, replicas: Sequence[Seat], batch_rows: int, first: int
    ) -> None:
        self._name, self._learner, self._replicas = name, learner, replicas
        self._batch_rows, self._first = batch_rows, first
        self._homes: dict[Ids, int] = {}
        self._version = self._sent = 0

    def submit(self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool) -> Deferred[Answers]:
        taken = self._weights_sent()
        known = [
            prompt if prompt.token_ids[: prompt.known] in self._homes else replace(prompt, known=0)
            for prompt in prompts
        ]
        dealt = portions(known, self._batch_rows, len(self._replicas), self._first)
        self._move(dealt)
        asked = {
            replica: self._replicas[replica].ask("submit", self._name, portion.prompts, sampling, keep)
            for replica, portion in dealt.items()
        }
        return Deferred(lambda: self._gathered(known, dealt, asked, taken, keep))

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        """As :meth:`collm.agents.agent.Agent.check_reads`, where the agent draws."""
        self._replicas[0].ask("check_reads", self._name, list(observations), place).result()

    def release(self) -> None:
        self._homes.clear()
        for replica in self._replicas:
            replica.ask("release", self._name)

    def refresh(self, version: int) -> None:
        """The learner's weights have changed; replicas get them before they next draw."""
        self._version = version
        self._homes.clear()

    def _weights_sent(self) -> list[Pending[None]]:
        """Let the learner send every replica the newest weights, once for each version."""
        if self._sent == self._version:
            return []
        self._sent = self._version
        weights = self._learner.ask("weights", self._name)
        return [replica.ask("take", self._name, self._version, weights) for replica in self._replicas]

    def _move(self, dealt: Mapping[int, Portion]) -> None:
        """Bring keys and values to the replicas that need them: all are asked for before any is moved."""
        wanted: dict[tuple[int, int], list[Ids]] = {}
        for replica, portion in dealt.items():
            prefixes = dict.fromkeys(one.token_ids[: one.known] for one in portion.prompts if one.known)
            for prefix in prefixes:
                if self._homes[prefix] != replica:
                    wanted.setdefault((self._homes[prefix], replica), []).append(prefix)
        lent = {
            (home, replica): self._replicas[home].ask("lend", self._name, prefixes)
            for (home, replica), prefixes in wanted.items()
        }
        for (_, replica), rows in lent.items():
            self._replicas[replica].ask("borrow", self._name, rows)
        for portion in dealt.values():
            for prompt in portion.prompts:
                self._homes.pop(prompt.token_ids[: prompt.known], None)

    def _gathered(
        self,
        prompts: Sequence[Prompt],
        dealt: Mapping[int, Portion],
        asked: Mapping[int, Pending[Answers]],
        taken: Sequence[Pending[None]],
        keep: bool,
    ) -> Answers:
        """All completions in the order of the prompts, whoever answered first."""
        for one in taken:
            one.result()
        drawn: dict[int, tuple[int, Completion]] = {}
        for replica, portion in dealt.items():
            own = [completion for several in asked[replica].result() for completion in several]
            drawn |= zip(portion.numbers, ((replica, one) for one in own), strict=True)
        in_order = iter(drawn[number] for number in sorted(drawn))
        answers: Answers = []
        for prompt in prompts:
            own_answers = [next(in_order) for _ in prompt.seeds]
            for replica, completion in own_answers:
                self._check_version(completion)
                if keep:
                    self._homes[prompt.token_ids + completion.token_ids] = replica
            answers.append(tuple(completion for _, completion in own_answers))
        return answers

    def _check_version(self, completion: Completion) -> None:
        if completion.version != self._version:
            problem = f"an engine drew with version {completion.version} of the weights, not {self._version}."
            raise CollmError(f"agents.{self._name}", problem, "report it: weights did not reach the engine.")
