from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.runs.lock import locked
from collm.sweep.folder import SweepFolder
from collm.sweep.running import last_words, sweep
from tests.sweep.grids import Heard, Scripted, grid

CC, MAGRPO = "building--cc--seed0", "building--magrpo--seed0"


def states(out: Path) -> dict[str, str]:
    summary = json.loads((out / "summary.json").read_text())
    return {cell["name"]: cell["state"] for cell in summary["cells"]}


def test_every_cell_runs_once_and_is_passed_over_afterwards(tmp_path: Path) -> None:
    first, second, heard = Scripted(slots=2), Scripted(), Heard()
    sweep(grid(), tmp_path / "s", first, Heard())
    assert first.started == [CC, MAGRPO]
    assert states(tmp_path / "s") == {CC: "finished", MAGRPO: "finished"}
    sweep(grid(), tmp_path / "s", second, heard)
    assert second.started == []
    assert [outcome.state for outcome in heard.last] == ["skipped", "skipped"]


def test_a_cell_that_fails_is_reported_and_tried_again_next_time(tmp_path: Path) -> None:
    outcomes = sweep(grid(), tmp_path / "s", Scripted({CC: 2}), Heard())
    assert [outcome.state for outcome in outcomes] == ["failed", "finished"]
    assert outcomes[0].message == "the file burned. To mend it: print it."
    again = Scripted()
    sweep(grid(), tmp_path / "s", again, Heard())
    assert again.started == [CC]


def test_a_message_is_of_the_last_attempt(tmp_path: Path) -> None:
    sweep(grid(), tmp_path / "s", Scripted({CC: 2}), Heard())
    killed = Scripted({CC: -9}, words="Killed\n")
    assert sweep(grid(), tmp_path / "s", killed, Heard())[0].message == "Killed"


def test_a_cell_whose_settings_changed_or_whose_run_is_gone_runs_again(tmp_path: Path) -> None:
    sweep(grid(), tmp_path / "s", Scripted(), Heard())
    changed = Scripted()
    methods = {"CC": {"set": ["training.max_updates=2"]}, "MAGRPO": grid().methods["MAGRPO"].model_dump()}
    sweep(grid(methods=methods), tmp_path / "s", changed, Heard())
    assert changed.started == [CC]
    (tmp_path / "s" / "runs" / MAGRPO).rmdir()
    gone = Scripted()
    sweep(grid(methods=methods), tmp_path / "s", gone, Heard())
    assert gone.started == [MAGRPO]


def test_a_cell_that_trained_and_whose_evaluation_is_gone_runs_again(tmp_path: Path) -> None:
    asked, again = grid(evaluation={"samples": 1}), Scripted()
    sweep(asked, tmp_path / "s", Scripted(), Heard())
    (tmp_path / "s" / "evaluations" / CC).rmdir()
    sweep(asked, tmp_path / "s", again, Heard())
    assert again.started == [CC]


def test_a_grid_that_has_grown_runs_its_new_cells_alone_and_keeps_how_long_the_others_took(
    tmp_path: Path,
) -> None:
    methods = {name: method.model_dump() for name, method in grid().methods.items()}
    sweep(grid(), tmp_path / "s", Scripted(), Heard())
    took = SweepFolder(tmp_path / "s").seconds()
    assert min(took.values()) > 0
    grown = Scripted()
    sweep(
        grid(methods={**methods, "DC": {"set": ["algorithm.type=collm_dc"]}}), tmp_path / "s", grown, Heard()
    )
    assert grown.started == ["building--dc--seed0"]
    after = SweepFolder(tmp_path / "s").seconds()
    assert {name: after[name] for name in took} == took
    manifest = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert [cell["name"] for cell in manifest["cells"]] == [CC, MAGRPO, "building--dc--seed0"]


