"""How noisy each estimate of the gradient is: one team, never changed, and equal joint samples.

The team has learned by CoLLM-CC for a while; then its weights stay, and critics learn its returns alone. Then
each method gives its gradient again and again, by the library's own ``learn`` at a learning rate of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from benchmarks.claim.cells import ARMS, METHODS, STEP_SAMPLES, Arm, Cell, Method, config_of
from collm.agents.team import Team, load_team
from collm.algorithms.base import Algorithm, make_algorithm
from collm.base.seeding import derive
from collm.config.tree import RunConfig
from collm.env import AnyEnvironment
from collm.evaluation.measures import measures
from collm.rollout import Reset, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Tree

SAMPLES = 512
"""Joint samples behind each estimate; one tree of eight turns has 510."""

LEARNED = {"dense": ("dense", 20), "late": ("late", 45), "fog": ("late", 45)}
"""By arm, where and for how many updates CoLLM-CC has trained the team; untrained, no gradient is seen."""

TAUGHT = 20
"""Updates after that in which the critics learn before anything is measured."""

SEED, RATE = 201, 0.01
_PLAYERS = ("cc", "dc")
_LONG = 10**9


@dataclass(frozen=True, slots=True)
class Estimator:
    """A method and the settings by which its estimate is measured; ``player`` is whose team it looks at."""

    name: str
    title: str
    method: Method
    settings: Mapping[str, Any]

    @property
    def player(self) -> str:
        return self.method.name if self.method.name in _PLAYERS else _PLAYERS[0]


def _estimator(name: str, title: str, method: str, **settings: Any) -> Estimator:
    return Estimator(name, title, METHODS[method], settings)


ESTIMATORS = (
    _estimator("magrpo", "MAGRPO, trees of K = 2", "magrpo"),
    _estimator("flat", "Monte Carlo, K = 1, the batch's mean", "flat", advantage_normalization=True),
    _estimator("cc_1", "CC, λ = 1", "cc", trace_decay=1.0),
    _estimator("cc", "CC, λ = 0.9", "cc"),
    _estimator("cc_0", "CC, λ = 0", "cc", trace_decay=0.0),
    _estimator("dc", "DC, λ = 0.9", "dc"),
    _estimator("dc_0", "DC, λ = 0", "dc", trace_decay=0.0),
)
TRUTH = "cc_1"
"""A full trace is unbiased whatever the critic says (``tests/algorithms/test_exact.py``)."""


def measured(arm: Arm, estimates: int, work: Path) -> list[dict[str, Any]]:
    """A row for each estimator: its noise and its bias, both relative to the gradient that it estimates.

    ``noise`` is the trace of the covariance, ``bias`` the squared distance of the mean, each over the squared
    gradient in the true direction, so that the scale of advantages plays no role; ``bias`` is cleared of the
    noise that the means still have, and can so come out below 0.
    """
    agents = _learned(arm, work)
    teams = {name: _taught(arm, METHODS[name], agents, work) for name in _PLAYERS}
    drawn: dict[str, list[Tensor]] = {one.name: [] for one in ESTIMATORS}
    right: list[float] = []
    for number in range(estimates):
        grown: dict[int, Sequence[Tree]] = {}
        for one in ESTIMATORS:
            team, config = teams[one.player]
            tree, algorithm = one.method.tree(arm), _measured_as(one)
            if tree not in grown:  # all teams play alike: their trees serve every method
                seed = derive(SEED, "estimate", number)
                grown[tree] = _grown(config.env, team, algorithm, seed, max(1, SAMPLES // tree))
            drawn[one.name].append(_gradient(algorithm, team, grown[tree]))
        right.append(measures(grown[arm.turns])["right"])
    found = {name: torch.stack(several) for name, several in drawn.items()}
    return [
        {
            "arm": arm.name,
            "estimator": one.name,
            "title": one.title,
            "estimates": estimates,
            "right": fmean(right),
            **compared(found[one.name], found[TRUTH]),
        }
        for one in ESTIMATORS
    ]


def compared(drawn: Tensor, truth: Tensor) -> dict[str, float]:
    """Noise and bias of gradients ``"estimate parameter"`` against as many of an unbiased estimator.

    Those of one place may be of the same trees: their difference is what tells the bias.
    """
    true_square = _product(truth, truth)
    scale = _product(drawn, truth) / true_square
    return {
        "noise": float(drawn.var(0).sum()) / scale**2 / true_square,
        "bias": _product(drawn / scale - truth, drawn / scale - truth) / true_square,
    }


def _product(one: Tensor, other: Tensor) -> float:
    """The product of two means, ``"estimate parameter"`` each, without what chance adds at one place."""
    count = len(one)
    whole = float(one.sum(0) @ other.sum(0)) - float((one * other).sum())
    return whole / (count * (count - 1))


def _measured_as(one: Estimator) -> Algorithm:
    """The method as it gives one plain gradient: no advantages normalized, no critic taught."""
    plain = {"advantage_normalization": False, "critic_epochs": 0, **one.settings}
    algorithm = make_algorithm(one.method.algorithm)
    known = {key: value for key, value in plain.items() if key in type(algorithm).model_fields}
    return algorithm.model_copy(update=known)


def _taught(arm: Arm, method: Method, agents: Team, work: Path) -> tuple[Team, RunConfig]:
    """A team with the agents' weights, and critics that have learned its returns as the method says."""
    config = config_of(Cell(arm, method, RATE, SEED), work / "models")
    team = _still(config)
    for name, agent in team.agents.items():
        with agent.learner.weights.model() as own, agents.agents[name].learner.weights.model() as given:
            own.load_state_dict(given.state_dict())
    _train(
        arm, config.algorithm.model_copy(update={"critic_warmup": _LONG}), config.env, team, "teach", TAUGHT
    )
    return team, config


