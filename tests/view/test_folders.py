from __future__ import annotations

from pathlib import Path

from collm.view.folders import EpisodeFile, Stamp, find_runs
from tests.view.made_runs import write_run


def test_a_run_is_found_by_itself_and_below_other_folders(tmp_path: Path) -> None:
    write_run(tmp_path / "demo")
    write_run(tmp_path / "group" / "seed 1")
    (tmp_path / "notes").mkdir()
    assert [run.name for run in find_runs(tmp_path)] == ["demo", "group/seed 1"]
    assert [run.name for run in find_runs(tmp_path / "demo")] == ["demo"]


def test_links_are_not_followed_and_checkpoints_are_no_runs(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    checkpoint = run / "checkpoints" / "update-000001"
    checkpoint.mkdir(parents=True)
    (checkpoint / "config.yaml").write_text("env: {}")
    write_run(tmp_path / "elsewhere")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    assert [found.name for found in find_runs(tmp_path / "runs")] == ["demo"]


def test_the_name_of_a_file_tells_its_kind_and_update() -> None:
    def told(name: str) -> tuple[str, int | None]:
        file = EpisodeFile(Path(name), name, Stamp())
        return file.kind, file.update

    assert told("update-000012") == ("update", 12)
    assert told("evaluation-before") == ("evaluation", 0)
    assert told("evaluation-update-000016") == ("evaluation", 16)
    assert told("evaluation-update-000016-greedy") == ("greedy", 16)
    assert told("evaluation-after") == ("evaluation", None)


def test_a_run_whose_files_are_broken_or_absent_still_shows_what_there_is(tmp_path: Path) -> None:
    run = write_run(tmp_path / "demo")
    (run / "config.yaml").write_text("env: [")
    (run / "metrics.jsonl").write_text('{"update": 1}\nnonsense\n[1]\n{"update": 2}\n{"upd')
    (found,) = find_runs(tmp_path)
    assert found.config() == {}
    assert found.discount() == 1.0
    assert [row["update"] for row in found.metrics()] == [1, 2]
    assert not found.finished()
    (run / "summary.json").write_text('{"finished": true}')
    assert found.finished()


def test_half_written_files_of_episodes_are_left_out(tmp_path: Path) -> None:
    run = write_run(tmp_path / "demo")
    (run / "episodes" / ".update-000002.jsonl.partial").write_text("{}")
    (run / "episodes" / ".update-000003.jsonl").write_text("{}")
    (found,) = find_runs(tmp_path)
    assert [file.name for file in found.episode_files()] == ["update-000001"]
