from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from collm.engines import decoding
from collm.engines.exactness import check_exact, mismatch
from collm.errors import CollmError
from collm.models import masks, teacher_forcing
from tests.families import FAMILIES, tiny_model

PAD, LONGEST = 0, 100
REFUSED = {"RWKV"}
EXACT = sorted(set(FAMILIES) - REFUSED)


@pytest.mark.parametrize("name", EXACT)
def test_sampler_and_scorer_are_exact_on_every_accepted_family(name: str) -> None:
    model = tiny_model(name)
    found = mismatch(model, PAD, LONGEST)
    assert max(found.values()) <= 1e-6, found  # the mean of 72 tokens: none is off by 1e-4
    check_exact(model, PAD, "agents.one", LONGEST)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_every_other_family_is_refused_by_name(name: str) -> None:
    model = tiny_model(name)
    with pytest.raises(CollmError, match=rf"agents\.one\.model.*{model.config.model_type}"):
        check_exact(model, PAD, "agents.one", LONGEST)


def everywhere(config: Any, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    return torch.ones((), dtype=torch.bool)


@pytest.mark.parametrize("name", ["Gemma 3", "Mistral"])
def test_a_lost_window_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(masks._NEAR, "sliding_attention", everywhere)
    with pytest.raises(CollmError, match=r"off by .* nats"):
        check_exact(tiny_model(name), PAD, "agents.one", LONGEST)


def test_a_window_longer_than_anything_read_plays_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(masks._NEAR, "sliding_attention", everywhere)
    check_exact(tiny_model("Mistral", sliding_window=10_000), PAD, "agents.one", LONGEST)


@pytest.mark.parametrize("name", ["Gemma 2", "Cohere", "Granite"])
def test_a_lost_cap_or_scale_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(model: Any, hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model.get_output_embeddings()(hidden)
        return logits

    for module in (decoding, teacher_forcing):
        monkeypatch.setattr(module, "head_logits", bare)
    with pytest.raises(CollmError, match=r"off by .* nats"):
        check_exact(tiny_model(name), PAD, "agents.one", LONGEST)


LONG_ROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 40,
    "short_factor": [1.0] * 8,
    "long_factor": [4.0] * 8,
}


@pytest.mark.parametrize(("longest", "accepted"), [(40, True), (100, False)])
def test_positions_that_stretch_with_the_batch_are_refused_where_they_do(
    longest: int, accepted: bool
) -> None:
    model = tiny_model("Phi-3", rope_parameters=LONG_ROPE, original_max_position_embeddings=40)
    assert (max(mismatch(model, PAD, longest).values()) <= 1e-6) is accepted


def test_half_precision_is_allowed_its_rounding() -> None:
    check_exact(tiny_model("Qwen3").bfloat16(), PAD, "agents.one", LONGEST)


def test_a_model_that_cannot_be_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("Llama")
    monkeypatch.setattr(model.model, "forward", lambda **inputs: None)
    with pytest.raises(CollmError, match="cannot be run here"):
        check_exact(model, PAD, "agents.one", LONGEST)


def test_the_page_lists_every_family_with_its_outcome() -> None:
    page = (Path(__file__).parents[2] / "docs" / "own-model.md").read_text(encoding="utf-8")
    for name in EXACT:
        assert f"| {name} | exact |" in page
    for name in REFUSED:
        assert f"| {name} | refused |" in page
