"""Games of single bits, small enough to list every tree that a team can grow, with its probability."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import cast

import torch

from collm.algorithms.base import Algorithm, Prediction, Probe
from collm.types import Action, Observation, Tree, Turn
from tests.trees import Named

Joint = tuple[int, ...]
Past = tuple[Joint, ...]


@dataclass(frozen=True)
class Game:
    """``turns`` turns of one bit for each agent.

    Attributes:
        reward: of the last joint action of a past.
        ones: by turn and agent, the probability of a one.
    """

    turns: int
    reward: Callable[[Past], float]
    ones: Sequence[Sequence[float]]

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple("abcd"[: len(self.ones[0])])

    def chance(self, turn: int, joint: Joint) -> float:
        return math.prod(one if bit else 1 - one for one, bit in zip(self.ones[turn], joint, strict=True))

    def joints(self) -> list[Joint]:
        return list(product((0, 1), repeat=len(self.agents)))

    def greedy(self, turn: int) -> Joint:
        return tuple(int(one > 0.5) for one in self.ones[turn])

    def value(self, past: Past) -> float:
        """What is still to come, on average."""
        if len(past) == self.turns:
            return 0.0
        return sum(self.chance(len(past), joint) * self.worth((*past, joint)) for joint in self.joints())

    def worth(self, past: Past) -> float:
        """The reward of the last joint action and what is still to come, on average."""
        return self.reward(past) + self.value(past)

    def gradient(self, agent: int, turn: int) -> float:
        """Of the expected return by the logit of an agent's one at a turn: of the sum over all episodes."""
        logits = torch.tensor(self.ones, dtype=torch.float64).logit().requires_grad_()
        ones, total = logits.sigmoid(), torch.zeros((), dtype=torch.float64)
        for past in product(self.joints(), repeat=self.turns):
            chance = torch.ones((), dtype=torch.float64)
            for t, joint in enumerate(past):
                for one, bit in zip(ones[t], joint, strict=True):
                    chance = chance * (one if bit else 1 - one)
            total = total + chance * sum(self.reward(past[: t + 1]) for t in range(self.turns))
        total.backward()
        assert logits.grad is not None
        return float(logits.grad[turn, agent])


@dataclass
class Growing:
    """A tree that is written down turn by turn."""

    game: Game
    turns: list[Turn] = field(default_factory=list)
    parents: list[int | None] = field(default_factory=list)
    pasts: list[Past] = field(default_factory=list)

    def copy(self) -> Growing:
        return Growing(self.game, [*self.turns], [*self.parents], [*self.pasts])

    def add(
        self, parent: int | None, joint: Joint, ids: Mapping[str, str], probe: str = "", learned: bool = True
    ) -> int:
        past = (*(() if parent is None else self.pasts[parent]), joint)
        number, reward = len(self.turns), self.game.reward(past)
        actions = {
            agent: Action(str(bit), id=ids.get(agent, f"{number}/{agent}"))
            for agent, bit in zip(self.game.agents, joint, strict=True)
        }
        ended = len(past) == self.game.turns
        seen = dict.fromkeys(self.game.agents, Observation("?"))
        self.turns.append(
            Turn(len(past) - 1, seen, actions, reward, reward, terminated=ended, learned=learned, probe=probe)
        )
        self.parents.append(parent)
        self.pasts.append(past)
        return number

    def tree(self) -> Tree:
        return Tree(Named("game"), 0, tuple(self.turns), tuple(self.parents))


Weighed = tuple[float, Growing]


def grown(game: Game, samples: int, crossed: bool = False) -> Iterator[Weighed]:
    """Every tree, ``samples`` at each history, with its probability."""
    yield from _below(game, [(1.0, Growing(game))], None, 0, samples, crossed)


def _below(
    game: Game, trees: Sequence[Weighed], parent: int | None, turn: int, samples: int, crossed: bool
) -> list[Weighed]:
    """Some trees with everything that can grow below one of their turns."""
    if turn == game.turns:
        return list(trees)
    found = []
    for chance, growing in trees:
        for draws in product(game.joints(), repeat=samples):
            weight, family = chance * math.prod(game.chance(turn, joint) for joint in draws), growing.copy()
            numbers = _family(family, parent, draws, crossed)
            branches = [(weight, family)]
            for number in numbers:
                branches = _below(game, branches, number, turn + 1, samples, crossed)
            found += branches
    return found


