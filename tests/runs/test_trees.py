from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collm.runs.trees import tree_of, tree_row
from collm.types import Action, Observation, Tree, Turn
from tests.trees import Named

numbers = st.floats(allow_nan=False, allow_infinity=False)
ids = st.lists(st.integers(0, 10**6), max_size=4).map(tuple)
names = st.sampled_from(("a", "b"))
observations = st.dictionaries(names, st.builds(Observation, st.text(), st.none() | st.text(), st.booleans()))
actions = st.builds(
    Action,
    st.text(),
    ids,
    ids,
    st.lists(numbers, max_size=4).map(tuple),
    st.sampled_from(("stop", "length")),
    st.integers(0, 9),
    st.text(),
)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    """Any turn; the fields' own types are kept by the environment's contract."""
    parts: dict[str, Any] = {
        "components": draw(st.dictionaries(st.text(), numbers, max_size=2)),
        "agent_rewards": draw(st.none() | st.dictionaries(names, numbers)),
        "next_observations": draw(st.none() | observations),
        "global_numbers": draw(st.lists(numbers, max_size=2).map(tuple)),
        "next_global_numbers": draw(st.lists(numbers, max_size=2).map(tuple)),
        "global_information": draw(st.text()),
        "probe": draw(st.text()),
    }
    for name in ("terminated", "truncated", "learned"):
        parts[name] = draw(st.booleans())
    joint = draw(st.dictionaries(names, actions))
    return Turn(draw(st.integers(0, 9)), draw(observations), joint, draw(numbers), draw(numbers), **parts)


@given(st.lists(turns(), max_size=3), st.none() | st.text())
def test_what_is_read_back_is_what_was_written(turns: list[Turn], failure: str | None) -> None:
    parents = tuple(None if number == 0 else number - 1 for number in range(len(turns)))
    tree = Tree(Named("one"), 7, tuple(turns), parents, failure)
    row = json.loads(json.dumps(tree_row(tree)))
    found = tree_of(row, Named("one"), 7)
    assert found == tree
    assert [type(turn.reward) for turn in found.turns] == [type(turn.reward) for turn in tree.turns]
