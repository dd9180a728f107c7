from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from collm.config.tree import RunConfig, plain
from collm.errors import CollmError
from collm.runs.checkpoints import _counters
from collm.runs.files import MANIFEST, checksum
from collm.runs.folder import Checkpoint, Counters, RunFolder, read_config
from collm.runs.run import Run
from tests.commands import fingerprint
from tests.tiny_runs import Recipe


@dataclass(frozen=True)
class Weights:
    """Stands for a team: a checkpoint of it is one file."""

    text: str = "weights"

    def save(self, folder: Path) -> None:
        (folder / "weights").write_text(self.text)


def save(folder: RunFolder, config: RunConfig, update: int, text: str = "weights") -> None:
    folder.save(Weights(text), config, Counters(update=update, tokens=10 * update))


def saved(folder: RunFolder) -> list[int]:
    return [int(path.name[-6:]) for path in sorted((folder.path / "checkpoints").iterdir())]


def started(path: Path, config: RunConfig) -> RunFolder:
    folder = RunFolder(path)
    folder.start(config)
    return folder


def resumed(folder: RunFolder, config: RunConfig) -> Checkpoint | None:
    checkpoint = folder.find(config)
    folder.take_up(config, checkpoint)
    return checkpoint


def test_a_new_run_keeps_its_configuration_and_versions(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path / "runs" / "one", config)
    assert plain(read_config(folder.path)) == plain(config)
    found = json.loads((folder.path / "versions.json").read_text())
    assert {"collm", "torch", "transformers"} <= found["packages"].keys()


@pytest.mark.parametrize("name", ["note.txt", "config.yaml", "evaluations.jsonl", "episodes"])
def test_a_new_run_needs_a_free_folder(tmp_path: Path, recipe: Recipe, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(CollmError, match="the folder is not empty"):
        started(tmp_path, recipe())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "other", ["note.txt", "metrics.jsonl", "episodes/update-000001.jsonl", "checkpoints/a"]
)
def test_a_run_that_made_an_update_is_not_replaced(tmp_path: Path, recipe: Recipe, other: str) -> None:
    folder = started(tmp_path, recipe())
    folder.write_episodes("evaluation-before", [])
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("mine")
    before = fingerprint(tmp_path)
    with pytest.raises(CollmError, match="the folder is not empty"):
        started(tmp_path, recipe())
    assert fingerprint(tmp_path) == before


def test_a_start_that_failed_may_be_tried_again_with_another_recipe(tmp_path: Path, recipe: Recipe) -> None:
    folder = started(tmp_path, recipe())
    folder.write_episodes("evaluation-before", [])
    folder.write_episodes("evaluation-before-greedy", [])
    folder.log_evaluation({"update": 0, "name": "before"})
    (tmp_path / "tensorboard").mkdir()
    other = recipe(training={"tasks_per_update": 1})
    assert folder.find(other) is None
    assert plain(read_config(started(tmp_path, other).path)) == plain(other)
    assert folder.evaluations() == []
    assert not list(tmp_path.glob("episodes/*"))


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
    assert resumed(folder, config) is None
    assert Run(tmp_path).metrics == folder.evaluations() == []


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_in_which_nothing_began_is_a_new_run(tmp_path: Path, recipe: Recipe, there: bool) -> None:
    path = tmp_path / "run"
    if there:
        path.mkdir()
    notes: list[str] = []
    assert resumed(RunFolder(path, notes.append), recipe()) is None
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
    assert resumed(RunFolder(tmp_path), recipe()) is None
    assert plain(read_config(tmp_path)) == plain(recipe())


