"""Agents that share a policy learn in one step, which is the sum of theirs; frozen ones in none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import Team, load_agents
from collm.algorithms.reinforce import Reinforce
from collm.envs.probes import ObservationProbe
from collm.rollout import Reset, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Tree
from tests.checkpoints import save_letters
from tests.tiny_agents import model_of
from tests.training.test_learning import Pupil, numbered
from tests.trees import tree, turn

PLAIN_STEP = {"learning_rate": 1e8, "betas": (0.0, 0.0), "epsilon": 1e8, "max_grad_norm": None}
"""Settings under which AdamW subtracts the gradient, so that a step shows it."""


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_letters(tmp_path_factory.mktemp("shared") / "model", "01?!AB\n")


def team(folder: Path, **b: Any) -> dict[str, Agent]:
    """Two agents of one model; ``b`` has settings of its own."""
    common = {
        "model": str(folder),
        "device": "cpu",
        "sampling": {"max_tokens": 2},
        "optimization": PLAIN_STEP,
    }
    return load_agents(
        {"a": AgentConfig.model_validate(common), "b": AgentConfig.model_validate({**common, **b})}
    )


def played(agents: Mapping[str, Agent]) -> tuple[Tree, ...]:
    env = ObservationProbe()
    resets = [Reset(task, seed) for seed, task in enumerate(env.tasks("train"))]
    return rollout(env, {name: agent.policy for name, agent in agents.items()}, resets).trees


def step(agents: Mapping[str, Agent], trees: tuple[Tree, ...], name: str) -> dict[str, Tensor]:
    """What one update subtracts from an agent's weights."""
    before = {key: value.clone() for key, value in model_of(agents[name]).state_dict().items()}
    learn(Reinforce(), agents, {}, trees, Progress(0, 0, 1))
    return {key: before[key] - value for key, value in model_of(agents[name]).state_dict().items()}


def test_a_shared_step_is_the_sum_of_the_agents_own(letters: Path) -> None:
    trees, shared = played(team(letters)), team(letters, shares="a")
    apart = team(letters)
    expected, other = (step(one, trees, name) for one, name in ((apart, "a"), (team(letters), "b")))
    found = step(shared, trees, "b")
    assert any(not torch.equal(expected[key], other[key]) for key in expected)
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key] + other[key], rtol=1e-3, atol=1e-6)
    assert shared["a"].learner.version == 1, "one step, not one for each"


def test_a_shared_policy_is_one_set_of_weights(letters: Path) -> None:
    agents = load_agents(
        {
            f"agent_{k}": AgentConfig(model=str(letters), device="cpu", shares="agent_0" if k else None)
            for k in range(64)
        }
    )
    assert len({id(agent.learner) for agent in agents.values()}) == 1
    assert len({id(agent.policy.engine) for agent in agents.values()}) == 1
    assert [agents["agent_5"].name, agents["agent_5"].config.shares] == ["agent_5", "agent_0"]


def test_one_of_those_that_share_can_be_opened_alone(letters: Path, tmp_path: Path) -> None:
    Team(team(letters, shares="a"), {}).save(tmp_path)
    assert [path.name for path in (tmp_path / "agents").iterdir()] == ["a"]
    config = AgentConfig(model="nowhere", device="cpu", shares="a")
    (alone,) = load_agents({"b": config}, tmp_path).values()
    assert alone.name == "b"


def studied(agents: Mapping[str, Pupil], **settings: Any) -> None:
    trees = [numbered(tree(turn(reward)), 10 * number) for number, reward in enumerate((1.0, 2.0, 4.0, 8.0))]
    learn(Reinforce(**settings), cast(Mapping[str, Agent], agents), {}, trees, Progress(0, 0, 1))


def test_samples_of_both_are_in_one_step_of_the_owner() -> None:
    agents = {"a": Pupil(), "b": Pupil(shares="a")}
    studied(agents)
    assert (len(agents["a"].steps), len(agents["b"].steps)) == (1, 0)
    assert len(agents["a"].steps[0].samples) == 8
    assert sorted(agents["a"].learned().values()) == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0]


def test_a_policy_has_changed_once_any_that_shares_it_has_acted() -> None:
    agents = {"a": Pupil(), "b": Pupil(shares="a")}
    studied(agents, minibatch_size=2)
    first, second = agents["a"].steps
    assert all(one.behavior_logprobs is None for one in first.samples)
    assert all(one.behavior_logprobs is not None for one in second.samples)


def test_a_frozen_agent_takes_no_steps() -> None:
    agents = {"a": Pupil(), "b": Pupil(frozen=True)}
    studied(agents)
    assert (len(agents["a"].steps), len(agents["b"].steps)) == (1, 0)


def test_a_frozen_agent_stays_bit_for_bit_and_has_no_optimizer(letters: Path, tmp_path: Path) -> None:
    agents = team(letters, frozen=True)
    assert not any(step(agents, played(agents), "b")[key].any() for key in model_of(agents["b"]).state_dict())
    assert not any(one.requires_grad for one in model_of(agents["b"]).parameters())
    assert all(one.grad is None for one in model_of(agents["b"]).parameters())
    assert agents["b"].learner.version == 0
    one = Team(agents, {})
    one.save(tmp_path)
    assert sorted(path.name for path in (tmp_path / "agents").iterdir()) == ["a", "b"]
    assert [path.name for path in (tmp_path / "optimizers").iterdir()] == ["agent-a.pt"]
    one.load_optimizers(tmp_path)


def test_agents_can_have_rates_of_their_own(letters: Path) -> None:
    agents = team(letters, optimization={**PLAIN_STEP, "learning_rate": 2e8})
    slow = team(letters)
    trees = played(agents)
    twice, once = step(agents, trees, "b"), step(slow, trees, "b")
    for key, value in once.items():
        torch.testing.assert_close(twice[key], 2 * value, rtol=1e-3, atol=1e-6)