def _family(growing: Growing, parent: int | None, draws: Sequence[Joint], crossed: bool) -> list[int]:
    if not crossed:
        return [growing.add(parent, joint, {}) for joint in draws]
    agents, numbers = growing.game.agents, []
    for chosen in product(range(len(draws)), repeat=len(agents)):
        joint = tuple(draws[k][i] for i, k in enumerate(chosen))
        ids = {agent: f"{parent}.{k}/{agent}" for agent, k in zip(agents, chosen, strict=True)}
        numbers.append(growing.add(parent, joint, ids))
    return numbers


def probed(game: Game, weighed: Weighed, probes: Sequence[Probe]) -> list[Weighed]:
    """A tree with everything that its probes can play."""
    trees = [weighed]
    for probe in probes:
        for _ in range(probe.samples):
            trees = [one for tree in trees for one in _played(game, tree, probe)]
    return trees


def _played(game: Game, weighed: Weighed, probe: Probe) -> Iterator[Weighed]:
    chance, growing = weighed
    parent, beside = growing.parents[probe.beside], growing.turns[probe.beside]
    taken = growing.pasts[probe.beside][-1]
    for joint in game.joints():
        free = [i for i, agent in enumerate(game.agents) if probe.agent in (None, agent)]
        kept = [i for i in range(len(joint)) if i not in free]
        if any(joint[i] != taken[i] for i in kept) or (probe.greedy and joint != game.greedy(beside.t)):
            continue
        weight = 1.0 if probe.greedy else _chance_of(game, beside.t, joint, free)
        names = {game.agents[i]: beside.joint_action[game.agents[i]].id for i in kept}
        more = growing.copy()
        number = more.add(parent, joint, names, probe.label, probe.learned)
        tree = chance * weight, more
        yield from _onward(game, tree, number, probe) if probe.onward else [tree]


def _onward(game: Game, weighed: Weighed, number: int, probe: Probe) -> Iterator[Weighed]:
    chance, growing = weighed
    turn = len(growing.pasts[number])
    if turn == game.turns:
        yield weighed
        return
    for joint in [game.greedy(turn)] if probe.greedy else game.joints():
        weight = 1.0 if probe.greedy else game.chance(turn, joint)
        more = growing.copy()
        following = more.add(number, joint, {}, probe.label, learned=False)
        yield from _onward(game, (chance * weight, more), following, probe)


def _chance_of(game: Game, turn: int, joint: Joint, agents: Sequence[int]) -> float:
    return math.prod(game.ones[turn][i] if joint[i] else 1 - game.ones[turn][i] for i in agents)


Critic = Callable[[Growing], Mapping[str, Prediction]]


def nothing(growing: Growing) -> Mapping[str, Prediction]:
    """No critic."""
    return {}


def said(
    growing: Growing, before: Callable[[Past], float], after: Callable[[Past], float] = lambda past: math.nan
) -> Prediction:
    """A critic that says what it is told to: of pasts, before and after each turn's actions."""
    ends = [turn.terminated for turn in growing.turns]
    return Prediction(
        before=torch.tensor([before(past[:-1]) for past in growing.pasts]),
        following=torch.tensor(
            [0.0 if end else before(past) for past, end in zip(growing.pasts, ends, strict=True)]
        ),
        after=torch.tensor([after(past) for past in growing.pasts]),
    )


def moments(
    algorithm: Algorithm, game: Game, agent: int = 0, turn: int = 0, critic: Critic = nothing
) -> tuple[float, float]:
    """Mean and variance of the gradient estimate at a logit, over everything that chance can do.

    The estimate is the mean over the agent's samples at that turn of score times the algorithm's advantage.
    """
    branching = algorithm.branching
    first = second = total = 0.0
    for weighed in grown(game, branching.num_samples, branching.joint_mode == "cross"):
        probes = algorithm.probes(weighed[1].tree())
        for chance, growing in probed(game, weighed, probes):
            found = estimate(algorithm, growing, agent, turn, critic)
            total, first, second = total + chance, first + chance * found, second + chance * found**2
    assert math.isclose(total, 1.0)
    return first, second - first**2


def estimate(algorithm: Algorithm, growing: Growing, agent: int, turn: int, critic: Critic) -> float:
    """At a logit from one tree: the mean over the agent's samples of score times advantage."""
    name, tree = growing.game.agents[agent], growing.tree()
    advantages = algorithm.advantages(tree, name, algorithm.mixed(critic(growing))).tolist()
    terms = [
        (growing.pasts[number][-1][agent] - growing.game.ones[turn][agent]) * advantages[number]
        for number, one in enumerate(tree.turns)
        if one.t == turn and one.learned and not math.isnan(advantages[number])
    ]
    return cast(float, sum(terms) / len(terms))
