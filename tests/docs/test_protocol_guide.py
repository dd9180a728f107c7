"""The protocol that the guide to evaluation writes plays as the guide says."""

from __future__ import annotations

from typing import Any

from tests.docs.pages import blocks
from tests.protocols.scripted import Heard, Words, played, replies, team


def test_the_guides_own_protocol_lets_the_last_agent_reply_once_more() -> None:
    (example,) = [block for block in blocks("evaluate", "python") if "class Editor" in block]
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(example, "evaluate.md", "exec", dont_inherit=True), names)
    heard: Heard = []
    players = team(heard, a=lambda text: "A", b=lambda text: f"B{len(heard)}")
    (episode,) = played(names["Editor"](), Words(), players)
    assert [name for name, _ in heard] == ["a", "b", "b"]
    assert "a replied:\nA\n\nYour last reply:\nB2" in heard[2][1]
    assert replies(episode) == [{"a": "A", "b": "B3"}]
