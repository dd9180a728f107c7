from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.report.entries import collect, grouped
from tests.report.sweeps import write_evaluation, write_json, write_run, write_sweep


def test_a_run_names_its_domain_method_and_seed(tmp_path: Path) -> None:
    (entry,) = collect([str(write_run(tmp_path / "run", seed=3))])
    assert (entry.domain, entry.method, entry.seed) == ("tldr", "collm_cc", 3)
    assert entry.measures["tokens_mean"] == 23.0
    assert entry.values == {}


def test_an_evaluation_is_named_after_its_protocol_and_has_values_by_task(tmp_path: Path) -> None:
    (entry,) = collect([str(write_evaluation(tmp_path / "e", {4: 0.25, 7: 0.75}))])
    assert (entry.domain, entry.method) == ("tldr", "pipeline")
    assert entry.measures["score"] == 0.5
    assert entry.values["score"] == {4: [0.25], 7: [0.75]}
    assert entry.values["tokens_mean"] == {4: [10.0, 30.0], 7: [10.0, 30.0]}


def test_a_label_is_the_method(tmp_path: Path) -> None:
    (entry,) = collect([f"My method={write_run(tmp_path / 'run')}"])
    assert entry.method == "My method"


def test_a_sweep_gives_its_cells_and_tells_of_those_that_have_nothing(tmp_path: Path) -> None:
    notes: list[str] = []
    groups = grouped(collect([str(write_sweep(tmp_path / "s"))], notes.append))
    assert {method: len(own) for method, own in groups["writing"].items()} == {
        "CC": 2,
        "MAGRPO": 2,
        "Pipeline": 1,
    }
    assert notes == ["play-2: nothing to tell yet."]
    entry = groups["writing"]["CC"][0]
    assert entry.run is not None
    assert entry.evaluation is not None


def test_further_axes_are_part_of_the_methods_name(tmp_path: Path) -> None:
    labels = {"domain": "d", "method": "CC", "rate": "low", "seed": 1}
    write_run(tmp_path / "s" / "runs" / "a")
    cells = [{"name": "a", "labels": labels, "play": None}]
    write_json(tmp_path / "s" / "sweep.json", {"grid": {"evaluation": None}, "cells": cells})
    (entry,) = collect([str(tmp_path / "s")])
    assert entry.method == "CC, low"
    assert entry.measures["score"] == 0.1  # no other evaluation is to come: the run's own stands


def test_a_run_whose_evaluation_is_to_come_has_no_measures_yet(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s")
    shutil.rmtree(folder / "evaluations" / "CC-2")
    entries = grouped(collect([str(folder)]))["writing"]["CC"]
    assert [bool(entry.measures) for entry in entries] == [True, False]
    assert entries[1].run is not None


def test_a_folder_that_is_none_of_these_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match="there is no sweep, no run and no evaluation here"):
        collect([str(tmp_path)])
    with pytest.raises(CollmError, match="there is no such folder"):
        collect(["nowhere"])


def test_a_sweep_that_has_not_begun_has_nothing_to_report(tmp_path: Path) -> None:
    write_json(tmp_path / "sweep.json", {"grid": {"evaluation": None}, "cells": []})
    with pytest.raises(CollmError, match="there is nothing to report yet"):
        collect([str(tmp_path)])


def test_broken_files_are_named(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "e", {0: 1.0})
    (folder / "measures.json").write_text("{")
    with pytest.raises(CollmError, match=r"measures.json: not valid JSON"):
        collect([str(folder)])[0].measures  # noqa: B018
    (folder / "measures.json").unlink()
    with pytest.raises(CollmError, match="there is no such file"):
        collect([str(folder)])[0].measures  # noqa: B018
    run = write_run(tmp_path / "run")
    (run / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(CollmError, match=r"config.yaml: it is not as collm writes it"):
        collect([str(run)])


@pytest.mark.parametrize("text", ["{}", "[]", '{"grid": {"evaluation": null}, "cells": [{"name": "x"}]}'])
def test_a_half_written_sweep_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(CollmError, match=r"sweep.json: it is not as collm writes it"):
        collect([str(tmp_path)])


def test_a_half_written_evaluation_is_named(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "e", {0: 1.0})
    (folder / "measures.json").write_text("[1]")
    (folder / "episodes.jsonl").write_text('{"number": 1}\n')
    (entry,) = collect([str(folder)])
    with pytest.raises(CollmError, match=r"measures.json: it is not as collm writes it"):
        entry.measures  # noqa: B018
    with pytest.raises(CollmError, match=r"episodes.jsonl: it is not as collm writes it"):
        entry.values  # noqa: B018
    (folder / "evaluation.json").write_text("{}")
    with pytest.raises(CollmError, match=r"evaluation.json: it is not as collm writes it"):
        collect([str(folder)])


def test_one_run_does_not_count_as_two_seeds(tmp_path: Path) -> None:
    run = str(write_run(tmp_path / "run"))
    with pytest.raises(CollmError, match="run: this is named twice"):
        collect([run, f"{run}/../run"])
    assert len(collect([f"A={run}", f"B={run}"])) == 2
