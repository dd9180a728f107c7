"""How noisy each estimate of the gradient is: one team, never changed, and equal joint samples.

The team is untrained; critics learn its returns first, in updates from which the agents take no steps. Then
each method gives its gradient again and again, by the library's own ``learn`` at a learning rate of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from benchmarks.claim.cells import ARMS, METHODS, STEP_SAMPLES, Arm, Cell, Method, config_of
from collm.agents.team import Team, load_team
from collm.algorithms.base import Algorithm
from collm.base.seeding import derive
from collm.env import AnyEnvironment
from collm.rollout import Reset, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Tree

SAMPLES = 512
"""Joint samples behind each estimate; one tree of eight turns has 510."""

TAUGHT = 20
"""Updates in which the critics learn before anything is measured."""

SEED = 201
_LONG = 10**9


@dataclass(frozen=True, slots=True)
class Estimator:
    """A method and the settings by which its estimate is measured."""

    name: str
    title: str
    method: Method
    settings: Mapping[str, Any]


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
    found = {one.name: _gradients(arm, one, estimates, work) for one in ESTIMATORS}
    truth = found[TRUTH]
    return [
        {"arm": arm.name, "estimator": one.name, "estimates": estimates, **compared(found[one.name], truth)}
        for one in ESTIMATORS
    ]


def compared(drawn: Tensor, truth: Tensor) -> dict[str, float]:
    """Noise and bias of gradients ``"estimate parameter"`` against those of an unbiased estimator."""
    mean, true = drawn.mean(0), truth.mean(0)
    noise, true_noise = (float(one.var(0).sum()) for one in (drawn, truth))
    true_square = float(true @ true) - true_noise / len(truth)
    scale = float(mean @ true) / true_square
    off = mean / scale - true
    spread = noise / scale**2 / len(drawn) + true_noise / len(truth)
    return {
        "noise": noise / scale**2 / true_square,
        "bias": 0.0 if drawn is truth else (float(off @ off) - spread) / true_square,
    }


def _gradients(arm: Arm, one: Estimator, estimates: int, work: Path) -> Tensor:
    """``"estimate parameter"``, of both agents."""
    cell = Cell(arm, one.method, 0.01, SEED)
    config = config_of(cell, work / "models")
    frozen = {"advantage_normalization": False, "critic_epochs": 0, "critic_warmup": 0, **one.settings}
    known = {key: value for key, value in frozen.items() if key in type(config.algorithm).model_fields}
    algorithm = config.algorithm.model_copy(update=known)
    team = _still(config)
    if one.method.has_critics:
        _teach(arm, config.algorithm.model_copy(update={"critic_warmup": _LONG}), config.env, team)
    count = max(1, SAMPLES // one.method.tree(arm))
    drawn = []
    for number in range(estimates):
        trees = _grown(config.env, team, algorithm, derive(SEED, "estimate", number), count)
        drawn.append(_gradient(algorithm, team, trees))
    return torch.stack(drawn)


def _still(config: Any) -> Team:
    """A team whose rates fall to 0 when its schedule ends, and only then."""
    still = {"schedule": "linear", "max_grad_norm": None}

    def one(role: Any) -> Any:
        return role.model_copy(update={"optimization": role.optimization.model_copy(update=still)})

    agents = {name: one(agent) for name, agent in config.agents.items()}
    critics = config.algorithm.critics(list(agents))
    return load_team(agents, one(config.critic) if critics else None, critics, seed=SEED)


def _grown(env: AnyEnvironment, team: Team, algorithm: Algorithm, seed: int, count: int) -> Sequence[Tree]:
    tasks = env.tasks("train")
    resets = [
        Reset(tasks[derive(seed, "task", one) % len(tasks)], derive(seed, "reset", one))
        for one in range(count)
    ]
    return rollout(env, team.policies, resets, algorithm.branching).sound


def _teach(arm: Arm, algorithm: Algorithm, env: AnyEnvironment, team: Team) -> None:
    for update in range(TAUGHT):
        trees = _grown(env, team, algorithm, derive(SEED, "teach", update), STEP_SAMPLES // arm.turns)
        learn(algorithm, team.agents, team.critics, trees, Progress(SEED, update, _LONG))


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
        learn(algorithm, team.agents, team.critics, trees, Progress(SEED, _LONG, _LONG))
    finally:
        hook.remove()
    return torch.cat([found[name] for name in team.agents])


def _flat(parameters: Sequence[Tensor]) -> Iterator[Tensor]:
    for parameter in parameters:
        yield (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).flatten().double()


def all_measured(estimates: int, work: Path) -> Iterator[dict[str, Any]]:
    """The rows of the three arms of the claim."""
    for name in ("dense", "late", "fog"):
        yield from measured(ARMS[name], estimates, work)
