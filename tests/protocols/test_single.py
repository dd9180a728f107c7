from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.protocols.single import Single
from collm.protocols.wording import parted
from tests.protocols.scripted import Heard, Words, played, replies, team


def test_one_model_replies_for_all_roles_in_one_turn() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "[b]\nfor b\n[a]\nfor a\nand more", b=str)
    (episode,) = played(Single(), Words(num_turns=3), players)
    head = "You play 2 roles at once. Reply for each below a line of its own: [a], [b]."
    assert heard == [("a", f"{head}\n\n[a]\none0 for a\n\n[b]\none0 for b")]
    assert replies(episode) == [{"a": "for a\nand more", "b": "for b"}]
    assert len(episode.messages[0]) == 1


def test_another_agents_model_may_play() -> None:
    heard: Heard = []
    played(Single(agent="b"), Words(), team(heard, a=str, b=str))
    assert [name for name, _ in heard] == ["b"]


def test_a_reply_without_headings_is_the_first_agents() -> None:
    assert parted(" all mine ", ["a", "b"]) == {"a": "all mine", "b": ""}
    assert parted("lost\n[b]\nkept", ["a", "b"]) == {"a": "", "b": "kept"}


@given(st.text())
def test_any_reply_can_be_parted(reply: str) -> None:
    assert set(parted(reply, ["a", "b.+"])) == {"a", "b.+"}


@pytest.mark.parametrize("turns", [1, 4])
def test_the_episode_is_over_after_one_turn(turns: int) -> None:
    (episode,) = played(Single(), Words(num_turns=turns), team([], a=str, b=str))
    assert len(episode.tree.turns) == 1
    assert episode.tree.turns[0].terminated == (turns == 1)
