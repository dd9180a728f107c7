from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from collm.errors import CollmError
from collm.models.ends import end_ids
from tests.checkpoints import BRACKETS, CHATML, byte_tokenizer

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def model(eos: Any = None) -> Any:
    return SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=eos))


def found(template: str | None, eos: Any = None, **options: Any) -> frozenset[int]:
    return end_ids(model(eos), byte_tokenizer(SPECIALS, "<|endoftext|>", template), "agents.one", options)


def test_a_base_model_stops_where_its_template_ends_a_turn() -> None:
    assert found(CHATML) == {0, 2}


def test_blanks_before_the_end_of_a_turn_are_no_end() -> None:
    assert found(CHATML.replace("<|im_end|>", " <|im_end|>")) == {0, 2}


def test_the_tokens_of_the_generation_config_count() -> None:
    assert found(None) == {0}
    assert found(None, 7) == {0, 7}
    assert found(None, [7, 8]) == {0, 7, 8}


@pytest.mark.parametrize(
    "template",
    [
        BRACKETS,
        "{% for m in messages %}{{ m.role }}{% endfor %}<|im_end|>",
        "{{ raise_exception('no') }}",
        "{% if",
        "{% for m in messages %}{{ m.content }}\n{% endfor %}",
    ],
)
def test_a_template_without_a_token_behind_the_reply_adds_none(template: str) -> None:
    assert found(template) == {0}


def test_the_options_of_the_template_are_followed() -> None:
    template = CHATML.replace("<|im_end|>", "{{ '<|im_end|>' if chatty else '' }}")
    assert found(template, chatty=True) == {0, 2}
    assert found(template, chatty=False) == {0}


@pytest.mark.parametrize("eos", ["</s>", True, [3, "x"], 1.5])
def test_an_end_token_that_is_no_number_is_refused(eos: Any) -> None:
    with pytest.raises(CollmError, match="eos_token_id"):
        found(None, eos)
