"""The estimate agrees with real models where it can be checked: parameters, weights, cache."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import AutoConfig

from collm.algorithms.madpo import MADPO
from collm.config.tree import RunConfig, make_config, plain
from collm.errors import CollmError
from collm.report.estimate import Footprint, Work, footprints, phases, read_architecture, steady
from collm.report.work import work_of
from tests.checkpoints import save_qwen2, save_qwen3

WORK = Work(rows=4, kept=4, siblings=1, episodes=1, turns=2, reference=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_qwen3(folder / "a")
    save_qwen2(folder / "b")
    return folder


def config(models: Path, algorithm: str = "collm_cc", **shared: Any) -> RunConfig:
    values = {
        "env": {"type": "housebuild"},
        "algorithm": {"type": algorithm},
        "agents": {
            "*": {"device": "cpu", "context": 100, "sampling": {"max_tokens": 28}, **shared},
            "player_1": {"model": str(models / "a")},
            "player_2": {"model": str(models / "b")},
        },
        "critic": {"model": str(models / "a"), "device": "cpu", "batch_tokens": 50, "context": 80},
    }
    return make_config(values, "here")


def first(models: Path, work: Work = WORK, **shared: Any) -> Footprint:
    return next(footprints(config(models, **shared), work))


def test_parameters_and_what_grows_with_them(models: Path) -> None:
    found = {one.role: one for one in footprints(config(models), WORK)}
    assert list(found) == ["agent player_1", "agent player_2", "critic central"]
    for role, folder in (("agent player_1", "a"), ("agent player_2", "b")):
        weights = load_file(models / folder / "model.safetensors")
        one = found[role]
        assert one.parameters == sum(weight.numel() for weight in weights.values())
        assert (one.weights, one.moments) == (4 * one.parameters, 8 * one.parameters)
        # 2 layers, keys and values, 1 head of 16 floats; 4 histories of 100 tokens.
        assert one.kept == 4 * 100 * 2 * 2 * 16 * 4
    assert found["critic central"].kept == found["critic central"].sampling == 0
    roles = [one.role for one in footprints(config(models, "collm_dc"), WORK)]
    assert roles[2:] == ["critic player_1", "critic player_2"]


def test_what_is_not_kept_does_not_count(models: Path) -> None:
    settings: list[dict[str, Any]] = [{"keep_cache": False}, {"history": "turn"}]
    for setting in settings:
        assert first(models, **setting).kept == 0
    assert first(models, Work(4, 0, 1, 1, 1, False)).kept == 0, "nothing after the only turn"


def test_moments_take_what_the_optimizer_gives_them(models: Path) -> None:
    plain = first(models)
    eight = first(models, optimization={"optimizer": "adamw_8bit"})
    assert plain.parameters * 2 < eight.moments < plain.parameters * 2.1
    away: dict[str, Any] = {"optimization": {"optimizer": "adamw_offload"}, "device": "cuda:0"}
    assert first(models, **away).moments == 0


def test_a_base_that_several_share_counts_once(models: Path) -> None:
    shared = config(models, adapter={"r": 2})
    same = shared.agents["player_1"]
    critic = shared.critic.model_copy(update={"adapter": same.adapter}) if shared.critic else None
    team = shared.model_copy(update={"agents": {"player_1": same, "player_2": same}, "critic": critic})
    found = list(footprints(team, WORK))
    whole = first(models).weights
    assert [one.base for one in found] == [(f"{models / 'a'} float32", whole)] * 3
    assert steady(found) == whole + 3 * (4 + 8) * found[0].parameters


def test_a_reference_is_a_base_of_its_own_beside_full_weights(models: Path) -> None:
    weighed = first(models, Work(4, 4, 1, 1, 2, True))
    assert weighed.base == (f"{models / 'a'} float32", weighed.weights)
    assert first(models).base is None


def test_a_frozen_agent_has_no_such_base(models: Path) -> None:
    found = first(models, Work(4, 4, 1, 1, 2, True), frozen=True)
    assert (found.base, found.moments, found.update) == (None, 0, 0)
    assert found.weights > 0


def test_preferences_are_compared_with_where_training_started(models: Path) -> None:
    compared = config(models).model_copy(update={"algorithm": MADPO()})
    assert work_of(compared).reference
    assert not work_of(config(models)).reference


def test_a_step_of_a_shared_policy_learns_from_all_who_play_it(models: Path) -> None:
    alone = config(models)
    owner = alone.agents["player_1"]
    other = owner.model_copy(update={"shares": "player_1"})
    shared = alone.model_copy(update={"agents": {"player_1": owner, "player_2": other}})
    mine, theirs = list(footprints(shared, WORK))[:2]
    assert mine.update > first(models).update
    assert (theirs.weights, theirs.moments, theirs.update) == (0, 0, 0)


def test_gradients_do_not_add_up_over_models(models: Path) -> None:
    found = list(footprints(config(models), WORK))
    peaks = phases(found)["cpu"]
    held = steady(found)
    assert peaks["update of agent player_1"] == held + found[0].update
    assert peaks["sampling"] == held + found[0].kept + found[1].kept + max(
        found[0].sampling, found[1].sampling
    )
    assert peaks["checkpoint"] == held


def test_devices_are_told_apart(models: Path) -> None:
    apart = config(models)
    agents = {**apart.agents, "player_2": apart.agents["player_2"].model_copy(update={"device": "cuda:1"})}
    peaks = phases(list(footprints(apart.model_copy(update={"agents": agents}), WORK)))
    assert list(peaks) == ["cpu", "cuda:1"]
    assert "update of agent player_2" in peaks["cuda:1"]
    assert "update of agent player_2" not in peaks["cpu"]


def test_several_microbatches_hold_gradients_beside_activations(models: Path) -> None:
    one, several = (first(models, Work(4, 4, 1, n, 2, False), batch_tokens=128) for n in (1, 3))
    assert several.update > one.update


def no_network(name: str) -> None:
    raise OSError(f"cannot reach the hub for {name}")


def test_the_papers_models_are_known_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AutoConfig, "from_pretrained", no_network)
    known = json.loads(files("collm").joinpath("assets", "architectures.json").read_text())
    assert {"Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen2.5-3B-Instruct"} <= set(known)
    for name in known:
        assert read_architecture(name, "here").num_hidden_layers == known[name]["num_hidden_layers"]


def test_an_unknown_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(AutoConfig, "from_pretrained", no_network)
    with pytest.raises(CollmError, match=r"agents\.a\.model: .* holds no model"):
        read_architecture(str(tmp_path), "agents.a.model")
    with pytest.raises(CollmError, match=r"agents\.a\.model: cannot find the architecture of 'no/such'"):
        read_architecture("no/such", "agents.a.model")


def test_what_is_drawn_beside_the_learning_counts_with_it(models: Path) -> None:
    """The copy of what learns throughout, and the peak of sampling in every phase of learning."""
    plainly = list(footprints(config(models), WORK))
    ahead = list(footprints(config(models), replace(WORK, ahead=True)))
    agents = [one for one in ahead if one.role.startswith("agent")]
    assert [one.copy for one in ahead] == [*(one.weights for one in agents), None]
    copies = sum(one.weights for one in agents)
    assert steady(ahead) == steady(plainly) + copies
    apart, beside = phases(plainly)["cpu"], phases(ahead)["cpu"]
    drawn = apart["sampling"] - steady(plainly)
    assert beside["sampling"] == apart["sampling"] + copies
    assert beside["update of agent player_1"] == apart["update of agent player_1"] + copies + drawn
    assert beside["checkpoint"] == apart["checkpoint"] + copies


def test_of_adapters_only_their_own_weights_are_copied(models: Path) -> None:
    found = list(footprints(config(models, adapter={"r": 4}), replace(WORK, ahead=True)))
    assert found[0].copy == found[0].weights == 4 * found[0].parameters


def test_agents_that_never_learn_are_not_copied(models: Path) -> None:
    values = plain(config(models))
    values["agents"]["player_2"]["frozen"] = True
    found = list(footprints(make_config(values, "here"), replace(WORK, ahead=True)))
    assert [one.copy for one in found] == [found[0].weights, 0, None]
