from __future__ import annotations

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
    assert max(found.values()) <= 1e-5, found
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


def test_half_precision_is_allowed_its_rounding() -> None:
    check_exact(tiny_model("Qwen3").bfloat16(), PAD, "agents.one", LONGEST)


def test_a_model_that_cannot_be_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("Llama")
    monkeypatch.setattr(model.model, "forward", lambda **inputs: None)
    with pytest.raises(CollmError, match="cannot be run here"):
        check_exact(model, PAD, "agents.one", LONGEST)
