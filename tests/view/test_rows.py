from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.view.rows import Leaf, Part, read_leaves
from collm.view.tolerant import parsed
from tests.view.made_runs import TREE, turn, write_rows


def leaves(tmp_path: Path, *rows: dict[str, object], discount: float = 1.0) -> list[Leaf]:
    return list(read_leaves(write_rows(tmp_path / "rows.jsonl", rows), discount))


def test_every_path_from_root_to_leaf_is_an_episode_with_a_discounted_return(tmp_path: Path) -> None:
    found = leaves(tmp_path, *TREE, discount=0.5)
    assert [leaf.path for leaf in found] == [(0, 0), (0, 1), (1, 0)]
    assert [leaf.gain for leaf in found] == [1 + 1, 1 + 2, 3 + 4]
    assert [leaf.raw for leaf in found] == [5, 7, 13]
    assert [leaf.ended for leaf in found] == ["terminated"] * 3


def test_an_agents_part_counts_the_shared_turns_of_its_path(tmp_path: Path) -> None:
    last = leaves(tmp_path, *TREE)[-1]
    assert last.parts == {"a": Part(4, 0, "0\n0"), "b": Part(4, 1, "1\n1")}


def test_places_lead_back_to_the_rows(tmp_path: Path) -> None:
    found = leaves(tmp_path, *TREE)
    raw = (tmp_path / "rows.jsonl").read_bytes()
    offset, length, reward = found[1].turns[1]
    row = json.loads(raw[offset : offset + length])
    assert (row["path"], reward) == ([0, 1], 4.0)


def test_a_failed_tree_is_an_episode_without_a_return(tmp_path: Path) -> None:
    (leaf,) = leaves(tmp_path, {"tree": 3, "task": "t", "failure": "the sandbox died"})
    assert (leaf.tree, leaf.failure, leaf.gain, leaf.parts) == (3, "the sandbox died", None, {})


def test_rows_without_paths_belong_to_one_branch(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "path"} for row in TREE[:2]]
    (leaf,) = leaves(tmp_path, *rows)
    assert (leaf.path, leaf.gain) == ((0, 0), 3.0)


def test_broken_lines_cost_themselves_alone(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    good = json.dumps(turn([0], 1.0)).encode()
    deep = b"[" * 100_000
    long = b'{"tree": ' + b"9" * 10_000 + b"}"
    file.write_bytes(b"\n".join([b"", b"\xff\xfe", b"[1]", deep, long, good, good[:40]]))
    assert [leaf.gain for leaf in read_leaves(file, 1.0)] == [1.0]


def test_lone_surrogates_and_huge_numbers_are_made_harmless(tmp_path: Path) -> None:
    (leaf,) = leaves(tmp_path, turn([0], 1.0, {"a": "\ud800"}, task="\udfff", tree=10**30, turn=10**30))
    assert (leaf.task, leaf.parts["a"].text, leaf.tree) == ("?", "?", 0)


def test_an_episode_of_a_billion_turns_is_cut(tmp_path: Path) -> None:
    (long,) = leaves(tmp_path, {"tree": 0, "turn": 10**9})
    (deep,) = leaves(tmp_path, turn([0] * 10**5, 1.0))
    assert len(long.path) == len(deep.path) < 10**4


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_absent(constant: str) -> None:
    assert parsed(f'{{"reward": {constant}}}') == {"reward": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["tree", "task", "path", "turn", "replies", "observations", "tokens", "reward", "failure"]
)


@given(st.lists(st.dictionaries(KEYS, JSON), max_size=5))
def test_no_row_whatever_its_shape_raises(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object]
) -> None:
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for leaf in read_leaves(file, 1.0):
        json.dumps([leaf.gain, leaf.task], allow_nan=False).encode()
