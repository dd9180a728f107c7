from __future__ import annotations

import pytest

from collm.contract.patience import HangingError
from collm.models import templates
from collm.models.templates import rendered
from tests.checkpoints import letter_tokenizer

ASKED = [{"role": "user", "content": "ab"}]


def test_messages_are_written_as_the_template_says() -> None:
    tokenizer = letter_tokenizer("ab")
    tokenizer.chat_template = "{{ messages[0].content }}{% if add_generation_prompt %}{{ mark }}{% endif %}"
    assert rendered(tokenizer, ASKED, {"mark": "!"}, prompt=True) == "ab!"
    assert rendered(tokenizer, ASKED, {"mark": "!"}, prompt=False) == "ab"


def test_a_template_that_loops_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MOST_SECONDS", 0.2)
    tokenizer = letter_tokenizer("ab")
    loop = "{% for i in range(3000) %}"
    tokenizer.chat_template = f"{loop}{loop}{{{{ i }}}}{2 * '{% endfor %}'}"
    with pytest.raises(HangingError, match="took longer than"):
        rendered(tokenizer, ASKED, {}, prompt=True)


def test_a_template_cannot_reach_what_lies_beneath() -> None:
    tokenizer = letter_tokenizer("ab")
    tokenizer.chat_template = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(Exception, match="unsafe"):
        rendered(tokenizer, ASKED, {}, prompt=True)