@pytest.mark.parametrize(
    ("place", "younger"),
    [(("recipe", "training", "shuffle"), True), (("recipe", "training", "max_updates"), False)],
)
def test_a_cell_that_finished_before_a_key_was_made_counts_if_the_key_is_not_set(
    tmp_path: Path, place: tuple[str, ...], younger: bool
) -> None:
    asked = grid(evaluation={"samples": 3})
    sweep(asked, tmp_path / "s", Scripted(), Heard())
    file = tmp_path / "s" / "finished" / f"{MAGRPO}.json"
    record = json.loads(file.read_text())
    section, key = record["recipe"][place[1]], place[2]
    section.pop(key)
    record["commands"][1].remove("evaluation.blame=0")
    file.write_text(json.dumps(record))
    again = Scripted()
    sweep(asked, tmp_path / "s", again, Heard())
    assert again.started == ([] if younger else [MAGRPO])


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"recipe": {}, "commands": []}', '{"recipe": {"env": 1}}'),
        *('{"recipe": "cc", "commands": []}', "WITH [[5]]", "WITH [null]"),
    ],
)
def test_a_record_that_cannot_be_read_is_of_no_finished_cell(tmp_path: Path, text: str) -> None:
    sweep(grid(), tmp_path / "s", Scripted(), Heard())
    file = tmp_path / "s" / "finished" / f"{CC}.json"
    if text.startswith("WITH "):
        commands = json.loads(text.removeprefix("WITH "))
        text = json.dumps({**json.loads(file.read_text()), "commands": commands})
    file.write_text(text)
    again = Scripted()
    sweep(grid(), tmp_path / "s", again, Heard())
    assert again.started == [CC]


@pytest.mark.parametrize(
    "text", ["", "5", '"x"', "{}", '{"cells": 5}', '{"cells": [{"name": "x"}]}', '{"cells": [5]}']
)
def test_a_summary_that_cannot_be_read_holds_up_no_sweep(tmp_path: Path, text: str) -> None:
    sweep(grid(), tmp_path / "s", Scripted(), Heard())
    (tmp_path / "s" / "summary.json").write_text(text)
    sweep(grid(), tmp_path / "s", Scripted(), Heard())
    assert states(tmp_path / "s") == {CC: "skipped", MAGRPO: "skipped"}


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "s"), pytest.raises(CollmError, match="is working on"):
        sweep(grid(), tmp_path / "s", Scripted(), Heard())


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CollmError, match="something else lies there"):
        sweep(grid(), tmp_path, Scripted(), Heard())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_grid_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CollmError):
        sweep(grid(methods={"CC": {"set": ["x=1"]}}), tmp_path / "s", Scripted(), Heard())
    assert not (tmp_path / "s").exists()


def test_a_request_to_stop_begins_no_other_cell_and_stops_those_that_run(tmp_path: Path) -> None:
    place = Scripted({CC: None})
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    outcomes = sweep(grid(), tmp_path / "s", place, Heard())
    timer.join()
    assert place.started == [CC]
    assert [outcome.state for outcome in outcomes] == ["stopped", "stopped"]


def test_no_more_cells_run_at_a_time_than_there_are_slots(tmp_path: Path) -> None:
    place = Scripted({CC: None})
    running: list[int] = []

    class Watching(Heard):
        def looked(self, outcomes):  # type: ignore[no-untyped-def]
            running.append(sum(outcome.state == "running" for outcome in outcomes))
            if len(running) == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    sweep(grid(), tmp_path / "s", place, Watching())
    assert max(running) == 1


def test_a_commands_are_those_that_a_person_would_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluation = {"samples": 3, "greedy": False}
    asked = grid(plays={"Talk": {"type": "discussion", "rounds": 2}}, evaluation=evaluation)
    sweep(asked, Path("s"), Scripted(), Heard())
    commands = json.loads(Path(f"s/finished/{CC}.json").read_text())["commands"]
    recipe, run = f"s/recipes/{CC}.yaml", f"s/runs/{CC}"
    assert commands[0] == ["train", recipe, "--out", run, "--resume"]
    assert commands[1][:4] == ["eval", run, "evaluation.tasks=null", "evaluation.samples=3"]
    talk = json.loads(Path("s/finished/building--talk--seed0.json").read_text())["commands"]
    assert talk[0][2:5] == ["--protocol", "discussion", "protocol.rounds=2"]


def test_last_words_are_the_last_error_or_the_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_words(log) == ""
    log.write_text("one\nerror: two\nthree\n")
    assert last_words(log) == "two"
    log.write_text("one\nKilled\n\n")
    assert last_words(log) == "Killed"
