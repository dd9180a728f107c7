"""Probe environments: tiny tasks with known optima, each unsolvable for one kind of broken estimator.

Two agents reply at the same time; a reply counts as one bit, so that even an untrained model of a few
thousand weights gives both. Training on all of them takes seconds and tells where a mistake lies:
the update itself (``probe_constant``), reading (``probe_observation``), credit over turns
(``probe_credit``), acting together (``probe_coordination``), what critics see (``probe_joint``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean
from typing import Any, ClassVar, Literal

from collm.env import Environment, Split, Transition
from collm.errors import CollmError
from collm.types import Observation, Observations

Bits = tuple[int, int]


@dataclass(frozen=True, slots=True)
class BitsTask:
    """One bit for each agent."""

    id: str
    bits: Bits


@dataclass(frozen=True, slots=True)
class ProbeState:
    """The task and what the agents chose so far, by turn."""

    task: BitsTask
    choices: tuple[Bits, ...] = ()


def choice(reply: str) -> int:
    """The bit that a reply counts as: whether its first character's code is even; 0 for no reply."""
    return int(bool(reply) and ord(reply[0]) % 2 == 0)


class Probe(Environment[BitsTask, ProbeState]):
    """Base of the probes. Critics get no global information: they must read the histories.

    Attributes:
        optimum: the mean return of the best team over all tasks.
    """

    headline: ClassVar[tuple[str, ...]] = ("chosen",)
    internal: ClassVar[bool] = True
    optimum: ClassVar[float] = 1.0

    num_turns: Literal[1, 2] = 1

    @abstractmethod
    def _shown(self, state: ProbeState) -> tuple[str, str]:
        """What the two agents read."""

    @abstractmethod
    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        """The reward of the last of the joint choices."""

    @property
    def agents(self) -> tuple[str, ...]:
        return "a", "b"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[BitsTask]:
        return [BitsTask(f"{one}{other}", (one, other)) for one, other in product((0, 1), repeat=2)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> BitsTask:
        bits = row.get("bits")
        if not isinstance(bits, list) or len(bits) != 2 or any(bit not in (0, 1) for bit in bits):
            raise CollmError(f"{where}.bits", f"must be two bits, got {bits!r}.", "write it as [0, 1].")
        return BitsTask(f"{bits[0]}{bits[1]}", (int(bits[0]), int(bits[1])))

    def reset(self, task: BitsTask, seed: int) -> ProbeState:
        return ProbeState(task)

    def observe(self, state: ProbeState) -> Observations:
        shown = zip(self.agents, self._shown(state), strict=True)
        return {agent: Observation(text, raw=True) for agent, text in shown}

    def step(self, state: ProbeState, replies: Mapping[str, str]) -> Transition[ProbeState]:
        one, other = (choice(replies[agent]) for agent in self.agents)
        following = replace(state, choices=(*state.choices, (one, other)))
        return Transition(
            state=following,
            reward=self._reward(state.task.bits, following.choices),
            metrics={"chosen": (one + other) / 2},
            terminated=len(following.choices) >= self.num_turns,
        )

    def global_information(self, turn: int, last_reward: float | None) -> str:
        return ""


class ConstantProbe(Probe):
    """The share of ones: the update must push in the right direction. Blind optimum 1."""

    type: Literal["probe_constant"] = "probe_constant"
    num_turns: Literal[1] = 1

    def _shown(self, state: ProbeState) -> tuple[str, str]:
        return "?", "?"

    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        return fmean(choices[-1])


class ObservationProbe(Probe):
    """The share of agents that repeat the bit they were shown: histories must reach the model.

    Optimum 1; without reading 1/2.
    """

    type: Literal["probe_observation"] = "probe_observation"
    num_turns: Literal[1] = 1

    def _shown(self, state: ProbeState) -> tuple[str, str]:
        return str(state.task.bits[0]), str(state.task.bits[1])

    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        return fmean(float(bit == chosen) for bit, chosen in zip(bits, choices[-1], strict=True))


class CreditProbe(Probe):
    """The share of ones at the first turn, paid at the second, where each agent is shown what it chose.

    The second choices do not matter: credit must go back over a turn. Optimum 1; an estimator that looks
    at a turn's own reward learns nothing.
    """

    type: Literal["probe_credit"] = "probe_credit"
    num_turns: Literal[2] = 2

    def _shown(self, state: ProbeState) -> tuple[str, str]:
        if not state.choices:
            return "?", "?"
        return str(state.choices[0][0]), str(state.choices[0][1])

    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        return 0.0 if len(choices) == 1 else fmean(choices[0])


class CoordinationProbe(Probe):
    """One good joint action, two ones; nothing is paid for half of it. Optimum 1."""

    type: Literal["probe_coordination"] = "probe_coordination"
    num_turns: Literal[1] = 1

    def _shown(self, state: ProbeState) -> tuple[str, str]:
        return "?", "?"

    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        return float(choices[-1] == (1, 1))


class JointProbe(Probe):
    """Half the reward is the share of ones, half the share of agents that were shown a one.

    The second half is beyond anyone's control: its mean, given one agent's history, leaves half of its
    variance open, given the joint history none. Optimum 3/4.

    Attributes:
        local_explained_variance: the most that a critic of one history can explain of a good team's returns.
    """

    optimum: ClassVar[float] = 0.75
    local_explained_variance: ClassVar[float] = 0.5

    type: Literal["probe_joint"] = "probe_joint"
    num_turns: Literal[1] = 1

    def _shown(self, state: ProbeState) -> tuple[str, str]:
        return str(state.task.bits[0]), str(state.task.bits[1])

    def _reward(self, bits: Bits, choices: Sequence[Bits]) -> float:
        return 0.5 * fmean(choices[-1]) + 0.5 * fmean(bits)
