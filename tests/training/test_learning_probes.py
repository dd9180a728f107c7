"""Every algorithm learns every probe: the whole of rollout, estimates and updates with real models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import fmean

import pytest
import torch

from collm.algorithms.base import algorithms
from collm.envs.probes import CreditProbe, JointProbe, Probe
from tests.tiny_agents import model_of
from tests.training.probe_teams import (
    PROBES,
    VALUES_OF_ACTIONS,
    WINDOW,
    ProbeTeam,
    ProbeTeams,
    learned,
    returns_until_learned,
)

SEEDS = int(os.environ.get("PROBE_SEEDS", "0"))
"""Without it, algorithms whose critics value actions are held to the simplest game alone: others take
minutes."""

UNLEARNED = {("learned_reward", "probe_observation")}
"""Its small model must read whether a reply fits what was observed."""

PAIRS = [
    (name, env)
    for name in sorted(algorithms())
    for env in PROBES
    if (name, env.type) not in UNLEARNED
    if name != "reward_model"  # its agents do not learn
    if SEEDS or name not in VALUES_OF_ACTIONS or env.type == "probe_constant"
]


@pytest.fixture(scope="module")
def make_team(tmp_path_factory: pytest.TempPathFactory) -> ProbeTeams:
    return ProbeTeams(tmp_path_factory.mktemp("letters"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny models are fastest on one thread, and always the same there."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("name", "env"), PAIRS, ids=lambda one: getattr(one, "type", one))
@pytest.mark.parametrize("seed", range(max(SEEDS, 1)))
def test_every_algorithm_learns_every_probe(make_team: ProbeTeams, name: str, seed: int, env: Probe) -> None:
    """``PROBE_SEEDS=3`` tries three seeds of each, and all pairs."""
    returns = returns_until_learned(make_team(name, seed), env)
    assert returns[0] < 0.7 * env.optimum
    assert learned(returns, env), f"returns {[round(value, 2) for value in returns]}"


def test_an_estimator_that_looks_at_one_turn_cannot_give_credit(make_team: ProbeTeams) -> None:
    """Siblings at the second turn are paid alike, so without the discounted future nothing is learned."""
    team = make_team("magrpo", discount=0)
    before = {name: model_of(agent).state_dict() for name, agent in make_team("magrpo").agents.items()}
    for _ in team.train(CreditProbe(), updates=2):
        pass
    for name, agent in team.agents.items():
        assert all(
            torch.equal(value, before[name][key]) for key, value in model_of(agent).state_dict().items()
        )


def explained(team: ProbeTeam, env: Probe, updates: int) -> float:
    """The mean share of variance that the critics explain in the last updates."""
    found = []
    for _, report in team.train(env, updates):
        found.append(fmean(v for key, v in report.items() if key.startswith("critic_explained_variance/")))
    return fmean(found[-WINDOW:])


def test_a_centralized_critic_explains_what_decentralized_ones_cannot(make_team: ProbeTeams) -> None:
    env = JointProbe()
    assert explained(make_team("collm_cc"), env, updates=40) > 0.9
    assert explained(make_team("collm_dc"), env, updates=40) == pytest.approx(
        env.local_explained_variance, abs=0.1
    )
