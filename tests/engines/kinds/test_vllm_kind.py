from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from collm.config.tree import make_config, plain
from collm.engines.following import Correction
from collm.engines.kinds.vllm import VllmKind
from collm.errors import AbsentError, CollmError
from collm.models.config import ModelConfig
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe

SERVER = {"url": "http://host:8000/v1", "sync_folder": "/shared"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "host:8000"}, "agents.b.engine.url"),
        ({"url": "http://host"}, "url needs sync_folder"),
        ({**SERVER, "enforce_eager": True}, "enforce_eager is for a vLLM in this process"),
        ({**SERVER, "sleep_level": 1}, "sleep_level is for a vLLM in this process"),
        ({"sync_folder": "/shared"}, "sync_folder is for a server, and no url names one"),
        ({"sleep_level": 3}, "agents.b.engine.sleep_level"),
        ({"max_mismatch": 0}, "agents.b.engine.max_mismatch"),
        ({"correction": {"cap": 0.5}}, "agents.b.engine.correction.cap"),
        ({"correction": {"by": "turn"}}, "agents.b.engine.correction.by"),
        ({"slots": 3}, "agents.b.engine.slots: unknown key"),
    ],
)
def test_what_does_not_fit_is_refused(recipe: Recipe, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(CollmError, match=re.escape(said)):
        recipe(agents={"b": {"engine": {"type": "vllm", **settings}}})


def test_settings_read_back(recipe: Recipe) -> None:
    engine = {"type": "vllm", **SERVER, "correction": {"by": "sequence", "cap": 3.0}}
    stored = plain(recipe(agents={"b": {"engine": engine}}))
    assert plain(make_config(stored, "stored")) == stored
    assert stored["agents"]["b"]["engine"]["correction"] == {"by": "sequence", "cap": 3.0}


def test_corrections_belong_to_engines_with_weights_of_their_own(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match=r"agents\.b\.engine\.correction: unknown key"):
        recipe(agents={"b": {"engine": {"type": "in_process", "correction": {}}}})


@pytest.mark.parametrize(
    ("own", "copy", "bound"),
    [
        ("float32", None, 1e-3),
        ("bfloat16", None, 0.05),
        ("float32", "bfloat16", 0.05),
        ("bfloat16", "float32", 0.05),
    ],
)
def test_the_bound_is_what_rounding_explains(own: Any, copy: Any, bound: float) -> None:
    following = VllmKind(dtype=copy).following(ModelConfig(model="m", dtype=own))
    assert (following.bound, following.correction) == (bound, None)


def test_the_bound_and_the_correction_can_be_set() -> None:
    kind = VllmKind(max_mismatch=0.2, correction=Correction())
    following = kind.following(ModelConfig(model="m"))
    assert (following.bound, following.correction) == (0.2, Correction(by="token", cap=2.0))
    following.check("b", 0.2, "now")
    for nats in (0.21, float("nan")):
        with pytest.raises(CollmError, match=r"agents\.b\.engine\.max_mismatch: now, .* other weights"):
            following.check("b", nats, "now")


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_it_is_refused_before_anything_is_written(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(agents={"b": {"engine": {"type": "vllm"}}})
    with pytest.raises(AbsentError, match=r"agents\.b: .*vllm.*pip install 'collm\[vllm\]'"):
        train(config, tmp_path / "run", Silent())
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"adapter": {"use_dora": True}}, "agents.b.adapter.use_dora: vLLM serves no DoRA"),
        ({"adapter": {}, "quantization": "nf4"}, "agents.b.quantization: "),
        ({"adapter": {}, "engine": {"type": "vllm", "sleep_level": 2}}, "agents.b.engine.sleep_level"),
    ],
)
def test_adapters_that_vllm_cannot_serve_are_refused(
    recipe: Recipe, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    config = recipe(agents={"b": {"engine": {"type": "vllm"}, **settings}})
    with pytest.raises(CollmError, match=re.escape(said)):
        train(config, tmp_path / "run", Silent())
