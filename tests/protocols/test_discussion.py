from __future__ import annotations

import pytest

from collm.protocols.discussion import Discussion
from tests.protocols.scripted import Heard, Words, played, replies, team


def test_in_the_next_round_each_sees_the_others_last_reply_and_its_own() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: f"A{len(heard)}", b=lambda text: f"B{len(heard)}")
    (episode,) = played(Discussion(rounds=3), Words(num_turns=4), players)
    assert [name for name, _ in heard] == ["a", "b"] * 3
    assert heard[:2] == [("a", "one0 for a"), ("b", "one0 for b")]
    ending = "Reply once more, now that you know the replies of the others."
    assert heard[4][1] == f"one0 for a\n\nb replied:\nB4\n\nYour last reply:\nA3\n\n{ending}"
    assert heard[5][1] == f"one0 for b\n\na replied:\nA3\n\nYour last reply:\nB4\n\n{ending}"
    assert replies(episode) == [{"a": "A5", "b": "B6"}]
    assert episode.tree.turns[0].truncated, "the last round's replies are one turn, and the episode ends"
    assert [message.step for message in episode.messages[0]] == [0, 0, 1, 1, 2, 2]


def test_every_round_draws_its_own_noise() -> None:
    players = team([], a=str, b=str)
    played(Discussion(rounds=4), Words(), players)
    seeds = [request.seeds for player in players.values() for request in player.requests]
    assert len(set(seeds)) == 8


@pytest.mark.parametrize(("turns", "rounds"), [(1, 2), (2, 2), (4, 4)])
def test_there_are_as_many_rounds_as_turns_of_a_trained_team(turns: int, rounds: int) -> None:
    heard: Heard = []
    played(Discussion(), Words(num_turns=turns), team(heard, a=str, b=str))
    assert len(heard) == 2 * rounds
