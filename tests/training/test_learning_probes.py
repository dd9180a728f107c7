"""Every algorithm learns every probe: the whole of rollout, estimates and updates with real models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pytest
import torch

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic
from collm.agents.mixer import Mixer
from collm.agents.team import policies_of
from collm.algorithms.base import Algorithm, algorithms, make_algorithm
from collm.base.seeding import derive
from collm.envs.probes import CreditProbe, JointProbe, Probe
from collm.evaluation.measures import measures
from collm.models.config import Optimization, Sampling
from collm.rollout import Reset, probed, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from tests.checkpoints import save_letters
from tests.tiny_agents import model_of

JOINT_ACTIONS = 32
WINDOW = 5
"""Updates over which returns are averaged."""

PROBES = [cls.model_validate({}) for cls in Probe.__subclasses__()]

VALUES_OF_ACTIONS = ("coma", "qmix", "vdn")
"""Their critics must read what single actions are worth beside what was observed, which one layer did not
learn: they get two, and passes of their own. That takes minutes a game, so that without ``PROBE_SEEDS`` they
are held to the simplest alone."""

SETTINGS = {name: {"critic_epochs": 4, "critic_warmup": 5} for name in VALUES_OF_ACTIONS}

SEEDS = int(os.environ.get("PROBE_SEEDS", "0"))

UNLEARNED = {("learned_reward", "probe_observation")}
"""For the same reason: the model must read whether a reply fits what was observed."""

PAIRS = [
    (name, env)
    for name in sorted(algorithms())
    for env in PROBES
    if (name, env.type) not in UNLEARNED
    if name != "reward_model"  # its agents do not learn
    if SEEDS or name not in VALUES_OF_ACTIONS or env.type == "probe_constant"
]
SPOKEN = "01?!AB\n"
READ_BY_CRITICS = "[a observation]\n[b action]\n" + SPOKEN


@dataclass(frozen=True)
class Team:
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


MakeTeam = Callable[..., Team]


@pytest.fixture(scope="module")
def make_team(tmp_path_factory: pytest.TempPathFactory) -> MakeTeam:
    root = tmp_path_factory.mktemp("letters")
    actors = {name: save_letters(root / name, SPOKEN, seed) for seed, name in enumerate(("a", "b"))}
    readers = {
        layers: save_letters(
            root / f"critic_{layers}", READ_BY_CRITICS, seed=2, width=32, scale=0.3, layers=layers
        )
        for layers in (1, 2)
    }

    def agent(folder: Path, name: str) -> Agent:
        sampling, optimization = Sampling(max_tokens=1), Optimization(learning_rate=1e-2)
        return Agent(
            AgentConfig(model=str(folder), device="cpu", sampling=sampling, optimization=optimization), name
        )

    def critic(name: str, deep: bool) -> Critic:
        optimization = Optimization(learning_rate=5e-3 if deep else 1e-2)
        reader = str(readers[2 if deep else 1])
        return Critic(CriticConfig(model=reader, device="cpu", optimization=optimization), name)

    def make(name: str, seed: int = 0, **settings: float) -> Team:
        algorithm = make_algorithm({"type": name, **SETTINGS.get(name, {}), **settings})
        agents = {name: agent(folder, name) for name, folder in actors.items()}
        critics: dict[str, Critic | Mixer] = {
            one: critic(one, name in VALUES_OF_ACTIONS) for one in algorithm.critics(list(actors))
        }
        for one, view in algorithm.mixers(list(actors)).items():
            critics[one] = Mixer(view, len(CreditProbe().global_numbers(0, None)), one, seed=seed)
        return Team(algorithm, agents, critics, seed)

    return make


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny models are fastest on one thread, and always the same there."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("name", "env"), PAIRS, ids=lambda one: getattr(one, "type", one))
@pytest.mark.parametrize("seed", range(max(SEEDS, 1)))
def test_every_algorithm_learns_every_probe(make_team: MakeTeam, name: str, seed: int, env: Probe) -> None:
    """``PROBE_SEEDS=3`` tries three seeds of each, and all pairs."""
    start, near = 0.7 * env.optimum, 0.95 * env.optimum
    returns: list[float] = []
    for value, _ in make_team(name, seed).train(env, updates=150):
        returns.append(value)
        if len(returns) >= 2 * WINDOW and fmean(returns[-WINDOW:]) >= near:
            break
    assert returns[0] < start
    assert fmean(returns[-WINDOW:]) >= near, f"returns {[round(value, 2) for value in returns]}"


def test_an_estimator_that_looks_at_one_turn_cannot_give_credit(make_team: MakeTeam) -> None:
    """Siblings at the second turn are paid alike, so without the discounted future nothing is learned."""
    team = make_team("magrpo", discount=0)
    before = {name: model_of(agent).state_dict() for name, agent in make_team("magrpo").agents.items()}
    for _ in team.train(CreditProbe(), updates=2):
        pass
    for name, agent in team.agents.items():
        assert all(
            torch.equal(value, before[name][key]) for key, value in model_of(agent).state_dict().items()
        )


def explained(team: Team, env: Probe, updates: int) -> float:
    """The mean share of variance that the critics explain in the last updates."""
    found = []
    for _, report in team.train(env, updates):
        found.append(fmean(v for key, v in report.items() if key.startswith("critic_explained_variance/")))
    return fmean(found[-WINDOW:])


def test_a_centralized_critic_explains_what_decentralized_ones_cannot(make_team: MakeTeam) -> None:
    env = JointProbe()
    assert explained(make_team("collm_cc"), env, updates=40) > 0.9
    assert explained(make_team("collm_dc"), env, updates=40) == pytest.approx(
        env.local_explained_variance, abs=0.1
    )
