"""Values of passages and turns, and gradients that go back; one joint loss is what they must come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, cast

import pytest
import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic
from collm.agents.views import CriticInput, Passage, critic_input
from collm.algorithms.base import Algorithm, Branching, CriticView, Prediction, Target, rewards_of
from collm.algorithms.collm_cc import CoLLMCC
from collm.base.validation import validated
from collm.errors import CollmError
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.training.values import explained_variance, prediction, value_measures, value_step
from collm.types import Action, Tree
from tests.agents.models import assert_close
from tests.tiny_agents import MakeAgent, model_of
from tests.trees import Grown, tree, turn

PLAIN_STEP = {"learning_rate": 1e8, "betas": (0.0, 0.0), "epsilon": 1e8, "max_grad_norm": None}
"""Settings under which AdamW subtracts the gradient, so that a step shows it."""

READ = CriticInput(
    (Passage("a"), Passage("b", 0), Passage("c", 1), Passage("d", 0)),
    before=(0, 2, 2, 0),
    following=(2, None, None, None),
    after=(1, None, None, 3),
)


def test_values_are_gathered_where_they_are_read() -> None:
    found = prediction(READ, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert found.before.tolist() == [1.0, 3.0, 3.0, 1.0]
    assert found.following.tolist() == [3.0, 0.0, 0.0, 0.0], "nothing is worth 0 where all is over"
    assert found.after.tolist() == pytest.approx([2.0, math.nan, math.nan, 4.0], nan_ok=True)


def test_where_no_value_is_read_none_follows() -> None:
    unread = replace(READ, before=(None,) * 4, following=(None,) * 4)
    found = prediction(unread, torch.ones(4))
    assert found.before.isnan().all()
    assert found.following.isnan().all()


def step(targets: Mapping[str, Target], turns: Sequence[int]) -> list[float]:
    one = value_step(
        CoLLMCC(), {"central": READ}, {"central": torch.tensor([1.0, 2.0, 3.0, 4.0])}, targets, turns
    )
    return one.gradients["central"].tolist()


def test_gradients_of_the_chosen_turns_meet_at_their_passages() -> None:
    # V is 1, 3, 3, 1; the gradient of each square is 2 (V - target); siblings share a passage
    wanted = Target(before=torch.tensor([0.0, 5.0, 2.0, 4.0]))
    assert step({"central": wanted}, [0, 1, 2, 3]) == [
        2 * (1 - 0) + 2 * (1 - 4),
        0.0,
        2 * (3 - 5 + 3 - 2),
        0.0,
    ]
    assert step({"central": wanted}, [0, 2]) == [2.0, 0.0, 2.0, 0.0]


def test_values_of_actions_are_taught_at_their_own_passages() -> None:
    wanted = Target(after=torch.tensor([5.0, 0.0, 0.0, 1.0]))
    assert step({"central": wanted}, [0, 3]) == [0.0, 2 * (2 - 5), 0.0, 2 * (4 - 1)]
    both = replace(wanted, before=torch.tensor([0.0, 5.0, 2.0, 4.0]))
    assert step({"central": both}, [0, 3]) == [2.0 - 6.0, -6.0, 0.0, 6.0]


def test_measures_are_means_over_all_values_that_were_learned_from() -> None:
    values = {"central": torch.tensor([1.0, 2.0, 3.0, 4.0])}
    wanted = Target(before=torch.tensor([0.0, 5.0, 2.0, 4.0]))
    steps = [
        value_step(CoLLMCC(), {"central": READ}, values, {"central": wanted}, turns)
        for turns in ([0], [1, 3])
    ]
    found = value_measures(steps)
    # V is 1, 3, 1 against 0, 5, 4: errors -1, 2, 3 with mean 4/3; targets have the mean 3
    assert found["critic_value_loss/central"] == pytest.approx((1 + 4 + 9) / 3)
    spread = ((1 + 4 / 3) ** 2 + (2 - 4 / 3) ** 2 + (3 - 4 / 3) ** 2) / (9 + 4 + 1)
    assert found["critic_explained_variance/central"] == pytest.approx(1 - spread)


def test_explained_variance() -> None:
    actual = torch.tensor([0.0, 2.0, 4.0])
    assert explained_variance(actual, actual) == 1.0
    assert explained_variance(actual - 5, actual) == 1.0
    assert explained_variance(torch.zeros(3), actual) == 0.0
    assert explained_variance(actual / 2, actual) == pytest.approx(0.75)
    assert explained_variance(torch.tensor([1.0, 2.0]), torch.ones(2)) == 0.0


# Algorithms of one's own, with real critics


class Decomposed(Algorithm):
    """The team's Q is the sum of what each agent's critic says of its own history and action."""

    type: Literal["decomposed"] = "decomposed"

    @property
    def branching(self) -> Branching:
        return Branching(3)

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {agent: CriticView(agent, ("after",)) for agent in agents}

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        one, *_ = predictions.values()
        together = torch.stack([said.after for said in predictions.values()]).sum(0)
        return {**predictions, "team": replace(one, after=together)}

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        return {"team": Target(after=rewards_of(tree, None))}

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        said = predictions[agent].after
        families = tree.families
        siblings = [list(families[parent]) for parent in tree.parents]
        return torch.stack([said[k] - said[own].mean() for k, own in enumerate(siblings)])


MakeCritic = Callable[..., Critic]


@pytest.fixture(scope="module")
def make_critic(make_agent: MakeAgent) -> MakeCritic:
    model = make_agent().config.model

    def make(seed: int, **settings: object) -> Critic:
        values = {"model": model, "device": "cpu", "optimization": PLAIN_STEP, **settings}
        critic = Critic(validated(CriticConfig, values, "critic"), "critic")
        torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(seed))
        return critic

    return make


def spoken(reward: float, words: str, *children: Grown) -> Grown:
    one = turn(reward, *children)
    texts = dict(zip("ab", words, strict=True))
    return replace(one, joint_action={name: Action(text) for name, text in texts.items()})


GROWN = tree(
    spoken(1.0, "xy"),
    spoken(0.0, "yx", spoken(2.0, "uu"), spoken(-1.0, "vw"), spoken(0.5, "wv")),
    spoken(-2.0, "zz"),
)
"""Three joint actions at the first history, three after the second of them."""

ONLY_SEEN = tree(spoken(3.0, "xx"), spoken(1.0, "yy"), spoken(0.0, "zz"))


def weights(critic: Critic) -> dict[str, Tensor]:
    named = {**dict(model_of(critic).named_parameters()), **dict(critic.head.named_parameters(prefix="head"))}
    return {name: value.detach().clone() for name, value in named.items()}


class Speechless:
    """Stands for an agent that has no tokens to learn from."""

    config = AgentConfig(model="none")


def learned(critics: Mapping[str, Critic], trees: Sequence[Tree]) -> dict[str, dict[str, Tensor]]:
    """What one update of the decomposed values subtracts from each critic's weights."""
    before = {name: weights(critic) for name, critic in critics.items()}
    agents = cast(Mapping[str, Agent], dict.fromkeys(critics, Speechless()))
    learn(Decomposed(), agents, critics, trees, Progress(0, 0, 1))
    return {
        name: {key: before[name][key] - value for key, value in weights(critic).items()}
        for name, critic in critics.items()
    }


