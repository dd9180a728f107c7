from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collm.base.yaml_text import read_yaml
from collm.config.recipes import shipped
from collm.data.known import KNOWN, FileDataset, HubDataset, dataset_named
from collm.errors import AbsentError, CollmError


def test_every_dataset_that_a_recipe_names_is_known() -> None:
    named = {read_yaml(file)["env"].get("dataset") for file in shipped().values()} - {None}
    assert named <= {known.dataset for known in KNOWN.values()}


def test_a_file_is_put_where_recipes_look_for_it(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text('[{"a": 1}, {"a": 2}]')
    known = FileDataset("custom", (tmp_path / "source.json").as_uri(), "data/rows.json")
    assert known.fetch(tmp_path) == f"saved {tmp_path / 'data/rows.json'}: 2 rows"
    assert (tmp_path / "data/rows.json").read_text() == '[{"a": 1}, {"a": 2}]'
    (tmp_path / "source.json").unlink()
    assert known.fetch(tmp_path) == f"{tmp_path / 'data/rows.json'} lies there already: 2 rows"


def test_what_is_no_list_of_rows_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text("<html>busy</html>")
    known = FileDataset("custom", (tmp_path / "source.json").as_uri(), "data/rows.json")
    with pytest.raises(CollmError, match="not valid json"):
        known.fetch(tmp_path)
    assert not (tmp_path / "data").exists()


def test_a_file_that_cannot_be_had_is_named_with_where_to_put_it(tmp_path: Path) -> None:
    known = FileDataset("custom", (tmp_path / "absent.json").as_uri(), "data/rows.json")
    with pytest.raises(AbsentError, match=r"save it yourself as data/rows.json"):
        known.fetch(tmp_path)
    assert not (tmp_path / "data").exists()


def test_every_split_of_a_dataset_on_the_hub_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    asked: list[tuple[str, str]] = []

    def load(name: str, split: str) -> list[dict[str, Any]]:
        asked.append((name, split))
        return [{"prompt": "x"}] * 3

    monkeypatch.setattr(datasets, "load_dataset", load)
    told = HubDataset("tldr", "trl-lib/tldr", ("train", "test")).fetch(tmp_path)
    assert asked == [("trl-lib/tldr", "train"), ("trl-lib/tldr", "test")]
    assert told.startswith("trl-lib/tldr: 3 rows of train, 3 rows of test, kept in ")


def test_without_the_hub_the_message_says_so(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(AbsentError, match="cannot load split 'train' of trl-lib/tldr from the hub"):
        KNOWN["tldr"].fetch(tmp_path)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(CollmError, match="use one of tldr"):
        dataset_named("tl;dr")
