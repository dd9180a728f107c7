"""Of every environment: task, seed and replies decide the state, on a new copy of it and in any thread."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from collm.contract.held import Held, HeldState, hold
from collm.env import environments, make_env
from collm.errors import InfrastructureError
from collm.rollout.replaying import replay

SEED = 7
REPLIES = (
    "",
    "/fill 0 0 0 1 0 1 stone\n/kill\n/setblock 0 0 0 oak_planks",
    "However, a short text with some words in it, therefore longer than the other one, if it counts.",
    "def aux(x):\n    return x\n",
    "[check] [bet] [20] {yes}",
    "2",
)
CONFIGS: list[dict[str, Any]] = [
    *({"type": name, "variant": variant}
      for name in ("tldr", "arxiv", "sections", "housebuild", "strbuild")
      for variant in ("paper", "reference")),
    *({"type": "housebuild", "variant": "reference", "feedback": mode}
      for mode in ("perfect_feedback", "rect_modification", "resource_schedule")),
    *({"type": name} for name in environments() if name.startswith("probe_")),
    *({"type": name} for name in ("digging", "ledger", "coding")),
    {"type": "stopping", "env": {"type": "housebuild"}},
    {
        "type": "custom",
        "prompts": {"one": "Count {text}", "two": "Name {text}"},
        "dataset": "texts.csv",
        "column": "text",
        "reward": "operator:ne",
        "train": ":",
        "test": ":",
    },
    {"type": "collm.adapters.textarena:TextArena", "game": "KuhnPoker-v0", "num_turns": 6},
]  # fmt: skip


def test_every_shipped_environment_is_here() -> None:
    assert {config["type"] for config in CONFIGS} >= set(environments())


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts.csv").write_text("text\none apple\ntwo pears\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def played(config: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[Any], list[Any]]:
    """The joint replies of an episode, the state after each, and what was then observed."""
    env, draw = hold(make_env(config)), random.Random(1)
    state = env.reset(env.tasks("train")[0], SEED)
    actions, states, seen = list[dict[str, str]](), list[Any](), list[Any]()
    while True:
        actions.append({agent: draw.choice(REPLIES) for agent in env.observe(state)})
        transition = env.step(state, actions[-1])
        state = transition.state
        states.append(state)
        seen.append(None if transition.terminated else env.observe(state))
        if transition.terminated or transition.truncated or len(actions) == env.num_turns:
            return actions, states, seen


def replayed(config: Mapping[str, Any], actions: list[dict[str, str]]) -> tuple[HeldState, Held]:
    """The state that a new copy of the environment comes to."""
    env = hold(make_env(config))
    return replay(env, env.tasks("train")[0], SEED, actions), env


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: "-".join(map(str, config.values()))[:50])
def test_a_replay_gives_the_state_at_every_history(config: dict[str, Any], texts: None) -> None:
    if "textarena" in config["type"] and importlib.util.find_spec("textarena") is None:
        pytest.skip("the extra collm[textarena] is not installed")
    try:
        actions, states, seen = played(config)
    except InfrastructureError as error:
        pytest.skip(f"the sandbox cannot run here: {error}")
    histories = [actions[: t + 1] for t in range(len(actions))] * 2
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda history: replayed(config, history), histories))
    for (state, env), expected, shown in zip(found, states * 2, seen * 2, strict=True):
        assert state == expected
        assert shown is None or env.observe(state) == shown
