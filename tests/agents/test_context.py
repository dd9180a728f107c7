from __future__ import annotations

from typing import Any

import pytest
from collm.agents.templates import Renderer

from collm.errors import CollmError
from collm.types import Observation
from tests.checkpoints import BRACKETS, CHATML, byte_tokenizer

DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are kind.<|im_end|>\n{% endif %}" + CHATML
)
"""As Qwen2.5's: a system message of its own where none is given."""

THINKING = (
    "{% set ns = namespace(last=-1) %}"
    "{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.index0 < ns.last %}"
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""As Qwen3's: earlier thoughts are dropped, and an option opens the reply with an empty thought."""

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "</s>"]
TEMPLATES = {"chatml": CHATML, "brackets": BRACKETS, "default system": DEFAULT_SYSTEM, "thinking": THINKING}
ENDS = {"chatml": "<|im_end|>", "brackets": "</s>", "default system": "<|im_end|>", "thinking": "<|im_end|>"}


def make(template: str | None, end: str = "<|im_end|>", **options: Any) -> tuple[Renderer, Any]:
    tokenizer = byte_tokenizer(SPECIALS, end, template)
    return Renderer(tokenizer, options, "agents.one"), tokenizer


def rendered(tokenizer: Any, texts: list[str], system: str | None = None, **options: Any) -> str:
    """A whole conversation, user first, through the template at once."""
    messages = [] if system is None else [{"role": "system", "content": system}]
    for index, text in enumerate(texts):
        messages.append({"role": ("user", "assistant")[index % 2], "content": text})
    prompt = len(texts) % 2 == 1
    return str(
        tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt, **options)
    )


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("system", [None, "Be brief."])
@pytest.mark.parametrize("stopped", [True, False])
def test_turns_appended_one_by_one_are_the_conversation_rendered_at_once(
    name: str, system: str | None, stopped: bool
) -> None:
    renderer, tokenizer = make(TEMPLATES[name], ENDS[name])
    end = tokenizer.eos_token_id
    ids = renderer.opening(Observation("Build\na house.", system))
    texts = ["Build\na house."]
    for reply, observation in (("/fill", "Score 1."), ("/fill 2", "Score 2.")):
        ids += tokenizer.encode(reply, add_special_tokens=False) + ([end] if stopped else [])
        ids += renderer.continuation(Observation(observation), ids[-1])
        texts += [reply, observation]
    assert tokenizer.decode(ids) == rendered(tokenizer, texts, system)
    assert ids == tokenizer.encode(rendered(tokenizer, texts, system), add_special_tokens=False)


def test_a_default_system_message_opens_the_history_and_is_not_repeated() -> None:
    renderer, tokenizer = make(DEFAULT_SYSTEM)
    assert tokenizer.decode(renderer.opening(Observation("hi"))).count("You are kind.") == 1
    assert "You are kind." not in tokenizer.decode(renderer.continuation(Observation("hi"), None))


@pytest.mark.parametrize("thinks", [True, False])
def test_template_options_hold_at_every_turn(thinks: bool) -> None:
    renderer, tokenizer = make(THINKING, enable_thinking=thinks)
    ending = "<|im_start|>assistant\n" + ("" if thinks else "<think>\n\n</think>\n\n")
    assert tokenizer.decode(renderer.opening(Observation("one"))).endswith("one<|im_end|>\n" + ending)
    assert (
        tokenizer.decode(renderer.continuation(Observation("two"), None))
        == "<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n" + ending
    )


def test_an_end_token_that_was_sampled_is_not_repeated() -> None:
    renderer, tokenizer = make(CHATML)
    with_end = renderer.continuation(Observation("more"), None)
    assert with_end[0] == tokenizer.eos_token_id
    assert renderer.continuation(Observation("more"), tokenizer.eos_token_id) == with_end[1:]
    assert renderer.continuation(Observation("more"), with_end[1]) == with_end


def test_observations_may_hold_anything() -> None:
    renderer, tokenizer = make(CHATML)
    text = "<<reply>> {{ 7 * 7 }} {% raw %} \x00 é 雪"
    found = tokenizer.decode(renderer.continuation(Observation(text), tokenizer.eos_token_id))
    assert found == f"\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def test_raw_observations_pass_the_template_by() -> None:
    renderer, tokenizer = make(None)
    assert tokenizer.decode(renderer.opening(Observation("Once", raw=True))) == "Once"
    assert tokenizer.decode(renderer.continuation(Observation("more", raw=True), 5)) == "\n\nmore"


def test_a_missing_template_is_named() -> None:
    renderer, _ = make(None)
    with pytest.raises(CollmError, match="no chat template") as caught:
        renderer.opening(Observation("hi"))
    assert caught.value.where == "agents.one"


def test_a_broken_template_is_named() -> None:
    renderer, _ = make("{{ raise_exception('no users') }}")
    with pytest.raises(CollmError, match="the chat template fails: no users"):
        renderer.opening(Observation("hi"))
