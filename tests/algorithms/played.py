"""The games of single bits as the library plays them: rollouts, probes, and what algorithms make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from collm.agents.policy import Actions, Request
from collm.algorithms.base import Algorithm
from collm.base.seeding import derive
from collm.engines.base import Deferred
from collm.env import Environment, Split, StepSeconds, Transition
from collm.rollout import Reset, probed, rollout
from collm.types import Action, Observation, Observations, Tree
from tests.algorithms.tabular import Critic, Game, Growing, Past, estimate, nothing
from tests.trees import Named


class Played(Environment[Named, Past]):
    """A game; an agent sees which turn it is."""

    type: Literal["played"] = "played"
    step_seconds: StepSeconds = None
    game: Any

    @property
    def agents(self) -> tuple[str, ...]:
        agents: tuple[str, ...] = self.game.agents
        return agents

    @property
    def reward_range(self) -> tuple[float, float]:
        return -100.0, 100.0

    def tasks(self, split: Split) -> Sequence[Named]:
        return [Named("game")]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Named:
        return Named("game")

    def reset(self, task: Named, seed: int) -> Past:
        return ()

    def observe(self, state: Past) -> Observations:
        return dict.fromkeys(self.agents, Observation(str(len(state)), raw=True))

    def step(self, state: Past, replies: Mapping[str, str]) -> Transition[Past]:
        past = (*state, tuple(int(replies[agent]) for agent in self.agents))
        return Transition(past, self.game.reward(past), terminated=len(past) == self.game.turns)


@dataclass(frozen=True)
class Bit:
    """Says a bit with the probabilities that a game gives an agent."""

    game: Game
    agent: int

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        return Deferred(
            lambda: [tuple(self._said(one, seed, greedy) for seed in one.seeds) for one in requests]
        )

    def release(self) -> None:
        pass

    def _said(self, request: Request, seed: int, greedy: bool) -> Action:
        turn = int(request.observation.text)
        drawn = derive(seed, "bit") / 2**63 < self.game.ones[turn][self.agent]
        bit = self.game.greedy(turn)[self.agent] if greedy else int(drawn)
        return Action(str(bit), token_ids=(bit,))


def estimates(
    algorithm: Algorithm,
    game: Game,
    agent: int = 0,
    turn: int = 0,
    critic: Critic = nothing,
    count: int = 400,
    seed: int = 0,
) -> list[float]:
    """The gradient at an agent's logit, once from each of ``count`` trees that were played."""
    env = Played(game=game, num_turns=game.turns)
    policies = {name: Bit(game, i) for i, name in enumerate(env.agents)}
    resets = [Reset(Named("game"), derive(seed, "played", number)) for number in range(count)]
    grown = rollout(env, policies, resets, algorithm.branching)
    probes = {number: algorithm.probes(tree) for number, tree in enumerate(grown.trees)}
    trees = probed(env, policies, grown, probes).trees
    return [_mean(algorithm, game, tree, agent, turn, critic) for tree in trees]


def _mean(algorithm: Algorithm, game: Game, tree: Tree, agent: int, turn: int, critic: Critic) -> float:
    pasts: list[Past] = []
    for one, parent in zip(tree.turns, tree.parents, strict=True):
        joint = tuple(int(one.joint_action[name].text) for name in game.agents)
        pasts.append((*(() if parent is None else pasts[parent]), joint))
    growing = Growing(game, list(tree.turns), list(tree.parents), pasts)
    return estimate(algorithm, growing, agent, turn, critic)


def interval(values: Sequence[float], errors: float) -> tuple[float, float]:
    """The mean, and so many standard errors to both sides of it."""
    mean = fmean(values)
    width = errors * (fmean((one - mean) ** 2 for one in values) / len(values)) ** 0.5
    return mean - width, mean + width
