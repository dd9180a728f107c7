from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from collm.config import RunConfig, plain
from collm.errors import CollmError
from collm.training.folder import Checkpoint, Counters, RunFolder, read_config
from collm.training.team import Team
from tests.training.conftest import Recipe


@dataclass(frozen=True)
class Weights:
    """Stands for a team: a checkpoint of it is one file."""

    text: str = "weights"

    def save(self, folder: Path) -> None:
        (folder / "weights").write_text(self.text)


def save(folder: RunFolder, config: RunConfig, update: int, text: str = "weights") -> None:
    folder.save(cast(Team, Weights(text)), config, Counters(update=update, tokens=10 * update))


def saved(folder: RunFolder) -> list[int]:
    return [int(path.name[-6:]) for path in sorted((folder.path / "checkpoints").iterdir())]


def started(path: Path, config: RunConfig) -> RunFolder:
    folder = RunFolder(path)
    folder.start(config)
    return folder


def test_a_new_run_keeps_its_configuration_and_versions(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path / "runs" / "one", config)
    assert plain(read_config(folder.path)) == plain(config)
    found = json.loads((folder.path / "versions.json").read_text())
    assert {"collm", "torch", "transformers"} <= found["packages"].keys()


@pytest.mark.parametrize("name", ["note.txt", "config.yaml"])
def test_a_new_run_needs_a_free_folder(tmp_path: Path, recipe: Recipe, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(CollmError, match="the folder is not empty"):
        started(tmp_path, recipe())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_new_run_does_not_replace_a_file(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CollmError, match="this is a file"):
        started(tmp_path / "file", recipe())


def test_the_latest_checkpoints_are_kept(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe(training={"keep_checkpoints": 2})
    folder = started(tmp_path, config)
    for update in (1, 2, 10, 11):
        save(folder, config, update)
    assert saved(folder) == [10, 11]
    assert folder.latest() == Checkpoint(
        tmp_path / "checkpoints" / "update-000011", Counters(update=11, tokens=110)
    )


def test_a_run_without_checkpoints_begins_anew(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    folder.log({"update": 1})
    folder.log_evaluation({"update": 0, "name": "before"})
    assert folder.continue_with(config) is None
    assert folder.metrics() == folder.evaluations() == []


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_in_which_nothing_began_is_a_new_run(tmp_path: Path, recipe: Recipe, there: bool) -> None:
    path = tmp_path / "run"
    if there:
        path.mkdir()
    notes: list[str] = []
    assert RunFolder(path, notes.append).continue_with(recipe()) is None
    assert "nothing to resume" in notes[0]
    assert (path / "config.yaml").is_file()


@pytest.mark.parametrize(
    "left", [[".versions.json.partial"], ["versions.json"], ["versions.json", ".config.yaml.partial"]]
)
def test_a_run_that_was_killed_while_it_began_begins_anew(
    tmp_path: Path, recipe: Recipe, left: list[str]
) -> None:
    for name in left:
        (tmp_path / name).write_text("{")
    assert RunFolder(tmp_path).continue_with(recipe()) is None
    assert plain(read_config(tmp_path)) == plain(recipe())


def test_a_strangers_folder_is_left_alone(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CollmError, match="there is no run to resume here"):
        RunFolder(tmp_path).continue_with(recipe())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    folder.log_evaluation({"update": 0, "name": "before"})
    for update in range(1, 6):
        folder.log({"update": update})
        folder.log_evaluation({"update": update, "name": f"update-{update}"})
        if update == 3:
            save(folder, config, update)
    with folder.metrics_file.open("a") as stream:
        stream.write('{"update": 6, "ret')
    checkpoint = folder.continue_with(config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 3
    assert [row["update"] for row in folder.metrics()] == [1, 2, 3]
    assert [row["update"] for row in folder.evaluations()] == [0, 1, 2, 3]
    assert folder.metrics_file.read_text().endswith('{"update": 3}\n')


def test_the_last_evaluation_of_a_finished_run_is_made_again(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 2)
    folder.log_evaluation({"update": 0, "name": "before"})
    folder.log_evaluation({"update": 2, "name": "after"})
    folder.continue_with(config)
    assert [row["name"] for row in folder.evaluations()] == ["before"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    save(started(tmp_path, config), config, 1)
    notes: list[str] = []
    folder = RunFolder(tmp_path, notes.append)
    save(folder, config, 2)
    newest = tmp_path / "checkpoints" / "update-000002"
    (newest / "weights").write_text("weight5")
    checkpoint = folder.continue_with(config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 1
    assert notes == [
        f"{newest} is damaged (weights does not have its checksum); trying the checkpoint before it."
    ]


def test_a_run_with_nothing_but_damaged_checkpoints_is_not_thrown_away(
    tmp_path: Path, recipe: Recipe
) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    folder.log({"update": 1})
    (tmp_path / "checkpoints" / "update-000001" / "weights").unlink()
    with pytest.raises(CollmError, match="all its checkpoints are damaged"):
        folder.continue_with(config)
    assert folder.metrics() == [{"update": 1}]


def test_a_checkpoint_that_was_cut_short_does_not_count(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    partial = tmp_path / "checkpoints" / ".update-000002.partial"
    partial.mkdir()
    (partial / "weights").write_text("wei")
    checkpoint = folder.continue_with(config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 1
    save(folder, config, 2, "new")
    assert (tmp_path / "checkpoints" / "update-000002" / "weights").read_text() == "new"
    assert not partial.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seed": 4}, "seed"),
        ({"algorithm": {"discount": 0.5}}, "algorithm.discount"),
        ({"agents": {"b": {"sampling": {"max_tokens": 3}}}}, "agents.b.sampling.max_tokens"),
        ({"training": {"tasks_per_update": 1}}, "training.tasks_per_update"),
    ],
)
def test_another_recipe_cannot_resume_a_run(
    tmp_path: Path, recipe: Recipe, change: dict[str, object], field: str
) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    seed = change.pop("seed", None)
    other = recipe(**change) if seed is None else recipe().model_copy(update={"seed": seed})
    with pytest.raises(CollmError, match=rf"the recipe differs from the run's in {field}\."):
        folder.continue_with(other)


def test_a_run_may_be_made_longer(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe(training={"max_updates": 1})
    folder = started(tmp_path, config)
    save(folder, config, 1)
    longer = recipe(training={"max_updates": 3})
    assert folder.continue_with(longer) is not None
    assert read_config(tmp_path).training.max_updates == 3


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match=r"no config.yaml here"):
        read_config(tmp_path)
