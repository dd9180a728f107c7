"""The games of bits as environments, and agents that toss coins, for the library's own rollouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, ClassVar, Literal

from benchmarks.propositions.laws import Bits, Pay
from collm.agents.policy import Actions, Request
from collm.algorithms.reinforce import Reinforce
from collm.base.seeding import derive
from collm.engines.base import Deferred
from collm.env import Environment, Split, StepSeconds, Transition
from collm.rollout import Reset, Rollout, rollout
from collm.types import Action, Observation, Observations, Tree


@dataclass(frozen=True)
class Start:
    id: str = "bits"


@dataclass(frozen=True)
class Said:
    """The joint bits so far, and what chance adds to the last reward."""

    joints: tuple[Bits, ...]
    luck: float


def first(bits: Bits) -> float:
    """The first bit is paid at once: nothing that follows plays a role."""
    return float(bits[0]) if len(bits) == 1 else 0.0


def every(bits: Bits) -> float:
    """Every bit is paid at once."""
    return float(bits[-1])


def parity(turns: int) -> Pay:
    """At the end the parity of all bits: nothing is known before the last."""
    return lambda bits: (-1.0) ** sum(bits) if len(bits) == turns else 0.0


class Tossing(Environment[Start, Said]):
    """Pays bits as ``pay`` says; two agents get the mean of what each would get alone.

    Attributes:
        luck: this much more or less at the end, by the episode's seed: all branches of a tree share it.
    """

    internal: ClassVar[bool] = True
    type: Literal["tossing"] = "tossing"
    step_seconds: StepSeconds = None
    pay: Any
    size: int = 1
    luck: float = 0.0

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple("ab"[: self.size])

    @property
    def reward_range(self) -> tuple[float, float]:
        return -1.0 - self.luck, 1.0 + self.luck

    def tasks(self, split: Split) -> Sequence[Start]:
        return [Start()]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Start:
        return Start()

    def reset(self, task: Start, seed: int) -> Said:
        return Said((), self.luck * (1 if derive(seed, "luck") % 2 else -1))

    def observe(self, state: Said) -> Observations:
        return dict.fromkeys(self.agents, Observation("?", raw=True))

    def step(self, state: Said, replies: Mapping[str, str]) -> Transition[Said]:
        joint = tuple(int(replies[agent]) for agent in self.agents)
        following = replace(state, joints=(*state.joints, joint))
        ended = len(following.joints) == self.num_turns
        earned = fmean(self.pay(tuple(one[i] for one in following.joints)) for i in range(self.size))
        return Transition(following, earned + (state.luck if ended else 0.0), terminated=ended)

    def global_information(self, turn: int, last_reward: float | None) -> str:
        return ""


class Coin:
    """Says a bit by its seed."""

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        return Deferred(lambda: [tuple(map(self._tossed, request.seeds)) for request in requests])

    def release(self) -> None:
        pass

    def _tossed(self, seed: int) -> Action:
        bit = derive(seed, "coin") % 2
        return Action(str(bit), token_ids=(bit,))


def grown(env: Tossing, algorithm: Reinforce, trees: int, seed: int) -> Rollout:
    """Trees as a training run would grow them."""
    resets = [Reset(Start(), derive(seed, "tree", number)) for number in range(trees)]
    return rollout(env, {agent: Coin() for agent in env.agents}, resets, algorithm.branching)


def estimate(algorithm: Reinforce, tree: Tree) -> float:
    """The first agent's gradient at the root, with the advantages that the algorithm gives."""
    advantages = algorithm.advantages(tree, "a", {}).tolist()
    roots = [number for number, parent in enumerate(tree.parents) if parent is None]
    return fmean((int(tree.turns[one].joint_action["a"].text) - 0.5) * advantages[one] for one in roots)
