from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.errors import CollmError
from collm.training.display import Silent
from collm.training.divergence import check_metrics, check_replies
from collm.training.run import train
from collm.types import Action, Tree, Turn
from tests.commands import fingerprint
from tests.tiny_runs import Recipe
from tests.trees import Named


def tree(*logprobs: float) -> Tree:
    return Tree(
        Named("task"), 0, (Turn(0, {}, {"a": Action("x", token_logprobs=logprobs)}, 0.0, 0.0),), (None,)
    )


def test_sound_replies_and_measures_pass() -> None:
    check_replies([tree(-1.0, -2.0), tree()], "in update 1")
    check_metrics({"grad_norm/a": 1e30, "critic_grad_norm/central": 0.0, "optimizer_steps": 1.0}, 1)


@pytest.mark.parametrize("logprob", [math.nan, -math.inf])
def test_a_reply_without_a_probability_is_named(logprob: float) -> None:
    with pytest.raises(CollmError, match=r"agents\.a: a reply in update 3 has the log-probability"):
        check_replies([tree(-1.0), tree(-1.0, logprob)], "in update 3")


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ({"grad_norm/b": math.nan}, "agents.b: it diverged in update 3: grad_norm is nan."),
        ({"policy_loss/b": math.inf}, "agents.b: it diverged in update 3: policy_loss is inf."),
        (
            {"grad_norm/b": math.nan, "critic_value_loss/central": math.inf},
            "critic central: it diverged in update 3: critic_value_loss is inf.",
        ),
    ],
)
def test_what_diverged_is_named_critics_first(measures: dict[str, float], said: str) -> None:
    with pytest.raises(CollmError) as caught:
        check_metrics({"grad_norm/a": 1.0, **measures}, 3)
    assert str(caught.value).startswith(said)
    assert "The last checkpoint is untouched." in str(caught.value)
    assert "optimization.learning_rate" in caught.value.mend


HUGE = {"optimization": {"learning_rate": 1e36, "max_grad_norm": None}}


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ({"agents": {"a": HUGE}}, r"agents\.a: .* (in|after) update"),
        ({"critic": HUGE}, r"critic central: it diverged in update"),
    ],
)
def test_a_run_that_diverges_ends_and_leaves_only_valid_rows(
    recipe: Recipe, tmp_path: Path, change: dict[str, Any], who: str
) -> None:
    with pytest.raises(CollmError, match=who):
        train(recipe(**change), tmp_path, Silent())
    assert not (tmp_path / "summary.json").exists()
    for file in tmp_path.rglob("*.jsonl"):
        for line in file.read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


def test_the_checkpoints_of_a_run_that_diverges_later_are_untouched(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(recipe(training={"max_updates": 2}), tmp_path, Silent())
    before = fingerprint(tmp_path / "checkpoints")
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, limit: math.nan)
    with pytest.raises(CollmError, match="critic central: it diverged in update 3: critic_grad_norm is nan"):
        train(recipe(), tmp_path, Silent(), resume=True)
    assert fingerprint(tmp_path / "checkpoints") == before
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 2
