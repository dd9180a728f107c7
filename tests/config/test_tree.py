"""One tree of configuration: every key is checked, defaults are filled in, the result is read back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from collm.agents.config import CriticConfig
from collm.algorithms.collm_cc import CoLLMCC
from collm.config.merging import merged
from collm.config.recipes import load_recipe, shipped
from collm.config.tree import EvaluationConfig, TrainingConfig, make_config, plain
from collm.envs.minecraft.housebuild import HouseBuild
from collm.errors import CollmError

GOOD: dict[str, Any] = {
    "env": {"type": "housebuild", "num_turns": 2},
    "algorithm": {"type": "collm_cc", "discount": 0.9},
    "agents": {
        "*": {"model": "a", "sampling": {"temperature": 0.7, "max_tokens": 9}},
        "player_2": {"model": "b", "sampling": {"max_tokens": 5}},
    },
    "critic": {"model": "c"},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good recipe with one value changed, or dropped if it is ``...``."""
    values = deepcopy(GOOD)
    *sections, key = path.split("/")
    place = values
    for section in sections:
        place = place.setdefault(section, {})
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return values


def test_sections_become_models_with_defaults() -> None:
    config = make_config(GOOD, "mine")
    assert config.env == HouseBuild(num_turns=2)
    assert config.algorithm == CoLLMCC(discount=0.9)
    assert isinstance(config.critic, CriticConfig)
    assert config.critic.model == "c"
    assert (config.seed, config.training, config.evaluation) == (0, TrainingConfig(), EvaluationConfig())


def test_what_all_agents_share_yields_to_their_own() -> None:
    agents = make_config(GOOD, "mine").agents
    assert list(agents) == ["player_1", "player_2"]
    assert (agents["player_1"].model, agents["player_2"].model) == ("a", "b")
    assert [agent.sampling.temperature for agent in agents.values()] == [0.7, 0.7]
    assert [agent.sampling.max_tokens for agent in agents.values()] == [9, 5]


def test_an_empty_entry_takes_what_all_share() -> None:
    assert make_config(changed("agents/player_1", None), "mine") == make_config(GOOD, "mine")


@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_resolved_configuration_is_read_back(name: str) -> None:
    config = load_recipe(name)
    assert make_config(plain(config), "config.yaml") == config
    assert ("critic" in plain(config)) == (config.critic is not None)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("env", ..., "mine: env"),
        ("env/type", ..., "mine: env.type"),
        ("env/spiders", {"number": 3}, "mine: env.spiders.number"),
        ("algorithm", None, "mine: algorithm"),
        ("algorithm/type", 3, "mine: algorithm.type"),
        ("algorithm/num_generations", 4, "mine: algorithm.num_generations"),
        ("agents", [], "mine: agents"),
        ("agents/player_3", {}, "mine: agents.player_3"),
        ("agents/7", {}, "mine: agents.7"),
        ("agents/*", [], "mine: agents.*"),
        ("agents/player_2", False, "mine: agents.player_2"),
        ("agents/player_2/sampling", "hot", "mine: agents.player_2.sampling"),
        ("agents/*/model", ..., "mine: agents.player_1.model"),
        ("critic", ..., "mine: critic"),
        ("critic/sampling", {}, "mine: critic.sampling"),
        ("training/threads", 0, "mine: training.threads"),
        ("evaluation/samples", 0, "mine: evaluation.samples"),
        ("tracking/backends", ["paper"], "mine: tracking.backends.0"),
        ("seed", "x", "mine: seed"),
        ("notes", "x", "mine: notes"),
    ],
)
def test_the_field_at_fault_is_named(path: str, value: Any, where: str) -> None:
    with pytest.raises(CollmError) as caught:
        make_config(changed(path, value), "mine")
    assert f"{caught.value.file}: {caught.value.where}" == where


