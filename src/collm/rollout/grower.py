"""What a rollout begins with and ends with, and what every step of growing trees needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from collm.agents.policy import Policy
from collm.algorithms.base import Branching
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment, Task
from collm.errors import InfrastructureError
from collm.types import Tree


@dataclass(frozen=True, slots=True)
class Reset:
    """Where a tree begins: a task, and the seed that decides all its randomness."""

    task: Task
    seed: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was grown and what it cost.

    Attributes:
        trees: one for each reset, in order.
        inference_calls: actions drawn, over all agents.
        tokens: tokens drawn, by agent.
    """

    trees: tuple[Tree, ...]
    inference_calls: int
    tokens: Mapping[str, int]

    @property
    def sound(self) -> tuple[Tree, ...]:
        """The trees that did not fail."""
        return tuple(tree for tree in self.trees if tree.failure is None)


@dataclass(frozen=True, slots=True)
class Grower:
    """What every step of growing needs.

    Attributes:
        failures: by number of the tree, why its infrastructure failed; filled while it grows.
        drawn: by agent, the tokens of every action; filled while it grows.
    """

    env: Held
    policies: Mapping[str, Policy]
    resets: Sequence[Reset]
    branching: Branching
    greedy: bool
    failures: dict[int, str]
    drawn: dict[str, list[int]]

    @contextmanager
    def noting(self, tree: int) -> Iterator[None]:
        """Keep the first failure of a tree's infrastructure instead of raising it."""
        try:
            yield
        except InfrastructureError as error:
            self.failures.setdefault(tree, str(error))


def grower_of(
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    resets: Sequence[Reset],
    branching: Branching,
    greedy: bool,
) -> Grower:
    """A grower of trees that has drawn nothing yet."""
    held = hold(env)
    return Grower(held, policies, resets, branching, greedy, {}, {agent: [] for agent in held.agents})


def cost(grower: Grower) -> tuple[int, dict[str, int]]:
    """How many actions were drawn, and each agent's tokens."""
    return sum(map(len, grower.drawn.values())), {agent: sum(one) for agent, one in grower.drawn.items()}
