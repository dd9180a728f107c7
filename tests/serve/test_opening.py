"""What is served is found without any code of a reward."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from collm.agents.team import Team, load_agents
from collm.base.yaml_text import to_yaml
from collm.errors import CollmError
from collm.runs.folder import Counters, RunFolder
from collm.serve.episode import play
from collm.serve.opening import find_served, open_voices
from collm.serve.voice import Draw
from tests.commands import run_command
from tests.docs.pages import Typed
from tests.docs.test_commands import parsed
from tests.serve.servers import Echo, stages
from tests.tiny_runs import Recipe

CUSTOM = {
    "type": "custom",
    "prompts": {"a": "Say {text}", "b": "Repeat {text}"},
    "dataset": "gone.jsonl",
    "column": "text",
    "reward": "no_such_module:reward",
}


@pytest.fixture
def run(tmp_path: Path, recipe: Recipe) -> Path:
    """A run whose environment scores with a module that is not here."""
    config = recipe()
    folder = RunFolder(tmp_path / "run")
    folder.start(config)
    folder.save(Team(load_agents(config.agents), {}), config, Counters(update=1))
    return with_env(folder.path, CUSTOM)


def with_env(run: Path, section: dict[str, Any]) -> Path:
    file = run / "config.yaml"
    file.write_text(to_yaml({**yaml.safe_load(file.read_text()), "env": section}))
    return run


def test_a_users_task_is_played_without_its_reward(run: Path) -> None:
    served = find_served(str(run))
    assert served.env is not None
    assert served.checkpoint == run / "checkpoints" / "update-000001"
    task = served.env.task_of("hello")
    voices = {"a": Echo(), "b": Echo()}
    stage = stages(served).find(None)
    played = asyncio.run(play(stage, voices, task, Draw(0, {}), lambda agent, turn, step, text: None))
    assert played.answer == "a:\nSay hello\n\nb:\nRepeat hello"


def test_an_agent_alone_needs_no_environment(run: Path) -> None:
    served = find_served(str(with_env(run, {"type": "no_such_module:Game"})), only=["b"])
    assert (list(served.agents), served.env) == (["b"], None)
    assert list(open_voices(served, {}, None, 1)) == ["b"]
    with pytest.raises(CollmError, match="no_such_module"):
        find_served(str(run))


@pytest.mark.parametrize(
    ("place", "options", "problem"),
    [
        ("no_such_run", {}, "no such recipe"),
        (".", {}, "this is no run"),
        ("demo", {"only": ["nobody"]}, "the agents are player_1, player_2"),
        ("demo", {"overrides": ["env.turns=1"]}, "unknown key"),
    ],
)
def test_what_cannot_be_served_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, options: Any, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CollmError, match=problem):
        find_served(place, **options)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--agent", "player_1"), "write it as NAME=http"),
        (("--agent", "nobody=http://127.0.0.1:1/v1"), "no such agent"),
        (("--host", "0.0.0.0", "--port", "0"), "set COLLM_TOKEN"),
    ],
)
def test_a_wrong_option_ends_with_one_message(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: Any, problem: str
) -> None:
    monkeypatch.delenv("COLLM_TOKEN", raising=False)
    finished = run_command(("serve", "demo", *arguments), capfd)
    assert finished.code == 2
    assert problem in finished.err
    assert len(finished.err.splitlines()) == 1


def test_the_compose_file_starts_a_service_for_each_agent_and_the_team(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = run.parent / "compose.yaml"
    assert run_command(("export", run, "--to", "compose", "--out", out), capfd).code == 0
    services = yaml.safe_load(out.read_text())["services"]
    assert list(services) == ["agent-a", "agent-b", "team"]
    assert {service["volumes"][0] for service in services.values()} == {"./run:/srv/run:ro"}
    assert [name for name, service in services.items() if "ports" in service] == ["team"]
    assert set(services["team"]["depends_on"]) == {"agent-a", "agent-b"}
    contexts = {
        name: parsed(Typed(tuple(service["command"][1:]))).params for name, service in services.items()
    }
    assert contexts["agent-b"]["only"] == ["b"]
    assert contexts["team"]["agent"] == [f"{name}=http://agent-{name}:8000/v1" for name in "ab"]
    for name, context in contexts.items():
        assert (context["host"], context["name"], context["port"]) == ("0.0.0.0", [name], 8000)
