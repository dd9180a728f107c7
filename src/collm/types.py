"""Records that travel between the rooms of the library: frozen, plain data, no tensors.

A rollout from one task is a :class:`Tree` of joint turns. With one sample at each history (``K = 1``)
the tree is a single branch, so Monte-Carlo trees and actor-critic episodes share one structure.
A turn goes by its number in its tree everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Ids = tuple[int, ...]
"""Token ids."""

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one agent receives at a turn.

    Attributes:
        text: the message.
        system: a system message to open the history with; used at an agent's first turn alone.
        raw: append ``text`` as it is, without the agent's chat template.
    """

    text: str
    system: str | None = None
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One agent's whole reply, with the exact tokens that were read and written.

    Attributes:
        text: the decoded reply, without special tokens.
        prompt_ids: every token the model was conditioned on (its history, cut to the context limit).
        token_ids: the sampled tokens, the end-of-turn token included when it was sampled.
        token_logprobs: log-probability of each of ``token_ids`` under the behavior policy, which is
            the sampling distribution itself (temperature, top-k and top-p applied).
        finish_reason: ``stop`` at an end-of-turn token, ``length`` at the token limit.
        version: of the weights that drew it: how many steps its agent had taken.
        id: names the action in its tree, where several joint actions may share it.
    """

    text: str
    prompt_ids: Ids = ()
    token_ids: Ids = ()
    token_logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason = "stop"
    version: int = 0
    id: str = ""

    @property
    def logprob(self) -> float:
        """Log-probability of the action as one sequence (paper section 4.2), in nats."""
        return sum(self.token_logprobs)


Observations = Mapping[str, Observation]
JointAction = Mapping[str, Action]


@dataclass(frozen=True, slots=True)
class History:
    """One agent's observations and own actions so far, in order."""

    observations: tuple[Observation, ...] = ()
    actions: tuple[Action, ...] = ()

    def after(self, observation: Observation, action: Action) -> History:
        """The history one turn later."""
        return History((*self.observations, observation), (*self.actions, action))


@dataclass(frozen=True, slots=True)
class Turn:
    """One environment step.

    Attributes:
        t: the turn, from 0.
        observations: by agent; an agent that skips the turn is absent.
        joint_action: by agent, the same keys.
        reward: the joint reward after scale and shift, as the algorithm sees it.
        raw_reward: the joint reward as the environment gave it.
        components: named terms of the raw reward.
        metrics: named measures that are logged and evaluated.
        global_information: ``m_t``, text that only critics read (paper appendix E.3).
        terminated: nothing follows; the value beyond is 0.
        truncated: cut off from outside; the value beyond is bootstrapped from ``next_observations``.
        agent_rewards: rewards of single agents after scale and shift, where the environment gives them.
        next_observations: only on a truncated turn.
        next_global_information: only on a truncated turn.
        learned: whether agents and critics learn from it; a greedy baseline, say, is only looked at.
        probe: what it was played for, if not as a sample of the team's play.
        global_numbers: ``m_t`` as numbers, for small networks beside critics.
        next_global_numbers: only on a truncated turn.
    """

    t: int
    observations: Observations
    joint_action: JointAction
    reward: float
    raw_reward: float
    components: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    global_information: str = ""
    terminated: bool = False
    truncated: bool = False
    agent_rewards: Mapping[str, float] | None = None
    next_observations: Observations | None = None
    next_global_information: str = ""
    learned: bool = True
    probe: str = ""
    global_numbers: tuple[float, ...] = ()
    next_global_numbers: tuple[float, ...] = ()

    def reward_of(self, agent: str) -> float:
        """The reward that ``agent`` learns from: the joint one unless the environment split it."""
        return self.reward if self.agent_rewards is None else self.agent_rewards[agent]


class Task(Protocol):
    """Any frozen record with a name."""

    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tree:
    """All joint turns rolled out from one task.

    Attributes:
        task: what was played.
        seed: the seed that the environment was reset with.
        turns: every joint turn once, depth first: parents before children, siblings in order; what was
            played as a probe follows.
        parents: for each turn the number of the one before it, ``None`` at ``t = 0``.
        failure: why the rollout broke, if it did; a failed tree has no turns and leaves the batch.
    """

    task: Task
    seed: int
    turns: tuple[Turn, ...] = ()
    parents: tuple[int | None, ...] = ()
    failure: str | None = None

    @property
    def families(self) -> dict[int | None, tuple[int, ...]]:
        """The turns after each turn, siblings sampled from one history; ``None`` has those at ``t = 0``."""
        children: dict[int | None, tuple[int, ...]] = {}
        for number, parent in enumerate(self.parents):
            children[parent] = (*children.get(parent, ()), number)
        return children

    @property
    def roots(self) -> tuple[Turn, ...]:
        """The sibling joint turns at ``t = 0``."""
        return tuple(turn for turn, parent in zip(self.turns, self.parents, strict=True) if parent is None)

    @property
    def played(self) -> Tree:
        """The tree without what was played as a probe."""
        count = sum(not turn.probe for turn in self.turns)
        return Tree(self.task, self.seed, self.turns[:count], self.parents[:count], self.failure)

    def path(self, number: int) -> tuple[int, ...]:
        """The turns from ``t = 0`` down to one, itself included."""
        path = [number]
        while (parent := self.parents[path[-1]]) is not None:
            path.append(parent)
        return tuple(reversed(path))

    def episodes(self) -> Iterator[tuple[int, ...]]:
        """The path to every turn that nothing follows."""
        inner = set(self.parents)
        yield from (self.path(number) for number in range(len(self.turns)) if number not in inner)

    def branches(self, number: int) -> tuple[int, ...]:
        """The place among its siblings of every turn on the path to one."""
        families = self.families
        return tuple(families[self.parents[one]].index(one) for one in self.path(number))