def of_one_loss(critics: Mapping[str, Critic], trees: Sequence[Tree]) -> dict[str, dict[str, Tensor]]:
    """Gradients of the mean of ``(r - Q_a - Q_b)^2``, with every value read alone and one backward pass."""
    losses = []
    for grown in trees:
        reads = {name: critic_input(grown, CriticView(name, ("after",))) for name in critics}
        for number, one in enumerate(grown.turns):
            said = [
                _alone(critic, reads[name], reads[name].after[number]) for name, critic in critics.items()
            ]
            losses.append((one.reward - torch.stack(said).sum()) ** 2)
    torch.stack(losses).mean().backward()
    found = {}
    for name, critic in critics.items():
        named = {
            **dict(model_of(critic).named_parameters()),
            **dict(critic.head.named_parameters(prefix="head")),
        }
        found[name] = {key: value.grad for key, value in named.items() if value.grad is not None}
    return found


def _alone(critic: Critic, read: CriticInput, place: int | None) -> Tensor:
    text = ""
    while place is not None:
        text = read.passages[place].text + text
        place = read.passages[place].parent
    ids = critic.tokenizer(text).input_ids
    return cast(
        Tensor, critic.head(model_of(critic)(input_ids=torch.tensor([ids])).last_hidden_state)[0, -1, 0]
    )


@pytest.mark.parametrize("batch_tokens", [10_000, 1])
def test_mixed_values_teach_every_critic_the_gradient_of_one_joint_loss(
    make_critic: MakeCritic, batch_tokens: int
) -> None:
    """Q after the actions of K = 3 siblings, in one pass or in several."""
    trees = [GROWN, ONLY_SEEN]
    critics = {name: make_critic(seed, batch_tokens=batch_tokens) for seed, name in enumerate("ab")}
    expected = of_one_loss({name: make_critic(seed) for seed, name in enumerate("ab")}, trees)
    found = learned(critics, trees)
    for name in critics:
        assert_close(found[name], expected[name], tolerance=2e-3)
    assert not torch.allclose(expected["a"]["head.weight"], expected["b"]["head.weight"])


def test_mixed_values_come_to_explain_the_rewards(make_critic: MakeCritic) -> None:
    settings = {"optimization": {"learning_rate": 1e-3}}
    critics = {name: make_critic(seed, **settings) for seed, name in enumerate("ab")}
    agents = cast(Mapping[str, Agent], dict.fromkeys(critics, Speechless()))
    reports = [
        learn(Decomposed(), agents, critics, [GROWN], Progress(0, update, 60)).metrics for update in range(60)
    ]
    assert reports[0]["critic_explained_variance/team"] < 0.5
    assert reports[-1]["critic_explained_variance/team"] > 0.8


@pytest.mark.parametrize("targets", [{}, {"central": Target()}, {"nobody": Target(before=torch.zeros(4))}])
def test_an_algorithm_that_teaches_its_critics_nothing_is_told_so(targets: Mapping[str, Target]) -> None:
    with pytest.raises(CollmError, match="collm_cc has critics, and its targets teach"):
        step(targets, [0, 1])
