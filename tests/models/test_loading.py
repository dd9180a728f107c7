from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.errors import CollmError
from collm.models.config import ModelConfig
from collm.models.loading import (
    load_causal_model,
    load_tokenizer,
    load_trunk,
    looks_local,
    model_source,
    pick_device,
)


def config(model: Path | str, **settings: Any) -> ModelConfig:
    return ModelConfig.model_validate({"model": str(model), "device": "cpu", **settings})


def refused(load: Callable[[ModelConfig, str], Any], settings: ModelConfig) -> CollmError:
    with pytest.raises(CollmError) as caught:
        load(settings, "agents.one")
    return caught.value


def test_names_mean_the_package_a_folder_or_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_source("collm:tiny/one") == str(files("collm").joinpath("assets", "tiny", "one"))
    assert model_source("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    assert model_source("~/models/one") == str(Path.home() / "models/one")
    assert model_source(str(tmp_path)) == str(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert not looks_local("Qwen/one")
    (tmp_path / "Qwen/one").mkdir(parents=True)
    assert looks_local("Qwen/one")


def test_a_model_is_opened_for_evaluation_in_its_dtype(qwen3: Path) -> None:
    model = load_causal_model(config(qwen3, dtype="bfloat16"), "agents.one")
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_trunk_is_the_model_without_its_head(qwen3: Path) -> None:
    model, trunk = load_causal_model(config(qwen3), "x"), load_trunk(config(qwen3), "x")
    expected = model.base_model.state_dict()
    assert trunk.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in trunk.state_dict().items())


def test_a_tokenizer_may_lie_elsewhere(qwen3: Path, qwen2: Path) -> None:
    assert load_tokenizer(config(qwen3), "x").eos_token == "<|im_end|>"
    assert load_tokenizer(config(qwen3, tokenizer=str(qwen2)), "x").eos_token == "</s>"


def test_a_tokenizer_without_padding_pads_with_its_end(qwen3: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(config(qwen3), "x")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    found = load_tokenizer(config(tmp_path), "x")
    assert found.pad_token_id == found.eos_token_id is not None


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    error = refused(load_causal_model, config(tmp_path / "nowhere"))
    assert error.where == "agents.one.model"
    assert "no such folder" in error.problem


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    assert "holds no model" in refused(load_causal_model, config(tmp_path)).problem


def test_a_folder_without_a_tokenizer_is_named(qwen3: Path, tmp_path: Path) -> None:
    error = refused(load_tokenizer, config(qwen3, tokenizer=str(tmp_path)))
    assert error.where == "agents.one.tokenizer"
    assert "holds no tokenizer" in error.problem


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors"])
def test_a_broken_model_is_named(qwen3: Path, tmp_path: Path, broken: str) -> None:
    shutil.copytree(qwen3, tmp_path / "model")
    (tmp_path / "model" / broken).write_text("{")
    error = refused(load_causal_model, config(tmp_path / "model"))
    assert error.where == "agents.one.model"
    assert "cannot open" in error.problem


def test_a_broken_tokenizer_is_named(qwen3: Path, tmp_path: Path) -> None:
    shutil.copytree(qwen3, tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").write_text("{")
    assert "cannot open" in refused(load_tokenizer, config(tmp_path / "model")).problem


def test_devices() -> None:
    assert pick_device("cpu", "agents.one") == torch.device("cpu")
    assert pick_device("auto", "agents.one").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["cuda:99", "warp"])
def test_a_device_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(CollmError, match="no such device") as caught:
        pick_device(name, "agents.one")
    assert caught.value.where == "agents.one.device"
