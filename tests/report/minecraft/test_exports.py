"""A run's builds go into the game; what cannot be exported is refused in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from collm.agents.team import CONFIG_FILE
from collm.config.recipes import load_recipe
from collm.config.tree import plain
from collm.envs.probes import BitsTask, ConstantProbe
from collm.errors import CollmError
from collm.report.minecraft.exports import export_builds
from collm.report.minecraft.pictures import draw_before_and_after, typical
from collm.report.minecraft.voxels import last_episodes, voxels_of
from collm.runs.files import write_json_lines
from collm.runs.folder import read_config

HUT: dict[str, Any] = {
    "inventory": {"W": "oak_planks", "A": "air"},
    "target_spec": {"layers": [{"y": 0, "rows": ["WW", "WW"]}, {"y": 1, "rows": ["AA", "AA"]}]},
}

pytest.importorskip("mcschematic", reason="schematics need the extra collm[minecraft]")


def make_run(folder: Path, recipe: str = "demo", overrides: Sequence[str] = (), houses: int = 3) -> Path:
    """A run folder with the last turns of test houses: right floors, and one empty build, the third."""
    config = load_recipe(recipe, overrides)
    (folder / "episodes").mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(plain(config)))
    for name, reply in (("before", "/kill"), ("after", "{fill}")):
        rows = []
        for tree, task in enumerate(config.env.tasks("test")[:houses]):
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


def test_no_name_of_a_task_makes_it_write_elsewhere(tmp_path: Path) -> None:
    names = ["..", "a/b", "/tmp/x", "a\0b", "n" * 3000, "a b"]
    dataset = tmp_path / "houses.jsonl"
    write_json_lines(dataset, [{**HUT, "task_id": name} for name in names])
    overrides = [f"env.dataset={dataset}", "env.limited_resource=false"]
    run = make_run(tmp_path / "run", overrides=overrides, houses=len(names))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")}
    written = list(export_builds(run, tmp_path / "out"))
    assert {path.parent for path in written} == {tmp_path / "out"}
    assert len(set(written)) == 2 * (len(names) - 1)
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")}
    assert after == before


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


class Tower(ConstantProbe):
    """An environment of somebody else: every reply of a turn that starts with "up" adds a red block."""

    type: Literal["tower"] = "tower"  # type: ignore[assignment]

    def panel(self, task: BitsTask, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
        height = sum(reply.startswith("up") for replies in turns for reply in replies.values())
        return {
            "kind": "voxels",
            "built": [[0, y, 0, "red"] for y in range(height)],
            "target": [[0, y, 0, "any"] for y in range(4)],
            "legend": {"red": "#ff0000", "any": "#cccccc"},
        }


class Careless(Tower):
    def panel(self, task: BitsTask, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
        return {**super().panel(task, turns), "built": [[0, "high", 0, "red"]]}


class Broken(Tower):
    def panel(self, task: BitsTask, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
        raise SystemExit("no")


def make_tower_run(folder: Path) -> Path:
    (folder / "episodes").mkdir(parents=True)
    for name, reply in (("before", "down"), ("after", "up")):
        rows = [
            {
                "tree": tree,
                "task": "00",
                "turn": turn,
                "replies": {"a": reply},
                "raw_reward": 0,
                "metrics": {},
            }
            for tree, turn in ((0, 0), (0, 1), (1, 0))
        ]
        write_json_lines(folder / "episodes" / f"evaluation-{name}.jsonl", rows)
    return folder


def test_an_environment_of_anybody_that_shows_voxels_has_its_picture(tmp_path: Path) -> None:
    run = make_tower_run(tmp_path)
    task = Tower().tasks("test")[0]
    voxels = voxels_of(Tower(), task, last_episodes(run, "after")["00"])
    assert voxels is not None
    assert voxels.world == {(0, 0, 0): "red", (0, 1, 0): "red"}
    assert draw_before_and_after(Tower(), run) == run / "build.png"
    assert draw_before_and_after(ConstantProbe(), run) is None


@pytest.mark.parametrize("env", [Careless(), Broken()])
def test_an_environment_that_shows_something_else_is_named(tmp_path: Path, env: Tower) -> None:
    with pytest.raises(CollmError, match=r"environment 'tower', task '00': panel"):
        draw_before_and_after(env, make_tower_run(tmp_path))


def test_the_picture_shows_the_house_with_the_median_change(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    path = draw_before_and_after(read_config(run).env, run)
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
    before = {name: [{"raw_reward": 0.0}] for name in "abc"}
    after = {name: [{"raw_reward": reward}] for name, reward in (("a", 0.3), ("b", 0.1), ("c", 0.2))}
    assert typical(before, after, ["a", "b", "c"]) == "c"
