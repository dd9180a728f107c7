from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from collm.agents.views import CriticInput, Passage, critic_input, only_for
from collm.algorithms.base import CriticView, ReadPoint
from collm.errors import CollmError
from collm.types import Action, Observation, Tree, Turn
from tests.trees import Grown, Named, tree, turn

FIRST = Turn(
    t=0,
    observations={"a": Observation("plan A"), "b": Observation("plan B", system="not for critics")},
    joint_action={"a": Action("yes"), "b": Action("no\nno")},
    reward=0.0,
    raw_reward=0.0,
    global_information="m0",
)
SECOND = Turn(
    t=1,
    observations={"b": Observation("again")},
    joint_action={"b": Action("done")},
    reward=1.0,
    raw_reward=1.0,
    global_information="m1",
    terminated=True,
)
BEYOND = {"a": Observation("on"), "b": Observation("and on")}
CUT_OFF = replace(
    SECOND, terminated=False, truncated=True, next_observations=BEYOND, next_global_information="m2"
)


def episode(*turns: Turn) -> Tree:
    return Tree(Named("task"), 0, turns, (None, *range(len(turns) - 1)))


EPISODE = episode(FIRST, SECOND)


def texts(read: CriticInput) -> tuple[str, ...]:
    return tuple(passage.text for passage in read.passages)


def heard(read: CriticInput, place: int | None) -> str:
    """Everything that stands before and at a prediction."""
    if place is None:
        return ""
    passage = read.passages[place]
    return heard(read, passage.parent) + passage.text


def test_the_joint_view_holds_every_history_and_the_global_information() -> None:
    read = critic_input(EPISODE, CriticView())
    assert texts(read) == (
        "[a observation]\nplan A\n[b observation]\nplan B\nm0\n",
        "[a action]\nyes\n[b action]\nno\nno\n[b observation]\nagain\nm1\n",
    )
    assert [passage.parent for passage in read.passages] == [None, 0]
    assert (read.before, read.following, read.after) == ((0, 1), (1, None), (None, None))


def test_a_local_view_holds_one_history_and_the_global_information() -> None:
    assert texts(critic_input(EPISODE, CriticView("b"))) == (
        "[b observation]\nplan B\nm0\n",
        "[b action]\nno\nno\n[b observation]\nagain\nm1\n",
    )


def test_an_agent_that_skips_a_turn_sees_the_global_information_alone() -> None:
    read = critic_input(EPISODE, CriticView("a"))
    assert texts(read) == ("[a observation]\nplan A\nm0\n", "[a action]\nyes\nm1\n")


def test_what_follows_the_last_action_is_shown_only_where_the_episode_was_cut_off() -> None:
    joint = critic_input(episode(FIRST, CUT_OFF), CriticView())
    assert texts(joint)[2:] == ("[b action]\ndone\n[a observation]\non\n[b observation]\nand on\nm2\n",)
    assert (joint.before, joint.following) == ((0, 1), (1, 2))
    local = critic_input(episode(FIRST, CUT_OFF), CriticView("a"))
    assert texts(local)[2:] == ("[a observation]\non\nm2\n",)


def test_one_critic_cannot_value_rewards_of_single_agents() -> None:
    grown = tree(turn(0.0, rewards={"a": 1.0, "b": 0.0}))
    with pytest.raises(CollmError, match="needs a joint reward"):
        critic_input(grown, CriticView())
    assert critic_input(grown, CriticView("a")).before == (0,)


def test_an_uninformed_critic_reads_the_histories_alone() -> None:
    assert texts(critic_input(EPISODE, CriticView("a"), informed=False)) == (
        "[a observation]\nplan A\n",
        "[a action]\nyes\n",
    )
    assert "m0" not in "".join(texts(critic_input(EPISODE, CriticView(), informed=False)))


def test_an_agent_that_skips_the_first_turn_begins_with_nothing() -> None:
    late = episode(replace(FIRST, joint_action={}, observations={}), SECOND)
    read = critic_input(late, CriticView("b"), informed=False)
    assert texts(read) == ("", "[b observation]\nagain\n")
    assert (read.before, read.following) == ((0, 1), (1, None))


def test_every_prediction_knows_the_numbers_of_the_turn_that_it_is_made_in() -> None:
    first = replace(FIRST, global_numbers=(0.0, 0.0))
    second = replace(CUT_OFF, global_numbers=(0.5, 0.1), next_global_numbers=(1.0, 0.2))
    read = critic_input(episode(first, second), CriticView(reads=("before", "after")))

    def numbers(places: Sequence[int | None]) -> list[tuple[float, ...] | None]:
        return [None if place is None else read.passages[place].numbers for place in places]

    assert numbers(read.before) == [(0.0, 0.0), (0.5, 0.1)]
    assert numbers(read.following) == [(0.5, 0.1), (1.0, 0.2)]
    assert numbers(read.after) == [(0.0, 0.0), (0.5, 0.1)]
    late = only_for([1], critic_input(episode(first, second), CriticView("a")))
    assert [passage.numbers for passage in late.passages] == [(0.0, 0.0), (0.5, 0.1), (1.0, 0.2)]


