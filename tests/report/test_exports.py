"""A run's builds go into the game; what cannot be exported is refused in one message."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from collm.agents.team import CONFIG_FILE
from collm.config.recipes import load_recipe
from collm.config.tree import plain
from collm.errors import CollmError
from collm.report.exports import export_builds
from collm.report.minecraft_pictures import draw_before_and_after, typical
from collm.runs.files import write_json_lines
from collm.runs.folder import read_config

pytest.importorskip("mcschematic", reason="schematics need the extra collm[minecraft]")


def make_run(folder: Path, recipe: str = "demo") -> Path:
    """A run folder with the last turns of three test houses: right floors, and one empty build."""
    config = load_recipe(recipe)
    (folder / "episodes").mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(plain(config)))
    for name, reply in (("before", "/kill"), ("after", "{fill}")):
        rows = []
        for tree, task in enumerate(config.env.tasks("test")[:3]):
            x, _, z = task.end
            fill = f"/fill 0 0 0 {x} 0 {z} {task.blocks[0]}"
            replies = {"player_1": "" if tree == 2 else reply.format(fill=fill), "player_2": ""}
            turn = {"tree": tree, "task": task.id, "turn": 0, "replies": replies}
            transition = config.env.step(config.env.reset(task, 0), replies)
            rows.append({**turn, "raw_reward": transition.reward, "metrics": dict(transition.metrics)})
        write_json_lines(folder / "episodes" / f"evaluation-{name}-greedy.jsonl", rows)
    return folder


def test_every_build_with_a_block_is_written_twice(tmp_path: Path) -> None:
    written = list(export_builds(make_run(tmp_path / "run"), tmp_path / "out"))
    assert sorted({path.suffix for path in written}) == [".schem", ".zip"]
    assert len(written) == 4
    assert all(path.stat().st_size > 0 for path in written)


def test_a_run_that_has_not_finished_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "episodes" / "evaluation-after-greedy.jsonl").unlink()
    with pytest.raises(CollmError, match="resume"):
        list(export_builds(run, tmp_path / "out"))


def test_a_run_that_builds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match="builds nothing"):
        list(export_builds(make_writing_run(tmp_path / "run"), tmp_path / "out"))


def make_writing_run(folder: Path) -> Path:
    folder.mkdir()
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(plain(load_recipe("tldr/tiny"))))
    return folder


def test_the_picture_shows_the_house_with_the_median_change(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    path = draw_before_and_after(read_config(run).env, run)
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
    before = {name: {"raw_reward": 0.0} for name in "abc"}
    after = {name: {"raw_reward": reward} for name, reward in (("a", 0.3), ("b", 0.1), ("c", 0.2))}
    assert typical(before, after, ["a", "b", "c"]) == "c"
