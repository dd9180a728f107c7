"""A value head on its actor's trunk: what it reads, what it moves, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.config import CriticConfig, TrunkConfig
from collm.agents.critic import Critic
from collm.agents.policy import Request
from collm.agents.trunk import TrunkCritic
from collm.algorithms.base import CriticView
from collm.algorithms.collm_dc import CoLLMDC
from collm.config.tree import RunConfig, make_config, plain
from collm.errors import CollmError
from collm.models.families import trunk
from collm.models.teacher_forcing import score
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Action, History, Observation, Tree
from tests.agents.models import weights
from tests.tiny_agents import MakeAgent, model_of
from tests.tiny_runs import Recipe
from tests.trees import chain, turn

PROGRESS = Progress(0, 0, 1)


@pytest.fixture
def agent(make_agent: MakeAgent) -> Agent:
    return make_agent(max_tokens=6)


def head_on(agent: Agent, **settings: Any) -> TrunkCritic:
    return TrunkCritic(TrunkConfig(trunk="actor", **settings), agent)


def turned(critic: TrunkCritic, towards: float = 0.1) -> TrunkCritic:
    """A head that no longer says 0."""
    with torch.no_grad():
        critic.head.weight.copy_(towards * torch.linspace(-1, 1, critic.head.in_features))
    return critic


def played(agent: Agent, seed: int, turns: int = 2) -> Tree:
    """An episode whose actions the agent has drawn, one after the other."""
    history, grown = History(), []
    for number in range(turns):
        seen = Observation("Build a house." if number == 0 else "Again.")
        ((action,),) = agent.policy.submit([Request(history, seen, (seed + number,))]).result()
        named = replace(action, id=f"{number}/one")
        grown.append(
            replace(
                turn(float(seed % 3), agents=("one",), terminated=number + 1 == turns),
                observations={"one": seen},
                joint_action={"one": named},
            )
        )
        history = history.after(seen, named)
    return chain(*grown)


def trees(agent: Agent) -> list[Tree]:
    return [played(agent, seed) for seed in (10, 20, 30)]


def learned(agent: Agent, critic: Any, **settings: Any) -> Mapping[str, float]:
    record = learn(CoLLMDC(**settings), {"one": agent}, {"one": critic}, trees(agent), PROGRESS)
    return record.metrics


def test_a_value_is_read_before_the_action(agent: Agent) -> None:
    critic, tree = turned(head_on(agent)), played(agent, 1)
    first = tree.turns[0].joint_action["one"]
    other = replace(first, token_ids=tuple(token + 1 for token in first.token_ids))
    changed = replace(tree, turns=(replace(tree.turns[0], joint_action={"one": other}), *tree.turns[1:]))
    one, two = (critic.predict([critic.read(each, CriticView())]).by_passage[0] for each in (tree, changed))
    torch.testing.assert_close(one[0], two[0])
    assert one[0].abs() > 1e-4


def test_values_are_the_heads_on_the_last_token_of_each_prompt(agent: Agent) -> None:
    critic, several = turned(head_on(agent)), trees(agent)
    found = critic.predict([critic.read(tree, CriticView()) for tree in several]).by_passage
    for values, tree in zip(found, several, strict=True):
        for value, one in zip(values, tree.turns, strict=True):
            ids = torch.tensor([one.joint_action["one"].prompt_ids])
            hidden = trunk(model_of(agent))(input_ids=ids).last_hidden_state[0, -1]
            torch.testing.assert_close(value, critic.head(hidden)[0], atol=1e-5, rtol=1e-4)


def test_what_was_cut_off_is_valued_where_the_next_action_would_begin(agent: Agent) -> None:
    tree = played(agent, 4, turns=1)
    seen = {"one": Observation("Again.")}
    cut = replace(
        tree, turns=(replace(tree.turns[0], terminated=False, truncated=True, next_observations=seen),)
    )
    read = head_on(agent).read(cut, CriticView())
    assert (read.before, read.following) == ((0,), (1,))
    history = History().after(tree.turns[0].observations["one"], tree.turns[0].joint_action["one"])
    assert read.pairs[1][0] == agent.policy.context.prompt(history, seen["one"])[0]


def test_a_turn_that_the_agent_sits_out_is_refused(agent: Agent) -> None:
    tree = played(agent, 4)
    without = replace(tree.turns[1], joint_action={}, observations={})
    with pytest.raises(CollmError, match=r"critic\.trunk: agent one does not act at every turn"):
        head_on(agent).read(replace(tree, turns=(tree.turns[0], without)), CriticView())


class Passes:
    """Counts how often a model runs."""

    def __init__(self, model: Any) -> None:
        self.count = 0
        trunk(model).register_forward_hook(self._note)

    def _note(self, *_: Any) -> None:
        self.count += 1


def test_one_forward_pass_serves_values_and_policy(agent: Agent) -> None:
    several, passes = trees(agent), Passes(model_of(agent))
    learn(CoLLMDC(), {"one": agent}, {"one": head_on(agent)}, several, PROGRESS)
    assert passes.count == 1


def test_without_room_for_one_pass_the_steps_are_the_same(make_agent: MakeAgent) -> None:
    steps = []
    for batch_tokens in (16384, 1):
        agent = make_agent(max_tokens=6, batch_tokens=batch_tokens, optimization={"learning_rate": 1e-3})
        learned(agent, turned(head_on(agent)))
        steps.append(weights(model_of(agent)))
    for name, value in steps[0].items():
        torch.testing.assert_close(value, steps[1][name], atol=1e-4, rtol=1e-3)


def separate(agent: Agent) -> Critic:
    return Critic(CriticConfig(model=agent.config.model, device="cpu"), "one")


def test_a_head_without_weight_leaves_the_actor_what_it_is_beside_a_critic_of_its_own(
    make_agent: MakeAgent,
) -> None:
    """Both critics say 0 at first, so the advantages are the same."""
    one, other = make_agent(max_tokens=6), make_agent(max_tokens=6)
    before = weights(model_of(one))
    learned(one, head_on(one, weight=0.0))
    learned(other, separate(other))
    mine, theirs = weights(model_of(one)), weights(model_of(other))
    assert all(torch.equal(value, theirs[name]) for name, value in mine.items())
    assert any(not torch.equal(value, before[name]) for name, value in mine.items())


def gradients_of(agent: Agent, critic: TrunkCritic, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """Those that the agent's optimizer is given."""
    found: dict[str, Tensor] = {}

    def noted(*_: Any) -> tuple[float, float]:
        for name, parameter in model_of(agent).named_parameters():
            assert parameter.grad is not None
            found[name], parameter.grad = parameter.grad.clone(), None
        return 0.0, 0.0

    monkeypatch.setattr(agent.learner._optimizer, "step", noted)
    learned(agent, critic)
    return found


