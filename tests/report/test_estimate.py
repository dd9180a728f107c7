"""The estimate agrees with real models where it can be checked: parameters, weights, cache."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from safetensors.torch import load_file
from transformers import AutoConfig

from collm.config.tree import RunConfig, make_config
from collm.errors import CollmError
from collm.report.estimate import footprints, peak, read_architecture
from tests.checkpoints import save_qwen2, save_qwen3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_qwen3(folder / "a")
    save_qwen2(folder / "b")
    return folder


def config(models: Path, algorithm: str = "collm_cc", **shared: object) -> RunConfig:
    values = {
        "env": {"type": "housebuild"},
        "algorithm": {"type": algorithm},
        "agents": {
            "*": {"context": 100, "sampling": {"max_tokens": 28}, **shared},
            "player_1": {"model": str(models / "a")},
            "player_2": {"model": str(models / "b")},
        },
        "critic": {"model": str(models / "a"), "batch_tokens": 50, "context": 80},
    }
    return make_config(values, "here")


def test_parameters_and_what_grows_with_them(models: Path) -> None:
    found = {one.role: one for one in footprints(config(models), rows=4)}
    assert list(found) == ["agent player_1", "agent player_2", "critic central"]
    for role, folder in (("agent player_1", "a"), ("agent player_2", "b")):
        weights = load_file(models / folder / "model.safetensors")
        one = found[role]
        assert one.parameters == sum(weight.numel() for weight in weights.values())
        assert one.weights == one.gradients == 4 * one.parameters
        assert one.optimizer == 8 * one.parameters
        assert one.steady == 16 * one.parameters
        # 2 layers, keys and values, 1 head of 16 floats; 4 replies of 100 + 28 tokens.
        assert one.cache == one.kept == 4 * 128 * 2 * 2 * 16 * 4
    assert found["critic central"].cache == found["critic central"].kept == 0
    roles = [one.role for one in footprints(config(models, "collm_dc"), rows=4)]
    assert roles[2:] == ["critic player_1", "critic player_2"]


def test_what_bounds_memory_does(models: Path) -> None:
    full, half, rows, tokens = (
        next(footprints(config(models, **shared), rows=4))
        for shared in ({}, {"dtype": "bfloat16"}, {"batch_rows": 2}, {"batch_tokens": 8192})
    )
    assert (half.weights, half.optimizer, half.cache) == (
        full.weights / 2,
        full.optimizer / 2,
        full.cache / 2,
    )
    assert (rows.cache, rows.kept) == (full.cache / 2, full.kept)
    assert tokens.activations == full.activations / 2


def test_what_is_not_kept_does_not_count(models: Path) -> None:
    for setting in ({"keep_cache": False}, {"history": "turn"}):
        assert next(footprints(config(models, **setting), rows=4)).kept == 0


def test_the_reference_policy_counts_where_there_is_one(models: Path) -> None:
    plain = config(models)
    weighed = plain.model_copy(update={"algorithm": plain.algorithm.model_copy(update={"reference_kl": 0.1})})
    without, with_it = (next(footprints(one, rows=4)) for one in (plain, weighed))
    assert (without.reference, with_it.reference) == (0, with_it.weights)
    assert with_it.steady == without.steady + with_it.weights


def test_a_row_longer_than_the_batch_counts_whole(models: Path) -> None:
    small, large = (
        next(footprints(config(models, batch_tokens=tokens), 1)).activations for tokens in (1, 128)
    )
    assert small == large > 0


def test_the_peak_is_what_stays_and_the_largest_of_the_rest(models: Path) -> None:
    found = list(footprints(config(models), rows=4))
    learning = max(one.activations for one in found)
    sampling = sum(one.kept for one in found) + max(one.cache for one in found)
    assert peak(found) == sum(one.steady for one in found) + max(learning, sampling)


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
