"""What is counted without numbers is what the same code takes with them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from collm.models.config import AdapterConfig, Sampling
from collm.report import simulation
from collm.report.simulation import Shape, drawing, learning, parameters, scoring
from tests.checkpoints import save_qwen3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen3(tmp_path_factory.mktemp("model"), layers=5)


@pytest.fixture(scope="module")
def architecture(folder: Path) -> str:
    text: str = AutoConfig.from_pretrained(folder).to_json_string(use_diff=False)
    return text


def test_parameters_of_all_layers_follow_from_two_depths(folder: Path, architecture: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    expected = sum(parameter.numel() for parameter in model.parameters())
    largest = max(parameter.numel() for parameter in model.parameters())
    assert parameters(architecture) == (expected, largest, 0)


@pytest.mark.parametrize(
    "settings", [{}, {"checkpointing": True}, {"masked": True}, {"adapter": AdapterConfig(r=2)}]
)
def test_the_bytes_are_those_of_a_pass_with_numbers(
    architecture: str, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"rows": 2, "width": 40, "masked": False, "replies": 20, **settings}
    shape = Shape(architecture, "float32", **values)  # type: ignore[arg-type]
    without = [simulation._learn(shape, depth) for depth in (3, 5)]
    monkeypatch.setattr(simulation, "FakeTensorMode", nullcontext)
    assert [simulation._learn(shape, depth) for depth in (3, 5)] == without
    monkeypatch.undo()
    passes = learning(shape)
    assert (passes.activations, passes.ending, passes.graph) == without[1]


def test_checkpointing_and_adapters_take_less(architecture: str) -> None:
    plain, again, adapter = (
        learning(Shape(architecture, "float32", 1, 200, False, 50, checkpointing=c, adapter=a))
        for c, a in ((False, None), (True, None), (False, AdapterConfig(r=2)))
    )
    assert again.graph < 0.3 * plain.graph
    assert adapter.ending < plain.ending
    assert scoring(Shape(architecture, "float32", 1, 200, False, 50)) < plain.graph


def test_cuts_take_more_than_plain_draws(architecture: str) -> None:
    plain, cut = (
        drawing(architecture, "float32", 8, Sampling(top_p=p).model_dump_json()) for p in (1.0, 0.5)
    )
    assert cut > plain > 0
