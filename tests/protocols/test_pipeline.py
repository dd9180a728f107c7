from __future__ import annotations

from collm.protocols.pipeline import Pipeline
from tests.protocols.scripted import Heard, Words, played, replies, team


def test_later_agents_see_what_earlier_ones_were_asked_and_replied() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "A", b=lambda text: "BB", c=lambda text: "C")
    (episode,) = played(Pipeline(), Words(size=3), players)
    to_b = "one0 for b\n\na was asked:\none0 for a\n\na replied:\nA"
    assert heard == [
        ("a", "one0 for a"),
        ("b", to_b),
        (
            "c",
            "one0 for c\n\na was asked:\none0 for a\n\na replied:\nA\n\n"
            f"b was asked:\n{to_b}\n\nb replied:\nBB",
        ),
    ]
    assert replies(episode) == [{"a": "A", "b": "BB", "c": "C"}]
    assert [message.step for message in episode.messages[0]] == [0, 1, 2]


def test_every_turn_of_the_environment_is_a_pass_with_the_history_so_far() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "A", b=lambda text: "B")
    (episode,) = played(Pipeline(), Words(num_turns=2), players)
    assert [name for name, _ in heard] == ["a", "b", "a", "b"]
    assert len(episode.tree.turns) == 2
    (first, second) = players["b"].requests
    assert first.history.actions == ()
    assert [one.text for one in second.history.observations] == [first.observation.text]
    assert [one.text for one in second.history.actions] == ["B"]


def test_two_episodes_are_asked_together_step_by_step() -> None:
    heard: Heard = []
    played(Pipeline(), Words(), team(heard, a=str, b=str), tasks=2)
    assert [(name, text[:4]) for name, text in heard] == [
        ("a", "one0"), ("a", "two0"), ("b", "one0"), ("b", "two0")
    ]  # fmt: skip
