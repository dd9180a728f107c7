"""Broken input ends with exit code 2 and one message with file, field and mend; the disk stays as it was."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collm import train
from tests.commands import Command, Finished, fingerprint, make_workspace, own_modules, run_command


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def collm(
    workspace: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run ``collm`` in the workspace."""
    monkeypatch.chdir(workspace)
    with own_modules():
        yield lambda *arguments, stdin=b"": run_command(arguments, capfd, stdin)


@pytest.fixture(scope="module")
def trained(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two updates."""
    run = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch, own_modules():
        patch.chdir(workspace)
        train("good.yaml", run)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def refused(finished: Finished, *said: str) -> None:
    """Check the contract: exit code 2 and one message in one line."""
    assert finished.code == 2, finished
    assert finished.err.startswith("error: "), finished
    assert finished.err.count("\n") == 1, finished.err
    assert "To mend it: " in finished.err
    assert "Traceback" not in finished.out + finished.err
    for text in said:
        assert text in finished.err


def test_the_recipe_that_the_others_break_is_good(collm: Command, tmp_path: Path) -> None:
    finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    assert (finished.code, finished.err) == (0, "")


NORMALIZED_SINGLE = ("algorithm.advantage_normalization=true", "algorithm.minibatch_size=1")
MAGRPO = ("algorithm.type=magrpo", "critic=null")
BROKEN_SETTINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "unknown section": (("trainng.epochs=1",), ("good.yaml: trainng: unknown section",)),
    "unknown key": (("training.epoch=1",), ("good.yaml: training.epoch: unknown key", "mean 'epochs'?")),
    "unknown key of the environment": (("env.colum=a",), ("env.colum: unknown key", "mean 'column'?")),
    "unknown key deep inside": (("agents.left.sampling.topp=1",), ("agents.left.sampling.topp", "'top_p'?")),
    "unknown key for all agents": (("agents.*.contxt=99",), ("agents.left.contxt", "'context'?")),
    "unknown agent": (("agents.middle.model=a",), ("agents.middle: no such agent", "left, right")),
    "key of another algorithm": (
        ("algorithm.num_generations=4",),
        ("algorithm.num_generations: unknown key",),
    ),
    "critic without use": (("algorithm.type=magrpo",), ("critic: the algorithm magrpo has no critic",)),
    "critic needed": (("critic=null",), ("critic: the algorithm collm_cc needs a critic",)),
    "one sample in a group": (
        (*MAGRPO, "algorithm.num_generations=1"),
        ("algorithm.num_generations", "got 1"),
    ),
    "advantages that vanish": (NORMALIZED_SINGLE, ("algorithm.advantage_normalization", "one action")),
    "greedy training": (("agents.*.sampling.temperature=0",), ("agents.left.sampling.temperature", "greedy")),
    "missing section": (("env=null",), ("good.yaml: env: this section is required",)),
    "section of a wrong type": (("agents=3",), ("good.yaml: agents: must be a mapping, got 3",)),
    "agent of a wrong type": (("agents.left=0",), ("agents.left: must be a mapping, got 0",)),
    "missing model": (("agents.left.model=null",), ("agents.left.model", "got None")),
    "text for a number": (("agents.*.optimization.learning_rate=fast",), ("learning_rate", "got 'fast'")),
    "infinite number": (("agents.*.optimization.learning_rate=.inf",), ("learning_rate", "finite")),
    "number out of range": (("agents.*.sampling.top_p=1.5",), ("sampling.top_p", "got 1.5")),
    "true for a number": (("training.epochs=true",), ("training.epochs: must be a number, not true",)),
    "true for a seed": (("seed=true",), ("good.yaml: seed: must be a number, not true",)),
    "seed of too many digits": (("seed=" + "9" * 30,), ("good.yaml: seed", "less than")),
    "decay of 1": (("agents.*.optimization.betas=[0.9, 1]",), ("agents.left.optimization.betas.1", "got 1")),
    "next to no temperature": (
        ("agents.*.sampling.temperature=1e-300",),
        ("agents.left.sampling.temperature", "at least 0.001"),
    ),
    "endless replies": (("agents.*.sampling.max_tokens=1_000_000_000",), ("sampling.max_tokens", "less")),
    "countless threads": (("training.threads=1_000_000",), ("training.threads", "less")),
    "agent named as a path": (("env.prompts={a/b: Hi}",), ("good.yaml: agents.a/b: 'a/b' cannot be",)),
    "list for a text": (("env.train=[0:4]",), ("env.train", "got ['0:4']", "quotes")),
    "no epochs": (("training.epochs=0",), ("training.epochs", "got 0")),
    "seed of a wrong type": (("seed=one",), ("good.yaml: seed", "got 'one'")),
    "unknown environment": (("env.type=chess",), ("env.type: unknown type 'chess'", "housebuild")),
    "unknown algorithm": (("algorithm.type=ppo",), ("algorithm.type: unknown type 'ppo'", "magrpo")),
    "no environment": (("env.type=my_rewards:NoEnvironment",), ("not a subclass of Environment",)),
    "module that is not there": (
        ("env.reward=no_module:reward",),
        ("error: good.yaml: env.reward: cannot import", "no_module.py"),
    ),
    "module that does not import": (("env.reward=broken_module:f",), ("env.reward", "nothing_of_that_name")),
    "function that is not there": (("env.reward=my_rewards:tall",), ("has no attribute 'tall'",)),
    "reward that raises": (
        ("env.reward=my_rewards:raises",),
        ("my_rewards:raises", "ZeroDivisionError", "'row 0'"),
    ),
    "reward that says two lines": (("env.reward=my_rewards:raises_lines",), ("my_rewards", "one two.")),
    "reward that leaves": (("env.reward=my_rewards:leaves",), ("my_rewards:leaves", "raised SystemExit")),
    "reward that is too large": (("env.reward=my_rewards:huge",), ("my_rewards:huge", "it returned 1000")),
    "scale that is too large": (("env.reward_scale=1e300",), ("after scale and shift", "env.reward_scale")),
    "no time at all": (("env.step_seconds=0",), ("good.yaml: env.step_seconds", "greater than 0")),
    "reward that is no number": (("env.reward=my_rewards:nan",), ("my_rewards:nan", "it returned nan")),
    "reward that is a text": (("env.reward=my_rewards:text",), ("my_rewards:text", "it returned 'good'")),
    "prompt with an unknown column": (("env.prompts.left='{txt}'",), ("env.prompts.left", "'txt'", "text")),
    "dataset that is not there": (
        ("env.dataset=absent.jsonl",),
        ("error: good.yaml: env.dataset: no such file: absent.jsonl",),
    ),
    "folder for a dataset": (("env.dataset=/",), ("env.dataset: '/' is a folder",)),
    "column that is not there": (("env.column=body",), ("texts.jsonl[0]: no column 'body'",)),
    "slice that is none": (("env.train=first",), ("env.train: 'first' is not a slice", "8:10")),
    "slice of nothing": (("env.test=90:",), ("env.test: slice '90:' of 6 rows is empty",)),
    "device that is not there": (("agents.left.device=cuda:99",), ("agents.left.device", "'cuda:99'", "cpu")),
    "device of no kind": (("critic.device=toaster",), ("critic.device", "'toaster'")),
    "device without memory": (("agents.left.device=meta",), ("agents.left.device", "'meta'", "cuda:N")),
    "context of nothing": (("agents.left.context=4",), ("agents.left.context", "got 4")),
    "context too small for a task": (("agents.left.context=16",), ("agents.left.context", "more than 16")),
    "model that is not there": (
        ("critic.model=models/middle/",),
        ("error: good.yaml: critic.model: no such folder",),
    ),
    "template that is not there": (
        ("agents.left.chat_template=no.jinja",),
        ("agents.left.chat_template", "no.jinja"),
    ),
    "template that is no text": (
        ("agents.left.chat_template=models/left/model.safetensors",),
        ("agents.left.chat_template: models/left/model.safetensors is not a text in UTF-8",),
    ),
    "override without value": (("training",), ("training: not an override", "key.path=value")),
    "override without key": (("=3",), ("=3: not an override",)),
    "override with a gap": (("training..epochs=3",), ("training..epochs=3: not an override",)),
    "override that is no YAML": (("training.epochs=[1",), ("training.epochs=[1: not valid YAML",)),
    "override with a tag that does not fit": (("seed=!!int abc",), ("seed=!!int abc: not valid YAML",)),
    "number of too many digits": (("seed=" + "9" * 5000,), ("seed=999", "cannot be read as int")),
}


@pytest.mark.parametrize("case", BROKEN_SETTINGS)
def test_broken_settings(collm: Command, workspace: Path, tmp_path: Path, case: str) -> None:
    overrides, said = BROKEN_SETTINGS[case]
    before = fingerprint(workspace, tmp_path)
    refused(collm("train", "good.yaml", *overrides, "--out", tmp_path / "run"), *said)
    assert fingerprint(workspace, tmp_path) == before


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_a_tracker_that_is_not_installed(collm: Command, workspace: Path, tmp_path: Path) -> None:
    before = fingerprint(workspace, tmp_path)
    finished = collm("train", "good.yaml", "tracking.backends=[wandb]", "--out", tmp_path / "run")
    refused(finished, "tracking.backends: wandb is not installed", "collm[tracking]")
    assert fingerprint(workspace, tmp_path) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"env: {type: custom", ("not valid YAML", "line 1")),
        (b"env: {}\nseed: 1\nseed: 2\n", ("the key 'seed' is given twice, line 3",)),
        (b"- env\n- agents\n", ("a recipe is a mapping",)),
        (b"", ("a recipe is a mapping",)),
        (b"\xff\xfe\x00", ("not a text in UTF-8",)),
        (b"1: 2\n", ("1: unknown section",)),
        (b"env: {type: housebuild}\nalgorithm: {type: magrpo}\n", ("agents: this section is required",)),
    ],
)
def test_broken_recipes(
    collm: Command, workspace: Path, tmp_path: Path, content: bytes, said: tuple[str, ...]
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_bytes(content)
    before = fingerprint(workspace, tmp_path)
    refused(collm("train", recipe, "--out", tmp_path / "run"), str(recipe), *said)
    assert fingerprint(workspace, tmp_path) == before


def test_a_recipe_that_is_not_there(collm: Command) -> None:
    refused(
        collm("train", "housbuild/collm_cc"), "housbuild/collm_cc: no such recipe", "housebuild/collm_cc,"
    )


HOUSE: dict[str, Any] = {
    "task_id": "hut",
    "inventory": {"C": "white_concrete", "A": "air"},
    "target_spec": {"layers": [{"y": 0, "rows": ["CA", "CC"]}, {"y": 1, "rows": ["AA", "CA"]}]},
    "bbox": {"from": [0, 0, 0], "to": [1, 1, 1]},
}
ROWS_1 = {"y": 1, "rows": ["AA", "CA"]}
BROKEN_HOUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "broken JSON": ("[{", ("not valid json",)),
    "no list": ("{}", ("must hold a list of objects",)),
    "no tasks": ("[]", ("the dataset is empty",)),
    "one name for two": (json.dumps([HOUSE, HOUSE]), ("[1]", "id 'hut'", "[0]")),
    "no name": (json.dumps([{**HOUSE, "task_id": None}]), ("[0].task_id", "wrong type")),
    "no plan": (json.dumps([{"task_id": "hut"}]), ("[0].inventory", "required")),
    "letter outside the inventory": (
        json.dumps([HOUSE, {**HOUSE, "inventory": {"C": "white_concrete"}}]),
        ("[1].target_spec.layers", "letters ['A'] are not in the inventory"),
    ),
    "ragged layers": (
        json.dumps([{**HOUSE, "target_spec": {"layers": [{"y": 0, "rows": ["CA", "C"]}, ROWS_1]}}]),
        ("[0].target_spec.layers", "rows of [1, 2] letters"),
    ),
    "layer missing": (
        json.dumps([{**HOUSE, "target_spec": {"layers": [ROWS_1]}}]),
        ("[0].target_spec.layers", "y = [1]"),
    ),
    "wrong size": (
        json.dumps([{**HOUSE, "target_spec": {**HOUSE["target_spec"], "size": [2, 2, 3]}}]),
        ("[0].target_spec.size", "[2, 2, 2]"),
    ),
    "wrong box": (
        json.dumps([{**HOUSE, "bbox": {"from": [0, 0, 0], "to": [1, 1, 2]}}]),
        ("[0].bbox", "[1, 1, 1]"),
    ),
    "block with a blank": (
        json.dumps([{**HOUSE, "inventory": {"C": "white concrete", "A": "air"}}]),
        ("[0].inventory", "'white concrete'"),
    ),
}


@pytest.mark.parametrize("case", BROKEN_HOUSES)
def test_broken_task_files(collm: Command, workspace: Path, tmp_path: Path, case: str) -> None:
    content, said = BROKEN_HOUSES[case]
    data = tmp_path / "houses.json"
    data.write_text(content)
    before = fingerprint(workspace, tmp_path)
    arguments = ("train", "housebuild/magrpo", f"env.dataset={data}", "env.train=null", "env.test=null")
    refused(collm(*arguments, "--out", tmp_path / "run"), str(data), *said)
    refused(collm(*arguments, "--dry-run"), str(data), *said)
    assert fingerprint(workspace, tmp_path) == before


@pytest.mark.parametrize(
    ("recipe", "suffix", "content", "said"),
    [
        ("tldr/magrpo", ".jsonl", '{"prompt": "a post"}\n{"prompt": " "}', ("[1].prompt", "not blank")),
        ("tldr/magrpo", ".jsonl", '{"post": "a post"}', ("[0]", "no column 'prompt'")),
        ("tldr/magrpo", ".csv", 'prompt\n"open', ("not valid csv",)),
        ("arxiv/ac", ".json", '[{"abstract_text": 7}]', ("[0].abstract_text",)),
        ("strbuild/magrpo", ".csv", "string,difficulty\n,1\n", ("[0].string",)),
        ("coding/magrpo", ".json", '[{"prompt": "def f(x):"}]', ("[0].",)),
        (
            "coding/magrpo",
            ".json",
            '[{"task_id": "a", "prompt": "", "test": "", "entry_point": "f"}]',
            ("[0].",),
        ),
    ],
)
def test_broken_task_files_of_other_environments(
    collm: Command,
    workspace: Path,
    tmp_path: Path,
    recipe: str,
    suffix: str,
    content: str,
    said: tuple[str, ...],
) -> None:
    data = tmp_path / f"tasks{suffix}"
    data.write_text(content)
    before = fingerprint(workspace, tmp_path)
    arguments = ("train", recipe, f"env.dataset={data}", "env.train=null", "env.test=null")
    refused(collm(*arguments, "--out", tmp_path / "run"), str(data), *said)
    assert fingerprint(workspace, tmp_path) == before


def test_the_unbroken_house_is_good(collm: Command, tmp_path: Path) -> None:
    data = tmp_path / "houses.json"
    data.write_text(json.dumps([HOUSE]))
    arguments = ("train", "housebuild/magrpo", f"env.dataset={data}", "env.train=null", "env.test=null")
    finished = collm(*arguments, "--dry-run")
    assert finished.code == 0
    assert "training tasks: 1" in finished.out


def break_model(folder: Path, case: str) -> None:
    if case in ("config.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors"):
        (folder / case).unlink()
    elif case == "truncated weights":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    elif case == "broken config":
        (folder / "config.json").write_text("{")
    elif case == "another architecture":
        (folder / "config.json").write_text('{"model_type": "abacus"}')
    elif case == "missing weights":
        config = json.loads((folder / "config.json").read_text())
        config["num_hidden_layers"] = 2
        config["layer_types"] = config["layer_types"] * 2
        (folder / "config.json").write_text(json.dumps(config))
    elif case == "larger tokenizer":
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary["N"], vocabulary["n"] = len(vocabulary), vocabulary["N"]
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    elif case == "end of a wrong type":
        (folder / "generation_config.json").write_text('{"eos_token_id": "stop"}')
    elif case == "template that forgets":
        (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    elif case == "template that fails":
        (folder / "chat_template.jinja").write_text("{{ raise_exception('no roles here') }}")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("config.json", ("agents.left.model", "no config.json", "save_pretrained")),
        ("tokenizer_config.json", ("agents.left.model", "no tokenizer_config.json")),
        ("chat_template.jinja", ("agents.left", "no chat template", "chat_template")),
        ("model.safetensors", ("agents.left.model", "cannot open", "model.safetensors")),
        ("truncated weights", ("agents.left.model", "cannot open")),
        ("broken config", ("agents.left.model", "cannot open")),
        ("another architecture", ("agents.left.model", "cannot open", "abacus")),
        ("missing weights", ("agents.left.model", "lacks 11 weights", "layers.1.")),
        ("larger tokenizer", ("agents.left.tokenizer", "gives token 259, the model knows 259")),
        ("end of a wrong type", ("agents.left.model", "'stop'")),
        ("template that fails", ("agents.left", "the chat template fails", "no roles here")),
    ],
)
def test_broken_models(
    collm: Command, workspace: Path, tmp_path: Path, case: str, said: tuple[str, ...]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(workspace / "models" / "left", model)
    break_model(model, case)
    before = fingerprint(workspace, tmp_path)
    refused(collm("train", "good.yaml", f"agents.left.model={model}", "--out", tmp_path / "run"), *said)
    assert fingerprint(workspace, tmp_path) == before


def test_a_template_that_forgets_replies_is_refused_where_there_are_several_turns(
    collm: Command, workspace: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(workspace / "models" / "left", model)
    break_model(model, "template that forgets")
    before = fingerprint(workspace, tmp_path)
    models = ("agents.player_1.model", "agents.player_2.model", "critic.model")
    settings = ("agents.*.context=4096", *(f"{field}={model}" for field in models))
    refused(
        collm("train", "demo", *settings, "--out", tmp_path / "run"), "agents.player_1", "own replies out"
    )
    assert fingerprint(workspace, tmp_path) == before


def test_a_reward_that_breaks_later_ends_the_run_which_can_go_on_once_it_is_mended(
    collm: Command, workspace: Path, tmp_path: Path
) -> None:
    good = (workspace / "my_rewards.py").read_text()
    breaking = "calls = []\ndef short(replies, row):\n    calls.append(1)\n"
    (workspace / "my_rewards.py").write_text(f"{breaking}    return 1 if len(calls) < 6 else 1 / 0\n")
    try:
        finished = collm("train", "good.yaml", "--out", tmp_path / "run")
    finally:
        (workspace / "my_rewards.py").write_text(good)
    refused(finished, "my_rewards:short", "ZeroDivisionError", "task 'row ")
    sys.modules.pop("my_rewards")
    resumed = collm("train", "good.yaml", "--out", tmp_path / "run", "--resume")
    assert resumed.code == 0, resumed
    assert "Resumed after update 1." in resumed.out


def test_a_reward_that_hangs_costs_its_tree_and_not_the_run(collm: Command, tmp_path: Path) -> None:
    settings = ("env.reward=my_rewards:hangs", "env.step_seconds=2", "--out", tmp_path / "run")
    finished = collm("train", "good.yaml", *settings)
    assert finished.code == 0, finished
    said = "1 of 2 rollouts failed: environment 'custom', task 'row 1': step took longer than 2 s"
    assert said in " ".join(finished.out.split())
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["failures"] for line in lines) == [0, 1]


def test_a_run_is_not_overwritten(collm: Command, run: Path) -> None:
    before = fingerprint(run)
    refused(collm("train", "good.yaml", "--out", run), f"--out {run}: the folder is not empty", "--resume")
    refused(
        collm("train", "good.yaml", "--out", run / "config.yaml"), "this is a file", "mend it: name a folder"
    )
    refused(
        collm("train", "good.yaml", "--out", run / "config.yaml" / "run"), "config.yaml", "Not a directory"
    )
    assert fingerprint(run) == before


def test_a_run_is_resumed_with_its_own_recipe_alone(collm: Command, run: Path) -> None:
    before = fingerprint(run)
    finished = collm("train", "good.yaml", "seed=2", "training.epochs=3", "--out", run, "--resume")
    refused(finished, "differs from the run's in seed, training.epochs", "training.max_updates")
    assert fingerprint(run) == before


def test_nothing_is_resumed_where_no_run_lies(collm: Command, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    before = fingerprint(workspace, tmp_path)
    refused(collm("train", "good.yaml", "--out", tmp_path, "--resume"), "there is no run to resume here")
    assert fingerprint(workspace, tmp_path) == before


def damage_checkpoint(run: Path, name: str) -> Path:
    checkpoint = sorted((run / "checkpoints").iterdir())[-1]
    file = checkpoint / name
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    return checkpoint


def test_a_damaged_checkpoint_is_not_evaluated(collm: Command, run: Path) -> None:
    checkpoint = damage_checkpoint(run, "agents/left/model.safetensors")
    before = fingerprint(run)
    refused(collm("eval", checkpoint), "the checkpoint is damaged: agents/left/model.safetensors")
    assert fingerprint(run) == before


def test_an_older_checkpoint_is_evaluated_with_a_warning(collm: Command, run: Path) -> None:
    damaged = damage_checkpoint(run, "agents/left/model.safetensors")
    finished = collm("eval", run, "--json")
    assert finished.code == 0
    used = run / "checkpoints" / "update-000001"
    assert f"warning: {damaged} is damaged (agents/left/model.safetensors" in finished.err
    assert finished.err.endswith(f"warning: Taking {used}.\n")
    assert json.loads(finished.out)["team"] == str(used)


def test_a_run_whose_checkpoints_are_all_damaged_is_kept_as_it_is(collm: Command, run: Path) -> None:
    for checkpoint in (run / "checkpoints").iterdir():
        (checkpoint / "manifest.json").write_text("{}")
    before = fingerprint(run)
    finished = collm("train", "good.yaml", "--out", run, "--resume")
    refused(finished, f"--out {run}: all its checkpoints are damaged")
    refused(collm("eval", run), "no whole checkpoint here", "manifest.json", "restore one of them")
    assert fingerprint(run) == before


@pytest.mark.parametrize("content", ["seed: [", "seed: 1\n", "", "agents: 3\n"])
def test_a_damaged_configuration_is_named(collm: Command, run: Path, content: str) -> None:
    (run / "config.yaml").write_text(content)
    before = fingerprint(run)
    refused(collm("eval", run), str(run / "config.yaml"))
    refused(collm("train", "good.yaml", "--out", run, "--resume"), str(run / "config.yaml"))
    assert fingerprint(run) == before


def test_what_cannot_be_evaluated(collm: Command, run: Path, tmp_path: Path) -> None:
    before = fingerprint(tmp_path)
    refused(collm("eval", tmp_path), str(tmp_path), "no config.yaml here")
    refused(collm("eval", tmp_path / "absent"), "absent: no such run, checkpoint or recipe", "run folder")
    settings = ("env.dataset=absent.jsonl", f"agents.left.chat_template={tmp_path / 'absent'}")
    refused(collm("eval", run, settings[0]), f"error: {run}: env.dataset: no such file")
    refused(collm("eval", run, settings[1]), f"error: {run}: agents.left.chat_template: no such file")
    refused(collm("eval", "good.yaml", settings[1]), "error: good.yaml: agents.left.chat_template: no such")
    refused(collm("eval", run, "--split", "dev"), "--split: no split 'dev'", "train or test")
    refused(collm("eval", run, "evaluation.sample=3"), "evaluation.sample: unknown key", "'samples'?")
    assert fingerprint(tmp_path) == before


def test_what_cannot_be_scaffolded(collm: Command, workspace: Path, tmp_path: Path) -> None:
    before = fingerprint(workspace, tmp_path)
    refused(collm("new", "env", "My-Game", "--out", tmp_path), "My-Game: not a name for a module")
    refused(collm("new", "env", "good", "--out", workspace), "good.yaml: this file exists")
    assert fingerprint(workspace, tmp_path) == before


def test_what_cannot_be_drawn(collm: Command, run: Path, tmp_path: Path) -> None:
    before = fingerprint(tmp_path)
    refused(collm("plot", tmp_path, "--out", tmp_path / "a.png"), "there is no run here")
    refused(collm("plot", "runs/none", "--out", tmp_path / "a.png"), "runs/none: there is no such folder")
    refused(collm("plot", run, "--metric", "joy", "--out", tmp_path / "a.png"), "has no joy")
    refused(collm("plot", run, "--out", tmp_path / "a.txt"), "a.txt: no format for pictures", "png")
    refused(collm("plot", run, "--out", tmp_path / "absent" / "a.png"), "a.png: No such file or directory")
    assert fingerprint(tmp_path) == before


POST = '{"task": {"prompt": "A post."}, "turns": [{"summary": "s", "elaboration": "e"}]}'
EMPTY_PLAY: dict[str, Any] = {"task": HOUSE, "turns": []}
BROKEN_PLAYS: dict[str, tuple[tuple[str, ...], bytes, tuple[str, ...]]] = {
    "broken JSON": (("tldr",), b"{", ("line 1: not valid JSON",)),
    "no object": (("tldr",), b"[]", ("line 1: task: no task",)),
    "no task": (("tldr",), b'{"turns": []}', ("line 1: task: no task",)),
    "no turns": (("tldr",), b'{"task": {"prompt": "A post."}}', ("line 1: turns",)),
    "task without its column": (("tldr",), b'{"task": {}, "turns": []}', ("line 1: task.prompt",)),
    "reply that is no text": (
        ("tldr",),
        b'{"task": {"prompt": "A"}, "turns": [{"summary": 1}]}',
        ("line 1: turns",),
    ),
    "unknown agent": (
        ("tldr",),
        b'{"task": {"prompt": "A post."}, "turns": [{"summery": "s"}]}',
        ("line 1: turns[0].summery: no such agent", "summary, elaboration"),
    ),
    "second line": (("tldr",), POST.encode() + b"\n\nnot json", ("line 3: not valid JSON",)),
    "bytes": (("tldr",), b"\xff\xfe", ("line 1: not a text in UTF-8",)),
    "brackets without end": (("tldr",), b"[" * 200_000, ("line 1: not valid JSON",)),
    "number of too many digits": (
        ("tldr",),
        b'{"task": {"n": ' + b"9" * 5000 + b"}}",
        ("line 1: not valid JSON",),
    ),
    "half a character": (
        ("housebuild",),
        json.dumps({**EMPTY_PLAY, "task": {**HOUSE, "task_id": "\ud800"}}).encode(),
        ("line 1: task.task_id: half of a surrogate pair",),
    ),
    "layer at no height": (
        ("housebuild",),
        json.dumps(EMPTY_PLAY).replace('"y": 0', '"y": Infinity').encode(),
        ("line 1: task.target_spec.layers", "inf is not a whole number"),
    ),
    "unknown environment": (("tdlr",), b"", ("tdlr: no such environment or recipe", "tldr")),
    "unknown setting": (("tldr", "variants=paper"), b"", ("tldr.variants: unknown key", "'variant'?")),
    "bad setting": (("tldr", "variant=poem"), b"", ("tldr.variant", "got 'poem'")),
    "houses with a wrong box": (
        ("housebuild",),
        json.dumps({"task": {**HOUSE, "bbox": {}}, "turns": []}).encode(),
        ("line 1: task.bbox",),
    ),
}


@pytest.mark.parametrize("case", BROKEN_PLAYS)
def test_what_cannot_be_scored(collm: Command, case: str) -> None:
    arguments, stdin, said = BROKEN_PLAYS[case]
    refused(collm("score", *arguments, stdin=stdin), *said)


def test_a_mark_of_the_byte_order_is_passed_over(collm: Command) -> None:
    finished = collm("score", "tldr", stdin=b"\xef\xbb\xbf" + POST.encode())
    assert finished.code == 0
    assert json.loads(finished.out)["turn"] == 0


def test_the_exit_code_of_the_real_command(workspace: Path, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("collm")
    arguments = ["train", "good.yaml", "training.epoch=1", "--out", str(tmp_path / "run")]
    ended = subprocess.run([command, *arguments], cwd=workspace, capture_output=True, text=True, check=False)
    refused(Finished(ended.returncode, ended.stdout, ended.stderr), "training.epoch: unknown key")
    assert not (tmp_path / "run").exists()