def test_a_strangers_folder_is_left_alone(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CollmError, match="there is no run to resume here"):
        resumed(RunFolder(tmp_path), recipe())
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
    with folder.layout.metrics.open("a") as stream:
        stream.write('{"update": 6, "ret')
    checkpoint = resumed(folder, config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 3
    assert [row["update"] for row in Run(tmp_path).metrics] == [1, 2, 3]
    assert [row["update"] for row in folder.evaluations()] == [0, 1, 2, 3]
    assert folder.layout.metrics.read_text().endswith('{"update": 3}\n')


def test_the_last_evaluation_of_a_finished_run_is_made_again(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 2)
    folder.log_evaluation({"update": 0, "name": "before"})
    folder.log_evaluation({"update": 2, "name": "after"})
    resumed(folder, config)
    assert [row["name"] for row in folder.evaluations()] == ["before"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    save(started(tmp_path, config), config, 1)
    notes: list[str] = []
    folder = RunFolder(tmp_path, notes.append)
    save(folder, config, 2)
    newest = tmp_path / "checkpoints" / "update-000002"
    (newest / "weights").write_text("weight5")
    checkpoint = resumed(folder, config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 1
    assert notes == [
        f"{newest} is damaged (weights does not have its checksum); trying the checkpoint before it."
    ]


@pytest.mark.parametrize(
    "counters",
    ["", "{", "[1]", '{"update": 2}', '{"update": "2"}', "[" * 100_000, "\xff"],
)
def test_broken_counters_are_named_and_the_checkpoint_before_is_used(
    tmp_path: Path, recipe: Recipe, counters: str
) -> None:
    config = recipe()
    notes: list[str] = []
    folder = RunFolder(tmp_path, notes.append)
    folder.start(config)
    save(folder, config, 1)
    save(folder, config, 2)
    newest = tmp_path / "checkpoints" / "update-000002"
    (newest / "counters.json").write_text(counters, encoding="latin-1")
    manifest = json.loads((newest / MANIFEST).read_text())
    manifest["counters.json"] = checksum(newest / "counters.json")  # as someone would who edits by hand
    (newest / MANIFEST).write_text(json.dumps(manifest))
    checkpoint = resumed(folder, config)
    assert checkpoint is not None
    assert checkpoint.counters.update == 1
    assert notes[0].startswith(f"{newest} is damaged (counters.json does not hold a run's counters)")


def test_counters_that_lack_one_or_count_below_zero_are_none(tmp_path: Path, recipe: Recipe) -> None:
    whole = asdict(Counters(update=3, seconds=1.5))
    file = tmp_path / "counters.json"
    for values, expected in (
        (whole, Counters(update=3, seconds=1.5)),
        ({**whole, "update": -1}, None),
        ({**whole, "update": 3.0}, None),
        ({**whole, "update": True}, None),
        ({**whole, "seconds": "1"}, None),
        ({**whole, "more": 1}, None),
    ):
        file.write_text(json.dumps(values))
        assert _counters(file) == expected


def test_a_run_with_nothing_but_damaged_checkpoints_is_not_thrown_away(
    tmp_path: Path, recipe: Recipe
) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    folder.log({"update": 1})
    (tmp_path / "checkpoints" / "update-000001" / "weights").unlink()
    with pytest.raises(CollmError, match="all its checkpoints are damaged"):
        resumed(folder, config)
    assert Run(tmp_path).metrics == [{"update": 1}]


def test_a_checkpoint_that_was_cut_short_does_not_count(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    partial = tmp_path / "checkpoints" / ".update-000002.partial"
    partial.mkdir()
    (partial / "weights").write_text("wei")
    checkpoint = resumed(folder, config)
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
        resumed(folder, other)


def test_a_run_may_be_made_longer(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe(training={"max_updates": 1})
    folder = started(tmp_path, config)
    save(folder, config, 1)
    longer = recipe(training={"max_updates": 3})
    assert resumed(folder, longer) is not None
    assert read_config(tmp_path).training.max_updates == 3


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match=r"no config.yaml here"):
        read_config(tmp_path)


def test_copies_and_notes_among_the_checkpoints_are_left_alone(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe(training={"keep_checkpoints": 1})
    folder = started(tmp_path, config)
    save(folder, config, 1)
    checkpoints = tmp_path / "checkpoints"
    others = ("update-best", "update-000001-copy", "update-1", "update-")
    for name in others:
        shutil.copytree(checkpoints / "update-000001", checkpoints / name)
    (checkpoints / "update-notes.txt").write_text("mine")
    (checkpoints / "update-000009").write_text("a file")
    save(folder, config, 2)
    latest = resumed(folder, config)
    assert latest == folder.latest() == Checkpoint(checkpoints / "update-000002", Counters(2, tokens=20))
    kept = {path.name for path in checkpoints.iterdir()}
    assert kept == {*others, "update-notes.txt", "update-000009", "update-000002"}


def test_checkpoints_are_sorted_by_number(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe(training={"keep_checkpoints": 1})
    folder = started(tmp_path, config)
    for update in (999_999, 1_000_000):
        save(folder, config, update)
    latest = resumed(folder, config)
    assert latest is not None
    assert latest.path.name == "update-1000000"
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["update-1000000"]


def test_what_bounds_memory_may_change_in_a_run(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 1)
    less = recipe(agents={"*": {"batch_tokens": 64, "batch_rows": 1}}, critic={"batch_tokens": 32})
    assert resumed(folder, less) is not None
    assert read_config(tmp_path).agents["a"].batch_rows == 1


@pytest.mark.parametrize("log", ["metrics.jsonl", "evaluations.jsonl"])
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"update": 2, "ret', "not valid JSON"),
        ('{"update": 2, "return_mean": NaN}', "not valid JSON: NaN is no number"),
        ("", "not valid JSON"),
        ("5", "5 is no object"),
        ('{"update": ' + "[" * 100_000, "not readable JSON: nested too deeply"),
        ('{"return_mean": 1.0}', "update is None"),
        ('{"update": "2"}', "update is '2'"),
        ('{"update": true}', "update is True"),
    ],
)
def test_a_log_with_a_broken_line_is_refused_and_kept(
    tmp_path: Path, recipe: Recipe, log: str, line: str, problem: str
) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 3)
    (tmp_path / log).write_text(f'{{"update": 1}}\n{line}\n{{"update": 3}}\n')
    before = fingerprint(tmp_path)
    for attempt in (folder.find, lambda config: folder.take_up(config, folder.latest())):
        with pytest.raises(CollmError, match=problem) as caught:
            attempt(config)
        assert caught.value.where == f"{tmp_path / log}, line 2"
    assert fingerprint(tmp_path) == before


def test_a_finished_run_that_goes_on_no_longer_tells_of_its_last_team(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 2)
    folder.log_evaluation({"update": 0, "name": "before", "return_mean": 0.25})
    folder.log_evaluation({"update": 2, "name": "after", "return_mean": 0.5})
    folder.write_summary({"finished": True, "after": {"return_mean": 0.5}})
    for name in ("before", "before-greedy", "after", "after-greedy"):
        folder.write_episodes(f"evaluation-{name}", [])
    resumed(folder, config)
    summary = json.loads(folder.layout.summary.read_text())
    assert summary["before"] == {"return_mean": 0.25}
    assert (summary["finished"], summary["update"], summary["tokens"]) == (False, 2, 20)
    assert "after" not in summary
    kept = sorted(path.name for path in (tmp_path / "episodes").iterdir())
    assert kept == ["evaluation-before-greedy.jsonl", "evaluation-before.jsonl"]


def test_episodes_beyond_the_checkpoint_are_gone_when_a_run_goes_on(tmp_path: Path, recipe: Recipe) -> None:
    config = recipe()
    folder = started(tmp_path, config)
    save(folder, config, 3)
    kept = ["update-000003", "evaluation-update-000003-greedy", "update-best", "evaluation-before"]
    for name in (*kept, "update-000004", "evaluation-update-000004", "evaluation-update-000012-greedy"):
        folder.write_episodes(name, [])
    resumed(folder, config)
    assert sorted(path.stem for path in (tmp_path / "episodes").iterdir()) == sorted(kept)