def _learned(arm: Arm, work: Path) -> Team:
    """A team that CoLLM-CC has trained for a while."""
    name, updates = LEARNED[arm.name]
    place = ARMS[name]
    config = config_of(Cell(place, METHODS["cc"], RATE, SEED), work / "models")
    team = _still(config)
    _train(place, config.algorithm, config.env, team, "learn", updates)
    return team


def _train(
    arm: Arm, algorithm: Algorithm, env: AnyEnvironment, team: Team, purpose: str, updates: int
) -> None:
    for update in range(updates):
        seed = derive(SEED, purpose, update)
        trees = _grown(env, team, algorithm, seed, STEP_SAMPLES // arm.turns)
        learn(algorithm, team.agents, team.critics, trees, Progress(SEED, update, _LONG))


def _still(config: RunConfig) -> Team:
    """A team whose rates fall to 0 when its schedule ends, and only then."""
    still = {"schedule": "linear", "max_grad_norm": None}

    def one(role: Any) -> Any:
        return role.model_copy(update={"optimization": role.optimization.model_copy(update=still)})

    agents = {name: one(agent) for name, agent in config.agents.items()}
    return load_team(agents, one(config.critic), config.algorithm.critics(list(agents)), seed=SEED)


def _grown(env: AnyEnvironment, team: Team, algorithm: Algorithm, seed: int, count: int) -> Sequence[Tree]:
    tasks = env.tasks("train")
    resets = [
        Reset(tasks[derive(seed, "task", one) % len(tasks)], derive(seed, "reset", one))
        for one in range(count)
    ]
    return rollout(env, team.policies, resets, algorithm.branching).sound


def _gradient(algorithm: Algorithm, team: Team, trees: Sequence[Tree]) -> Tensor:
    """What the agents' optimizers are given, agents one after the other, ``"parameter"``."""
    owned = {
        id(parameter): name
        for name, agent in team.agents.items()
        for parameter in agent.learner.weights.parameters()
    }
    found: dict[str, Tensor] = {}

    def keep(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        parameters = optimizer.param_groups[0]["params"]
        if id(parameters[0]) in owned:
            found[owned[id(parameters[0])]] = torch.cat(list(_flat(parameters)))

    hook = register_optimizer_step_pre_hook(keep)
    try:
        critics = team.critics if algorithm.critics(list(team.agents)) else {}
        learn(algorithm, team.agents, critics, trees, Progress(SEED, _LONG, _LONG))
    finally:
        hook.remove()
    return torch.cat([found[name] for name in team.agents])


def _flat(parameters: Sequence[Tensor]) -> Iterator[Tensor]:
    for parameter in parameters:
        yield (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).flatten().double()
