import json
import math
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, make_env
from collm.errors import CollmError

MODULE = """
import math
import os

constant = 3

def exact(replies, row):
    return sum(reply == row["answer"] for reply in replies.values()) / len(replies)

def parts(replies, row):
    return {"short": float(len(replies["one"]) < 9), "right": True}

def prompt(row):
    return "Ask " + row["question"].upper()

def no_prompt(row):
    return None

def meddling(replies, row):
    row.clear()
    replies.clear()
    return 1

def raises(replies, row):
    return 1 / 0

def nan(replies, row):
    return math.nan

def words(replies, row):
    return "good"

def half(replies, row):
    return {"a": 1, "b": None}

def empty(replies, row):
    return {}

def huge(replies, row):
    return 10 ** 400

def numbered(replies, row):
    return {"a": 1, 2: 0.5}

def wanders(replies, row):
    os.chdir("elsewhere")
    return 1

def wandering_prompt(row):
    os.chdir("elsewhere")
    return "hi"

def quits(replies, row):
    raise SystemExit(3)

def closes(replies, row):
    raise GeneratorExit
"""
ROWS = [{"question": f"What is {n} + {{1}}?", "answer": str(n + 1), "two words": "x"} for n in range(4)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_module.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("my_module", None)


def custom(**changes: Any) -> AnyEnvironment:
    config = {
        "type": "custom",
        "prompts": {"one": "Q: {question}", "two": "my_module:prompt"},
        "dataset": "rows.jsonl",
        "column": "question",
        "train": ":3",
        "test": "3:",
        "reward": "my_module:exact",
        "limits": [0, 1],
    }
    return make_env({**config, **changes})


def play(env: AnyEnvironment, reply: str = "1") -> Any:
    return env.step(env.reset(env.tasks("train")[0], 0), dict.fromkeys(env.agents, reply))


def test_every_agent_reads_its_own_prompt(folder: Path) -> None:
    env = custom(system="Be brief.", raw=True)
    observations = env.observe(env.reset(env.tasks("test")[0], 0))
    assert {agent: seen.text for agent, seen in observations.items()} == {
        "one": "Q: What is 3 + {1}?",
        "two": "Ask WHAT IS 3 + {1}?",
    }
    assert all(seen.raw and seen.system == "Be brief." for seen in observations.values())


def test_a_number_or_named_numbers_are_the_reward(folder: Path) -> None:
    assert play(custom()).reward == 1.0
    assert play(custom(), "9").reward == 0.0
    parts = play(custom(reward="my_module:parts", limits=None))
    assert (parts.reward, parts.components) == (2.0, {"short": 1.0, "right": 1.0})
    assert parts.terminated


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_it_keeps_the_contract_with_any_number_of_agents(folder: Path, number: int) -> None:
    env = custom(prompts={f"agent_{n}": f"You are {n}. {{question}}" for n in range(number)})
    check_env(env)
    assert len(env.agents) == number
    check_env(custom(prompts={"one": "{two words}"}, reward="my_module:meddling", limits=None))


def test_the_config_survives_a_round_trip(folder: Path) -> None:
    env = custom()
    assert make_env(env.model_dump()) == env


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(reply=st.text())
def test_any_reply_is_scored(folder: Path, reply: str) -> None:
    assert 0.0 <= play(custom(), reply).reward <= 1.0


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("raises", "raised ZeroDivisionError for task '.*': division by zero"),
        ("nan", "returned nan for task"),
        ("words", "returned 'good' for task"),
        ("half", "returned {'a': 1, 'b': None} for task"),
        ("empty", "returned {} for task"),
        ("huge", "no finite number"),
        ("numbered", r"returned {'a': 1, 2: 0.5} for task '.*', where 2 is no text"),
        ("quits", "raised SystemExit for task '.*': 3"),
        ("closes", "raised GeneratorExit for task"),
    ],
)
def test_a_bad_reward_names_function_task_and_mend(folder: Path, function: str, problem: str) -> None:
    with pytest.raises(CollmError, match=rf"my_module:{function}: it {problem}|no finite number") as caught:
        play(custom(reward=f"my_module:{function}"))
    assert "rows.jsonl[0]" in str(caught.value)
    assert "To mend it" in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"reward": "my_module:wanders"}, {"prompts": {"one": "my_module:wandering_prompt"}}]
)
def test_code_that_changes_the_working_folder_is_named_and_taken_back(
    folder: Path, changes: dict[str, Any]
) -> None:
    (folder / "elsewhere").mkdir()
    with pytest.raises(CollmError, match=r"my_module:wander\w+: it changed the working folder"):
        play(custom(**changes))
    assert Path.cwd() == folder


def test_a_module_that_changes_the_working_folder_when_imported_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "wandering.py").write_text("import os\nos.chdir('/')\ndef reward(replies, row): return 1\n")
    with pytest.raises(CollmError, match=r"env\.reward: it changed the working folder"):
        custom(reward="wandering:reward")
    assert Path.cwd() == folder


def test_prompts_have_one_name(folder: Path) -> None:
    with pytest.raises(CollmError, match=r"env\.agents: .*rename this key to prompts"):
        custom(agents={"one": "{question}"})
    assert "agents" not in custom().model_dump()


def test_a_reward_outside_the_limits_is_named(folder: Path) -> None:
    with pytest.raises(CollmError, match=r"my_module:parts: it returned 2 for task .*outside env.limits"):
        play(custom(reward="my_module:parts"))
    assert custom(limits=None).reward_range == (-math.inf, math.inf)
    assert custom(limits=[0, math.inf]).reward_range == (0, math.inf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": "my_module:gone"}, r"env\.reward: .*no attribute 'gone'"),
        ({"reward": "my_module:constant"}, r"env\.reward: my_module:constant is not a function"),
        ({"prompts": {}}, r"env\.prompts"),
        ({"prompts": {"one": "my_module:gone"}}, r"env\.prompts\.one: .*no attribute"),
        ({"prompts": {"one": "{question"}}, r"env\.prompts\.one: the template is malformed"),
        (
            {"prompts": {"one": "{question.__class__}"}},
            r"env\.prompts\.one: {question.__class__} in the template",
        ),
        ({"prompts": {"one": "{}"}}, r"env\.prompts\.one: {} in the template"),
        ({"limits": [1, 0]}, "limits must be"),
        ({"limits": [math.nan, 1]}, "limits must be"),
        ({"num_turns": 2}, r"env\.num_turns"),
    ],
)
def test_a_bad_config_is_named(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CollmError, match=message):
        custom(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "prompt"}, r"rows.jsonl\[0\]: no column 'prompt'"),
        (
            {"prompts": {"one": "{context}"}},
            r"env\.prompts\.one: .*names 'context', which task 'rows.jsonl\[0\]'",
        ),
        ({"prompts": {"one": "my_module:no_prompt"}}, "my_module:no_prompt: it returned None"),
        ({"dataset": "gone.jsonl"}, r"env\.dataset: no such file"),
    ],
)
def test_a_bad_dataset_is_named(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CollmError, match=message):
        custom(**changes).tasks("train")


def test_a_blank_row_is_named(folder: Path) -> None:
    with pytest.raises(CollmError, match=r"line 3\.question: this field is missing or blank"):
        custom().parse_task({"question": " "}, "line 3")