@pytest.mark.parametrize(
    ("algorithm", "training", "env", "fine"),
    [
        ({"minibatch_size": 1}, {}, {}, False),
        ({"minibatch_size": 2}, {}, {}, True),
        ({}, {}, {"num_turns": 1}, False),
        ({}, {"tasks_per_update": 2}, {"num_turns": 1}, True),
        ({}, {"episodes_per_task": 2}, {"num_turns": 1}, True),
        ({}, {}, {"num_turns": 2}, True),
    ],
)
def test_normalization_needs_two_actions(
    algorithm: dict[str, Any], training: dict[str, Any], env: dict[str, Any], fine: bool
) -> None:
    values = merged(GOOD, {"algorithm": algorithm, "training": training, "env": env})
    make_config(values, "mine")
    values["algorithm"]["advantage_normalization"] = True
    if fine:
        make_config(values, "mine")
    else:
        with pytest.raises(CollmError, match=r"algorithm\.advantage_normalization: a minibatch of one"):
            make_config(values, "mine")


@pytest.mark.parametrize(("key", "setting"), [("frozen", True), ("shares", "player_1")])
def test_a_value_head_on_a_trunk_needs_an_agent_that_learns_by_itself(key: str, setting: Any) -> None:
    values = changed(f"agents/player_2/{key}", setting)
    values["algorithm"], values["critic"] = {"type": "collm_dc"}, {"trunk": "actor"}
    if key == "shares":
        del values["agents"]["player_2"]["model"]
        values["agents"]["player_2"] = {"shares": "player_1"}
    with pytest.raises(CollmError, match="needs that it learns by itself") as error:
        make_config(values, "mine")
    assert error.value.where == f"agents.player_2.{key}"


def test_a_bad_agent_is_named_beside_a_value_head_on_its_trunk() -> None:
    values = changed("agents/player_2/context", -1)
    values["algorithm"], values["critic"] = {"type": "collm_dc"}, {"trunk": "actor"}
    with pytest.raises(CollmError, match=r"agents\.player_2\.context"):
        make_config(values, "mine")


def test_a_critic_reads_numbers_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    values = changed("critic/numbers", True)
    critic = make_config(values, "mine").critic
    assert isinstance(critic, CriticConfig)
    assert critic.numbers
    monkeypatch.setattr(HouseBuild, "global_numbers", lambda env, turn, last: ())
    make_config(GOOD, "mine")
    with pytest.raises(CollmError, match=r"mine: critic\.numbers: the environment housebuild has no numbers"):
        make_config(values, "mine")


def test_merging_goes_mapping_by_mapping_and_changes_nothing() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": 3}
    over = {"a": {"c": {"e": 4}}, "d": {"f": 5}}
    assert merged(base, over) == {"a": {"b": 1, "c": {"e": 4}}, "d": {"f": 5}}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}
    assert over == {"a": {"c": {"e": 4}}, "d": {"f": 5}}


SHARED: dict[str, Any] = {
    "*": {"model": "a"},
    "player_1": {"context": 64},
    "player_2": {"shares": "player_1"},
}


def test_an_agent_that_shares_a_policy_has_its_owners_settings_and_is_read_back() -> None:
    config = make_config({**GOOD, "agents": SHARED}, "mine")
    assert config.agents["player_2"] == config.agents["player_1"].model_copy(update={"shares": "player_1"})
    assert make_config(plain(config), "mine") == config


@pytest.mark.parametrize(
    ("own", "field", "problem"),
    [
        ({"shares": "nobody"}, "shares", "'nobody' is no agent with a policy of its own"),
        ({"shares": "player_2"}, "shares", "'player_2' is no agent with a policy of its own"),
        (
            {"shares": "player_1", "model": "b"},
            "model",
            "player_1, whose model is another",
        ),
        ({"shares": "player_1", "frozen": True}, "frozen", "whose frozen is another"),
    ],
)
def test_sharing_that_cannot_be_is_refused(own: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(CollmError, match=problem) as caught:
        make_config({**GOOD, "agents": {**SHARED, "player_2": own}}, "mine")
    assert f"agents.player_2.{field}" in caught.value.where


def test_a_team_of_frozen_agents_learns_nothing_without_critics() -> None:
    frozen = {"*": {"model": "a", "frozen": True}}
    assert make_config({**GOOD, "agents": frozen}, "mine").agents["player_1"].frozen
    values = {**GOOD, "agents": frozen, "algorithm": {"type": "magrpo"}}
    del values["critic"]
    with pytest.raises(CollmError, match="every agent is frozen"):
        make_config(values, "mine")
