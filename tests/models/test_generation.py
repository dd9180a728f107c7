from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import GenerationConfig

from collm.models.config import Sampling
from collm.models.generation import generation_settings


def saved(tmp_path: Path, sampling: Sampling) -> GenerationConfig:
    """A model's own generation config with an agent's settings in it, saved and opened again."""
    config = GenerationConfig(do_sample=True, temperature=0.1, top_k=20, top_p=0.8, eos_token_id=3)
    config.update(**generation_settings(sampling, {7, 5}))
    config.save_pretrained(tmp_path)
    return GenerationConfig.from_pretrained(tmp_path)


def test_the_settings_of_training_are_those_of_the_saved_model(tmp_path: Path) -> None:
    found = saved(tmp_path, Sampling(temperature=0.6, top_p=0.9, top_k=40, max_tokens=77))
    assert (found.do_sample, found.temperature, found.top_p, found.top_k) == (True, 0.6, 0.9, 40)
    assert (found.max_new_tokens, found.eos_token_id) == (77, [5, 7])


def test_all_tokens_are_kept_where_training_cut_none(tmp_path: Path) -> None:
    saved(tmp_path, Sampling())
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert (written["do_sample"], written["top_k"], written["max_new_tokens"]) == (True, 0, 256)
    assert written.get("top_p", 1.0) == written.get("temperature", 1.0) == 1.0


@pytest.mark.filterwarnings("error")
def test_a_greedy_agent_is_saved_as_one(tmp_path: Path) -> None:
    found = saved(tmp_path, Sampling(temperature=0))
    assert not found.do_sample
    assert "eos_token_id" not in generation_settings(Sampling())
