"""Untrained teams that any algorithm trains on a probe game, and when they have learned it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic
from collm.agents.mixer import Mixer
from collm.agents.team import policies_of
from collm.algorithms.base import Algorithm, make_algorithm
from collm.base.seeding import derive
from collm.envs.probes import CreditProbe, Probe
from collm.evaluation.measures import measures
from collm.models.config import Optimization, Sampling
from collm.rollout import Reset, probed, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from tests.checkpoints import save_letters

JOINT_ACTIONS = 32
WINDOW = 5
"""Updates over which returns are averaged."""

UPDATES = 150
NEAR = 0.95
"""The share of the optimum with which a game counts as learned."""

PROBES = [cls.model_validate({}) for cls in Probe.__subclasses__()]

VALUES_OF_ACTIONS = ("coma", "qmix", "vdn")
"""Their critics must read what single actions are worth beside what was observed, which one layer did not
learn: they get two, and passes of their own."""

SETTINGS = {name: {"critic_epochs": 4, "critic_warmup": 5} for name in VALUES_OF_ACTIONS}

SPOKEN = "01?!AB\n"
READ_BY_CRITICS = "[a observation]\n[b action]\n" + SPOKEN


@dataclass(frozen=True)
class ProbeTeam:
    """An untrained team and its critics for one algorithm."""

    algorithm: Algorithm
    agents: dict[str, Agent]
    critics: dict[str, Critic | Mixer]
    seed: int = 0

    def train(self, env: Probe, updates: int) -> Iterator[tuple[float, Mapping[str, float]]]:
        """The mean return of each update's rollouts, before the update, and what the update reports."""
        tasks, algorithm, policies = env.tasks("train"), self.algorithm, policies_of(self.agents)
        count = JOINT_ACTIONS // algorithm.branching.num_samples
        for update in range(updates):
            resets = [
                Reset(tasks[i % len(tasks)], derive(self.seed, "probe", update, i)) for i in range(count)
            ]
            grown = rollout(env, policies, resets, algorithm.branching)
            probes = {number: algorithm.probes(tree) for number, tree in enumerate(grown.trees)}
            trees = probed(env, policies, grown, probes).sound
            progress = Progress(self.seed, update, updates)
            record = learn(algorithm, self.agents, self.critics, trees, progress)
            yield measures(trees)["return_mean"], record.metrics


class ProbeTeams:
    """Makes teams of one layer of letters each, whose models are saved once.

    Args:
        root: where the models are saved.
    """

    def __init__(self, root: Path) -> None:
        self._actors = {name: save_letters(root / name, SPOKEN, seed) for seed, name in enumerate(("a", "b"))}
        self._readers = {
            layers: save_letters(
                root / f"critic_{layers}", READ_BY_CRITICS, seed=2, width=32, scale=0.3, layers=layers
            )
            for layers in (1, 2)
        }

    def __call__(self, name: str, seed: int = 0, **settings: float) -> ProbeTeam:
        """A fresh team for an algorithm."""
        algorithm = make_algorithm({"type": name, **SETTINGS.get(name, {}), **settings})
        agents = {name: self._agent(folder, name) for name, folder in self._actors.items()}
        critics: dict[str, Critic | Mixer] = {
            one: self._critic(one, name in VALUES_OF_ACTIONS) for one in algorithm.critics(list(self._actors))
        }
        for one, view in algorithm.mixers(list(self._actors)).items():
            critics[one] = Mixer(view, len(CreditProbe().global_numbers(0, None)), one, seed=seed)
        return ProbeTeam(algorithm, agents, critics, seed)

    def _agent(self, folder: Path, name: str) -> Agent:
        sampling, optimization = Sampling(max_tokens=1), Optimization(learning_rate=1e-2)
        return Agent(
            AgentConfig(model=str(folder), device="cpu", sampling=sampling, optimization=optimization), name
        )

    def _critic(self, name: str, deep: bool) -> Critic:
        optimization = Optimization(learning_rate=5e-3 if deep else 1e-2)
        reader = str(self._readers[2 if deep else 1])
        return Critic(CriticConfig(model=reader, device="cpu", optimization=optimization), name)


def returns_until_learned(team: ProbeTeam, env: Probe) -> list[float]:
    """The mean return of each update, until those of a window are near the optimum or the time is up."""
    returns: list[float] = []
    for value, _ in team.train(env, UPDATES):
        returns.append(value)
        if len(returns) >= 2 * WINDOW and learned(returns, env):
            break
    return returns


def learned(returns: list[float], env: Probe) -> bool:
    """Whether the last window is near the optimum."""
    return fmean(returns[-WINDOW:]) >= NEAR * env.optimum
