"""The echo environment that OpenEnv's own command begins projects with, played through our protocol."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, make_env
from collm.errors import AbsentError, CollmError
from collm.rollout.replaying import replay

ECHO: dict[str, Any] = {
    "type": "collm.adapters.openenv:OpenEnv",
    "game": "echoing_env.server.echoing_environment:EchoingEnvironment",
    "action": "echoing_env.models:EchoingAction",
    "num_turns": 3,
    "limits": [0, 10],
}
NAMES = {"__ENV_NAME__": "echoing", "__ENV_CLASS_NAME__": "Echoing", "__ENV_TITLE_NAME__": "Echoing"}


def written(text: str) -> str:
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Any]]:
    """A project made from the template that lies in the package."""
    package = importlib.util.find_spec("openenv")
    if package is None or package.origin is None:
        pytest.skip("the extra collm[openenv] is not installed")
    template = Path(package.origin).parent / "cli" / "templates" / "openenv_env"
    for name in ("models.py", "server/__ENV_NAME___environment.py"):
        file = tmp_path / "echoing_env" / written(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written((template / name).read_text()))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield ECHO
    for module in [name for name in sys.modules if name.partition(".")[0] == "echoing_env"]:
        del sys.modules[module]


def test_an_environment_of_openenv_keeps_our_contract(echo: Mapping[str, Any]) -> None:
    check_env(make_env(echo), tasks_per_split=1)


def test_it_echoes_and_pays_for_length(echo: Mapping[str, Any]) -> None:
    env = make_env({**echo, "shows": "echoed_message"})
    state = env.reset(env.tasks("train")[0], 0)
    assert env.observe(state)["player"].text == "Echoing environment ready!"
    first = env.step(state, {"player": "four"})
    assert first.reward == pytest.approx(0.4)
    assert env.observe(first.state)["player"].text == "four"
    assert env.step(state, {"player": "sixsix"}).reward == pytest.approx(0.6)
    assert replay(env, env.tasks("train")[0], 0, [{"player": "four"}]).state == first.state


def test_without_a_field_to_show_the_agent_reads_json(echo: Mapping[str, Any]) -> None:
    env: AnyEnvironment = make_env(echo)
    state = env.step(env.reset(env.tasks("train")[0], 0), {"player": "hi"}).state
    assert env.observe(state)["player"].text == '{"echoed_message":"hi","message_length":2}'


def test_a_field_that_no_action_has_is_named(echo: Mapping[str, Any]) -> None:
    with pytest.raises(CollmError, match="EchoingAction has no field text, but metadata, message"):
        make_env({**echo, "says": "text"})


def test_without_the_library_the_mend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openenv", None)
    monkeypatch.setitem(sys.modules, "openenv.core.env_server.types", None)
    with pytest.raises(AbsentError, match=r"collm\[openenv\]"):
        make_env(ECHO)