@pytest.mark.parametrize("interference", [False, True])
def test_the_trunk_gets_the_sum_of_both_gradients(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, interference: bool
) -> None:
    weight, several = 0.5, trees(agent)
    alone = gradients_of(agent, turned(head_on(agent, weight=0.0)), monkeypatch)
    both = gradients_of(agent, turned(head_on(agent, weight=weight, interference=interference)), monkeypatch)
    critic = turned(head_on(agent))
    found = critic.predict([critic.read(tree, CriticView()) for tree in several]).by_passage
    pairs = [(a.prompt_ids, a.token_ids) for tree in several for a in _actions(tree)]
    goals = [value for values, tree in zip(found, several, strict=True) for value in _targets(values, tree)]
    losses = []
    for batch in score(model_of(agent), pairs, agent.config.sampling, 0, 10**6):
        values = critic.head(batch.before).squeeze(-1)
        losses += [(value - goals[n]) ** 2 for value, n in zip(values, batch.numbers, strict=True)]
    scale = (
        torch.autograd.functional.jacobian(
            lambda value: CoLLMDC().value_losses(value, torch.zeros(1)), torch.ones(1)
        ).item()
        / 2
    )  # of the loss's own definition against the plain square
    (weight * scale * torch.stack(losses).mean()).backward()
    for name, parameter in model_of(agent).named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(both[name] - alone[name], parameter.grad, atol=2e-5, rtol=1e-3)
        parameter.grad = None


def _actions(tree: Tree) -> list[Action]:
    return [one.joint_action["one"] for one in tree.turns]


def _targets(values: Tensor, tree: Tree) -> list[float]:
    """One-step targets of a chain that terminates."""
    following = [*values[1:].tolist(), 0.0]
    return [one.reward + after for one, after in zip(tree.turns, following, strict=True)]


def test_episodes_with_the_same_tokens_pull_as_often_as_they_were_played(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, twice = [played(agent, 10)], [played(agent, 10), played(agent, 10)]
    found = []
    for several in (once, twice):
        monkeypatch.setattr("tests.agents.test_trunk.trees", lambda _, several=several: several)
        found.append(gradients_of(agent, turned(head_on(agent)), monkeypatch))
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], atol=1e-5, rtol=1e-3)


def test_interference_is_the_cosine_of_the_two_gradients(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = gradients_of(agent, turned(head_on(agent, weight=0.0)), monkeypatch)
    both = gradients_of(agent, turned(head_on(agent)), monkeypatch)
    other = {name: both[name] - alone[name] for name in alone}
    mine, theirs = (torch.cat([one.flatten() for one in each.values()]) for each in (alone, other))
    found = learned(agent, turned(head_on(agent, interference=True)))["gradient_cosine/one"]
    assert found == pytest.approx(float(torch.cosine_similarity(mine, theirs, dim=0)), abs=1e-3)


def test_the_head_alone_learns_while_the_agent_waits(agent: Agent) -> None:
    critic, before = head_on(agent), weights(model_of(agent))
    learned(agent, critic, critic_warmup=1)
    assert float(critic.head.bias.abs()) > 0
    assert all(torch.equal(value, before[name]) for name, value in weights(model_of(agent)).items())


def shared(recipe: Recipe, algorithm: str = "collm_dc", **settings: Any) -> RunConfig:
    values = plain(recipe(algorithm={"type": algorithm}))
    return make_config({**values, "critic": {"trunk": "actor", **settings}}, "recipe")


@pytest.mark.parametrize(
    ("algorithm", "settings", "told"),
    [
        ("collm_cc", {}, r"critic\.trunk: .* reads the joint history"),
        ("vdn", {}, r"critic\.trunk: .* reads actions too"),
        ("collm_dc", {"model": "x"}, r"critic\.model: unknown key"),
        ("collm_dc", {"numbers": True}, r"critic\.numbers: unknown key"),
        ("collm_dc", {"trunk": "own"}, r"critic\.trunk: .*'actor'"),
        ("collm_dc", {"interference": True, "weight": 0}, "interference has nothing to compare"),
        ("collm_dc", {"weight": -1}, r"critic\.weight"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    recipe: Recipe, algorithm: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(CollmError, match=told):
        shared(recipe, algorithm, **settings)