def test_what_is_left_of_a_tree_keeps_its_numbers() -> None:
    grown = tree(*(replace(spoken(word), global_numbers=(0.0, 0.5)) for word in "xyz"))
    whole = critic_input(grown, CriticView(reads=("after",)))
    left = only_for([2], whole)
    assert left.passages == (whole.passages[2],)
    assert left.passages[0].numbers == (0.0, 0.5)


# Trees


def spoken(word: str, *children: Grown, seen: str = "go") -> Grown:
    """A turn of one agent that says a word."""
    one = turn(0.0, *children, agents=("a",))
    return replace(one, observations={"a": Observation(seen)}, joint_action={"a": Action(word)})


THREE = tree(
    spoken("x"),
    spoken("y", *(spoken(word, seen="said y") for word in ("u", "v", "w"))),
    spoken("z"),
)
"""Three turns after the first history, three after the second of them: x, y, u, v, w, z."""


def test_siblings_share_the_passage_that_they_start_from() -> None:
    read = critic_input(THREE, CriticView(), informed=False)
    assert read.passages == (
        Passage("[a observation]\ngo\n"),
        Passage("[a action]\ny\n[a observation]\nsaid y\n", 0),
    )
    assert read.before == (0, 0, 1, 1, 1, 0)
    assert read.following == (None, 1, None, None, None, None)
    assert read.after == (None,) * 6


def test_values_of_actions_are_read_after_each_of_them() -> None:
    read = critic_input(THREE, CriticView(reads=("after",)), informed=False)
    assert read.before == read.following == (None,) * 6
    assert sorted(place for place in read.after if place is not None) == [0, 1, 2, 3, 4, 5]
    go, y = "[a observation]\ngo\n", "[a action]\ny\n"
    said = "[a observation]\nsaid y\n"
    assert [heard(read, place) for place in read.after] == [
        f"{go}[a action]\nx\n",
        go + y,
        *(f"{go}{y}{said}[a action]\n{word}\n" for word in ("u", "v", "w")),
        f"{go}[a action]\nz\n",
    ]


def test_both_can_be_read_in_one_pass() -> None:
    read = critic_input(THREE, CriticView(reads=("before", "after")), informed=False)
    values = critic_input(THREE, CriticView(), informed=False)
    actions = critic_input(THREE, CriticView(reads=("after",)), informed=False)
    for found, expected, alone in (
        (read.before, values.before, values),
        (read.following, values.following, values),
        (read.after, actions.after, actions),
    ):
        assert [heard(read, one) for one in found] == [heard(alone, one) for one in expected]
    assert len(read.passages) == 2 + 6, "two histories and six actions"


def test_passages_come_after_those_that_they_continue() -> None:
    grown = tree(*(turn(0, *(turn(0, turn(0), turn(0)) for _ in range(3))) for _ in range(3)))
    for reads in (("before",), ("after",), ("before", "after")):
        read = critic_input(grown, CriticView("b", reads))
        assert all(one.parent is None or one.parent < number for number, one in enumerate(read.passages))


def test_a_cut_off_turn_among_siblings_has_a_value_beyond_and_its_siblings_none() -> None:
    cut = replace(spoken("x"), terminated=False, truncated=True, next_observations={"a": Observation("more")})
    read = critic_input(tree(cut, spoken("y")), CriticView(), informed=False)
    assert (read.before, read.following) == ((0, 0), (1, None))
    assert heard(read, 1) == "[a observation]\ngo\n[a action]\nx\n[a observation]\nmore\n"


GROWN = tree(turn(1, turn(2, turn(3)), turn(4)), turn(5, turn(6)))


@pytest.mark.parametrize("reads", [("before",), ("after",), ("before", "after")])
@pytest.mark.parametrize("turns", [(0,), (1,), (2,), (3, 5), (0, 4)])
def test_what_is_read_for_some_turns_is_what_the_whole_tree_says_of_them(
    reads: tuple[ReadPoint, ...], turns: tuple[int, ...]
) -> None:
    whole = critic_input(GROWN, CriticView(reads=reads))
    part = only_for(turns, whole)
    for name in ("before", "following", "after"):
        for number in range(len(GROWN.turns)):
            place, expected = getattr(part, name)[number], getattr(whole, name)[number]
            assert heard(part, place) == (heard(whole, expected) if number in turns else "")
    used = {heard(part, place) for name in ("before", "following", "after") for place in getattr(part, name)}
    assert all(any(heard(part, k) in one for one in used) for k in range(len(part.passages)))


def test_what_is_read_for_all_turns_is_the_whole_tree() -> None:
    whole = critic_input(GROWN, CriticView())
    assert only_for(range(len(GROWN.turns)), whole) is whole
