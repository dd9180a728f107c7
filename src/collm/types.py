"""Records that travel between the rooms of the library: frozen, plain data, no tensors.

A rollout from one task is a :class:`Tree` of joint turns. With one sample at each history (``K = 1``)
the tree is a single branch, so Monte-Carlo trees and actor-critic episodes share one structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

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
    """

    text: str
    prompt_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    token_logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason = "stop"

    @property
    def logprob(self) -> float:
        """Log-probability of the action as one sequence (paper section 4.2), in nats."""
        return sum(self.token_logprobs)


Observations = Mapping[str, Observation]
JointAction = Mapping[str, Action]


@dataclass(frozen=True, slots=True)
class Turn:
    """One environment step and everything that follows from it.

    Attributes:
        index: the turn ``t``, from 0.
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
        children: the sibling joint turns sampled from the history after this one.
    """

    index: int
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
    children: tuple[Turn, ...] = ()

    def reward_of(self, agent: str) -> float:
        """The reward that ``agent`` learns from: the joint one unless the environment split it."""
        return self.reward if self.agent_rewards is None else self.agent_rewards[agent]


Episode = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """All joint turns rolled out from one task.

    Attributes:
        task_id: the task's name.
        seed: the seed that the environment was reset with.
        roots: the sibling joint turns at ``t = 0``; empty if the rollout failed.
        failure: why the rollout broke, if it did; a failed tree leaves the batch.
    """

    task_id: str
    seed: int
    roots: tuple[Turn, ...]
    failure: str | None = None

    def episodes(self) -> Iterator[Episode]:
        """Every path from a root to a leaf, in depth-first order."""
        stack: list[Episode] = [(root,) for root in reversed(self.roots)]
        while stack:
            path = stack.pop()
            if path[-1].children:
                stack.extend((*path, child) for child in reversed(path[-1].children))
            else:
                yield path

    def turns(self) -> Iterator[Turn]:
        """Every joint turn once, parents before children, siblings in order."""
        stack = list(reversed(self.roots))
        while stack:
            turn = stack.pop()
            yield turn
            stack.extend(reversed(turn.children))
