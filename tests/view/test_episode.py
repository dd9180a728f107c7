from __future__ import annotations

from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.view.episode import Place, read_episode, replies_of
from collm.view.follow import Follower
from collm.view.index import open_reader
from tests.view.made_runs import TREE, read_whole, turn, write_rows, write_run

PLACE = Place(run="demo", file="update-000001", tree=0, path="0.1")


def followed(folder: Path) -> Follower:
    follower = Follower(folder / "runs", folder / "i.sqlite")
    read_whole(follower)
    return follower


def test_an_episode_is_read_from_its_place_in_the_file(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "demo", update__000001=[turn([0], 0.0, tree=7, task="é\u2028"), *TREE])
    follower = followed(tmp_path)
    episode = read_episode(open_reader(follower.index), dict(follower.seen.runs), PLACE)
    assert episode["turns"] == [TREE[0], TREE[2]]
    assert replies_of(episode) == [{"a": "0", "b": "1"}, {"a": "a rare word", "b": "1"}]


def test_a_file_that_changed_meanwhile_is_told_and_not_misread(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    follower = followed(tmp_path)
    write_rows(run / "episodes" / "update-000001.jsonl", TREE[1:])
    with pytest.raises(CollmError, match="has changed"):
        read_episode(open_reader(follower.index), dict(follower.seen.runs), PLACE)


def test_replies_that_are_no_texts_are_left_out() -> None:
    turns = [{"replies": {"a": "yes", "b": 3}}, {"replies": None}, {}]
    assert replies_of({"turns": turns}) == [{"a": "yes"}]
