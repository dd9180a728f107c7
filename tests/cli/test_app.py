"""The commands, run in this process on a small workspace."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from collm import __version__, train
from collm.cli.arguments import complete_recipe
from collm.config.recipes import describe, run_name, shipped
from collm.runs.files import append_json_line
from collm.runs.lock import locked
from tests.commands import REWARDS, Command, fingerprint, make_workspace, own_modules, run_command

SHARED = Path(__file__).parents[2] / "shared" / "data" / "housebuild.json"
PRINTED_METRICS = ("return", "tokens")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def collm(
    workspace: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run ``collm`` in the workspace."""
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLUMNS", "100")
    with own_modules():
        yield lambda *arguments, stdin=b"": run_command(arguments, capfd, stdin)


@pytest.fixture(scope="module")
def run(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two updates."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch, own_modules():
        patch.chdir(workspace)
        train("good.yaml", folder)
    return folder


def test_help_names_every_command_and_option(collm: Command) -> None:
    top = collm("--help")
    assert top.code == 0
    for command, texts in {
        "train": ("--out", "--resume", "--dry-run", "recipe", "overrides"),
        "eval": ("--split", "--protocol", "--out", "--batch", "--json", "folder"),
        "score": ("standard input", "env"),
        "recipes": ("shipped",),
        "plot": ("--out", "--metric", "runs", "bootstrap"),
        "new": ("env",),
    }.items():
        assert re.search(rf"│ {command} ", top.out)
        shown = collm(command, "--help")
        assert shown.code == 0
        for text in texts:
            assert text in shown.out.lower(), (command, text)
    assert "name" in collm("new", "env", "--help").out


def test_an_unknown_option_and_command_are_refused(collm: Command) -> None:
    for arguments in (("train", "good.yaml", "--dry"), ("trian",), ("eval",)):
        finished = collm(*arguments)
        assert finished.code == 2
        assert "Traceback" not in finished.err


def test_train_keeps_everything_and_says_where(collm: Command, tmp_path: Path) -> None:
    settings = ("training.epochs=3", "training.max_updates=2")
    finished = collm("train", "good.yaml", *settings, "--out", tmp_path / "run")
    assert (finished.code, finished.err) == (0, "")
    assert re.search(r"┃ measure +┃ +before ┃ +after ┃ +before ┃ +after ┃", finished.out)
    for measure in PRINTED_METRICS:
        assert re.search(rf"│ {measure} +│( +-?\d+\.\d+ │){{4}}", finished.out)
    assert "2 updates, 4 episodes, 4 environment steps" in finished.out
    assert f"picture: {tmp_path / 'run' / 'curve.png'}" in finished.out
    assert f"team:    {tmp_path / 'run' / 'checkpoints'}" in finished.out
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["update"] for row in rows] == [1, 2]
    assert (tmp_path / "run" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_out_is_named_after_its_recipe(
    collm: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("models", "texts.jsonl", "my_rewards.py", "good.yaml"):
        (tmp_path / name).symlink_to(workspace / name)
    monkeypatch.chdir(tmp_path)
    assert collm("train", "good.yaml", "training.max_updates=1").code == 0
    assert (tmp_path / "runs" / "good" / "summary.json").is_file()
    assert run_name("tldr/grpo") == run_name("recipes/tldr/grpo.yaml") == "tldr-grpo"
    assert run_name(str(shipped()["tldr/ac"])) == "tldr-ac"


def parameters(model: Path) -> int:
    return sum(weights.numel() for weights in load_file(model / "model.safetensors").values())


def test_dry_run_prints_sizes_and_writes_nothing(collm: Command, workspace: Path, tmp_path: Path) -> None:
    before = fingerprint(workspace)
    finished = collm("train", "good.yaml", "--dry-run", "--out", tmp_path / "run")
    assert (finished.code, finished.err) == (0, "")
    assert "learning_rate: 0.001" in finished.out
    assert "training tasks: 4" in finished.out
    assert "updates: 2" in finished.out
    assert "trees an update: 2, at most 4 inference calls" in finished.out
    assert "Held throughout, in MiB" in finished.out
    sizes = dict(re.findall(r"^((?:agent|critic) \w+) +([\d,]+) ", finished.out, re.MULTILINE))
    left, right = (f"{parameters(workspace / 'models' / side):,}" for side in ("left", "right"))
    assert sizes == {"agent left": left, "agent right": right, "critic central": left}
    assert re.search(r"^update of critic central +\d+\.\d\d$", finished.out, re.MULTILINE)
    assert fingerprint(workspace) == before
    assert not (tmp_path / "run").exists()


TIMED = ("response_seconds_mean", "greedy_response_seconds_mean")


def measured(found: dict[str, Any]) -> dict[str, Any]:
    """What a run measures too, under the run's names."""
    return {
        name.replace("tokens_mean", "tokens"): value
        for name, value in found.items()
        if isinstance(value, float) and "messages" not in name and name not in TIMED
    }


def test_eval_repeats_the_evaluation_of_the_run(collm: Command, run: Path) -> None:
    finished = collm("eval", run, "--json")
    assert (finished.code, finished.err) == (0, "")
    found = json.loads(finished.out)
    checkpoint = run / "checkpoints" / "update-000002"
    assert (found["team"], found["split"], found["protocol"]) == (str(checkpoint), "test", "parallel")
    assert measured(found) == json.loads((run / "summary.json").read_text())["after"]
    again = json.loads(collm("eval", checkpoint, "--json").out)
    assert measured(again) == measured(found)


def test_eval_of_a_recipe_measures_the_untrained_team(collm: Command, run: Path) -> None:
    found = json.loads(collm("eval", "good.yaml", "--json").out)
    assert found["team"] == "good.yaml (untrained)"
    assert measured(found) == json.loads((run / "summary.json").read_text())["before"]


@pytest.mark.parametrize("protocol", ["single", "pipeline", "discussion", "task_graph"])
def test_eval_plays_by_every_protocol(collm: Command, protocol: str) -> None:
    finished = collm("eval", "good.yaml", "--protocol", protocol, "--json")
    assert (finished.code, finished.err) == (0, "")
    found = json.loads(finished.out)
    assert found["protocol"] == protocol
    assert found["response_seconds_mean"] > 0
    assert 1 <= found["tokens_mean"] <= 4
    low, high = found["intervals"]["return_mean"]
    assert low <= found["return_mean"] <= high


def test_eval_keeps_its_episodes_and_goes_on_from_them(collm: Command, tmp_path: Path) -> None:
    arguments = ("eval", "good.yaml", "--protocol", "discussion", "--out", tmp_path / "kept", "--json")
    first = json.loads(collm(*arguments).out)
    again = json.loads(collm(*arguments).out)
    assert again == first  # seconds and all: nothing was played anew
    assert json.loads((tmp_path / "kept" / "measures.json").read_text()) == first
    collm(*arguments, "evaluation.samples=2")
    rows = (tmp_path / "kept" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(row)["sample"] for row in rows] == [0, 0, 1]
    refused = collm(*arguments, "protocol.rounds=3")
    assert refused.code == 2
    assert "an evaluation is kept here that differs in protocol" in refused.err


def test_eval_names_a_protocol_or_a_setting_that_is_not_there(collm: Command) -> None:
    for arguments, said in (
        (("--protocol", "shouting"), "protocol.type: unknown type 'shouting'"),
        (
            ("protocol.round=3", "--protocol", "discussion"),
            "protocol.round: unknown key. To mend it: did you mean 'rounds'?",
        ),
        (("protocol.agent=nobody", "--protocol", "single"), "protocol.agent: the team has no agent 'nobody'"),
    ):
        finished = collm("eval", "good.yaml", *arguments)
        assert finished.code == 2
        assert said in finished.err


def test_eval_takes_overrides_and_splits(collm: Command, run: Path) -> None:
    finished = collm("eval", run, "evaluation.greedy=false", "evaluation.tasks=null", "--split", "train")
    assert finished.code == 0
    assert finished.out.startswith(f"{run / 'checkpoints' / 'update-000002'}, train tasks, parallel\n")
    assert re.search(r"│ return_mean +│ +\d\.\d+ │ +\d\.\d+ \.\.\. \d\.\d+ │ +- │", finished.out)


C1 = "I broke up with my girlfriend last week because she lied repeatedly."
C2 = (
    "After two years together, my girlfriend kept hiding conversations; consequently trust vanished, "
    "therefore separation happened. However, friends believe reconciliation remains possible, while "
    "family disagrees."
)


def test_score_gives_the_reference_rewards_golden_example(collm: Command) -> None:
    play = {"task": {"prompt": "A post."}, "turns": [{"summary": C1, "elaboration": C2}]}
    finished = collm("score", "tldr", "variant=reference", stdin=json.dumps(play).encode())
    assert (finished.code, finished.err) == (0, "")
    (row,) = map(json.loads, finished.out.splitlines())
    assert row["raw_reward"] == pytest.approx(2.82)
    assert sum(row["components"].values()) == pytest.approx(2.82)
    assert (row["turn"], row["terminated"]) == (0, True)


def test_score_prints_no_text_that_commands_a_terminal(collm: Command) -> None:
    row = {"prompt": "A post.", "id": "\x9b2J\u202e\x1b\x7f"}
    finished = collm("score", "tldr", stdin=json.dumps({"task": row, "turns": [{}]}).encode())
    assert not set("\x9b\u202e\x1b\x7f") & set(finished.out)
    assert json.loads(finished.out)["task"] == row["id"]


def test_score_gives_housebuilds_golden_examples(collm: Command) -> None:
    if not SHARED.is_file():
        pytest.skip("the HouseBuild tasks are not beside the repository (shared/data/housebuild.json)")
    houses = {row["task_id"]: row for row in json.loads(SHARED.read_text())}
    empty = {"0002": 0.4150, "0101": 0.2925, "0104": 0.4966, "0106": 0.3401, "0108": 0.4898}
    plays = [{"task": houses[f"house_build_{name}"], "turns": [{}]} for name in empty]
    lines = "\n".join(map(json.dumps, plays)).encode()
    rows = [json.loads(row) for row in collm("score", "housebuild", stdin=lines).out.splitlines()]
    assert [round(row["metrics"]["match"], 4) for row in rows] == list(empty.values())
    for row in rows:  # the spiders bite with weight 0.2 in the paper, 0.1 in its reference
        assert row["raw_reward"] == pytest.approx(row["metrics"]["match"] - 0.2)
        assert row["reward"] == pytest.approx(row["raw_reward"] - 1)
    finished = collm("score", "housebuild", "variant=reference", stdin=lines)
    for row in map(json.loads, finished.out.splitlines()):
        assert row["raw_reward"] == pytest.approx(row["metrics"]["match"] - 0.1)


def test_recipes_lists_every_recipe_with_its_line(collm: Command) -> None:
    finished = collm("recipes")
    assert finished.code == 0
    listed = dict(line.split("  ", 1) for line in finished.out.splitlines())
    assert {name: line.strip() for name, line in listed.items()} == {
        name: describe(path) for name, path in shipped().items()
    }


def test_plot_draws_groups_of_runs(collm: Command, run: Path, tmp_path: Path) -> None:
    picture = tmp_path / "both.png"
    finished = collm("plot", f"CC={run}", f"CC={run}", run, "--metric", "tokens", "--out", picture)
    assert (finished.code, finished.out) == (0, f"drew {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_says_how_to_go_on_and_does(
    collm: Command, workspace: Path, tmp_path: Path
) -> None:
    stopping = "import os, signal\ncalls = []\ndef short(replies, row):\n    calls.append(row)\n"
    stopping += "    if len(calls) == 5:\n        os.kill(os.getpid(), signal.SIGINT)\n"
    (workspace / "my_rewards.py").write_text(stopping + "    return 0.5\n")
    try:
        settings = ("seed=3", "agents.*={context: 127}")
        finished = collm("train", "good.yaml", *settings, "--out", tmp_path / "run")
    finally:
        (workspace / "my_rewards.py").write_text(REWARDS)
    assert finished.code == 130
    assert "Stopping after this update" in finished.out
    command = f"collm train good.yaml seed=3 'agents.*={{context: 127}}' --out {tmp_path / 'run'} --resume"
    assert f"Saved. Go on with: {command}\n" in finished.out
    assert not json.loads((tmp_path / "run" / "summary.json").read_text())["finished"]
    resumed = collm(*shlex.split(command)[1:])
    assert resumed.code == 0, resumed
    assert "Resumed after update 1." in resumed.out
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["finished"]


@pytest.mark.parametrize("place", ["config.yaml of a run", "housebuild/collm_cc"])
def test_a_setting_for_all_agents_reaches_each(collm: Command, run: Path, place: str) -> None:
    recipe = run / "config.yaml" if place.startswith("config") else place
    settings = ("agents.*.model=models/left", "agents.*.sampling.max_tokens=3", "agents.*.context=77")
    finished = collm("train", recipe, *settings, "--dry-run")
    assert finished.code == 0, finished
    agents = finished.out.partition("agents:")[2].partition("critic:")[0]
    assert agents.count("model: models/left\n") == agents.count("max_tokens: 3\n") == 2
    assert agents.count("context: 77\n") == 2


def test_overlapping_splits_are_mentioned(collm: Command, tmp_path: Path) -> None:
    settings = ("env.test=null", "training.max_updates=1")
    finished = collm("train", "good.yaml", *settings, "--out", tmp_path / "run")
    assert finished.code == 0
    assert "Mind: 4 of 6 test tasks are training tasks too." in finished.out


def test_the_version_is_the_packages(collm: Command) -> None:
    from importlib.metadata import version

    assert version("collm") == __version__
    assert collm("--version").out == f"collm {__version__}\n"
    command = [sys.executable, "-m", "collm", "--version"]
    assert subprocess.check_output(command, text=True) == f"collm {__version__}\n"


def test_methods_are_listed_or_a_recipe_is_printed_not_both(collm: Command) -> None:
    refused = collm("recipes", "--methods", "--show", "demo")
    assert refused.code == 2
    assert "--show: does nothing beside --methods." in refused.err


def test_the_shell_can_complete_commands_and_recipes() -> None:
    asked = {**os.environ, "_COLLM_COMPLETE": "source_bash"}  # whatever shell the tests run in
    command = Path(sys.executable).with_name("collm")
    shown = subprocess.run([command], env=asked, capture_output=True, text=True, timeout=60, check=False)
    assert "_COLLM_COMPLETE=complete_bash" in shown.stdout
    assert complete_recipe("housebuild/c") == [
        "housebuild/collm_cc",
        "housebuild/collm_cc_fast",
        "housebuild/collm_dc",
        "housebuild/collm_dc_fast",
    ]


def test_a_recipe_can_be_printed_and_used(collm: Command, tmp_path: Path) -> None:
    shown = collm("recipes", "--show", "demo").out
    assert shown == shipped()["demo"].read_text()
    (tmp_path / "mine.yaml").write_text(shown)
    assert collm("train", tmp_path / "mine.yaml", "--dry-run").code == 0


def test_score_takes_a_recipe(collm: Command) -> None:
    play = {"task": {"text": "a thing"}, "turns": [{"left": "1234", "right": "12345"}]}
    finished = collm("score", "good.yaml", "env.reward_shift=-1", stdin=json.dumps(play).encode())
    (row,) = map(json.loads, finished.out.splitlines())
    assert row["raw_reward"] == pytest.approx(0.1)
    assert row["reward"] == pytest.approx(-0.9)
    shipped_recipe = collm("score", "tldr/tiny", stdin=b"")
    assert (shipped_recipe.code, shipped_recipe.out) == (0, "")


def test_no_error_offers_an_environment_for_tests_alone(collm: Command) -> None:
    for finished in (collm("score", "chess"), collm("train", "good.yaml", "env.type=chess")):
        assert finished.code == 2
        assert "housebuild" in finished.err
        assert "probe" not in finished.err
    assert collm("score", "probe_constant", stdin=b"").code == 0


def test_two_commands_do_not_write_one_run(collm: Command, tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    assert finished.code == 2
    assert f"process {os.getpid()} on " in finished.err
    assert "is working on this run" in finished.err


def test_a_start_that_failed_can_be_tried_again(collm: Command, workspace: Path, tmp_path: Path) -> None:
    """The reward works in the trial episode and fails in the first evaluation."""
    failing = "calls = []\ndef short(replies, row):\n    calls.append(row)\n    return 1 / (len(calls) < 2)\n"
    (workspace / "my_rewards.py").write_text(failing)
    try:
        finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    finally:
        (workspace / "my_rewards.py").write_text(REWARDS)
    assert finished.code == 2
    assert "ZeroDivisionError" in finished.err
    sys.modules.pop("my_rewards")
    again = collm("train", "good.yaml", "training.max_updates=1", "seed=9", "--out", tmp_path / "run")
    assert again.code == 0, again
    assert (tmp_path / "run" / "summary.json").is_file()


def test_a_full_disk_ends_in_one_message_with_the_checkpoints_kept(
    collm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is full at the second update, after the checkpoint of the first."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no device /dev/full")

    def append(file: Path, row: Mapping[str, Any]) -> None:
        full = file.name == "metrics.jsonl" and row["update"] == 2
        append_json_line(Path("/dev/full") if full else file, row)

    with monkeypatch.context() as patch:
        patch.setattr("collm.runs.folder.append_json_line", append)
        finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    assert finished.code == 2
    assert finished.err.endswith(
        "run: the disk is full; what was written before is kept. "
        "To mend it: make room there; a run goes on with --resume.\n"
    )
    assert "Traceback" not in finished.err
    resumed = collm("train", "good.yaml", "--out", tmp_path / "run", "--resume")
    assert "Resumed after update 1." in resumed.out


def test_memory_that_runs_out_while_sampling_names_the_setting(
    collm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding = torch.nn.functional.embedding

    def no_memory(*arguments: Any, **options: Any) -> torch.Tensor:
        if not (tmp_path / "run" / "config.yaml").exists():  # it still fits before the run begins
            return embedding(*arguments, **options)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nMore lines.")

    monkeypatch.setattr("torch.nn.functional.embedding", no_memory)
    finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    assert finished.code == 2
    assert "run: memory ran out (CUDA out of memory. Tried to allocate 20.00 GiB); " in finished.err
    assert "To mend it: lower agents.*.batch_rows; a run goes on with --resume.\n" in finished.err
