"""What a team's replies amount to, and tasks of plain text, in every domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.contract.boundary import BrokenPromiseError
from collm.contract.held import hold
from collm.env import AnyEnvironment, environments, make_env
from collm.envs.probes import BitsTask, ConstantProbe
from collm.errors import CollmError

FUNCTION = 'def double(x):\n    """Twice x."""\n'
REPLIES = {
    "tldr": {"summary": " Short. ", "elaboration": "Longer.\n"},
    "coding": {
        "aux": "```python\ndef aux(x):\n    return x\n```",
        "main": "Here it is:\n```python\ndef double(x):\n    return aux(x) + x\n```\nprint(1)",
    },
}


def answer(kind: str, text: str, replies: Mapping[str, str] | None = None, **settings: Any) -> str:
    env = hold(make_env({"type": kind, **settings}))
    return env.compose(env.task_of(text), [replies or REPLIES[kind]])


def test_texts_become_one_document() -> None:
    assert answer("tldr", "A post.") == "Short.\n\nLonger."
    alone = {"writer": "One.\n\nTwo."}
    assert answer("tldr", "A post.", alone, num_agents=1) == "One.\n\nTwo."


def test_replies_in_code_become_the_joint_program() -> None:
    program = answer("coding", FUNCTION)
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["double"](4) == 8
    assert "print" not in program


def test_the_commands_that_count_stand_in_the_order_in_which_they_apply() -> None:
    env = hold(make_env({"type": "housebuild", "limited_resource": False}))
    layers = [{"y": 0, "rows": ["AA"]}]
    row = {"task_id": "t", "inventory": {"A": "planks"}, "target_spec": {"layers": layers}}
    replies = {
        "player_2": "/kill @e[type=spider]",
        "player_1": "no\n/fill 0 0 0 1 0 0 planks\n/fill 9 9 9 9 9 9 x",
    }
    first, *_ = env.compose(env.parse_task(row, "row"), [replies]).splitlines()
    assert first == "/fill 0 0 0 1 0 0 planks"
    assert "9" not in env.compose(env.parse_task(row, "row"), [replies])


def test_only_the_last_turn_counts() -> None:
    env = hold(make_env({"type": "tldr"}))
    earlier = {"summary": "old", "elaboration": "old"}
    assert env.compose(env.task_of("A post."), [earlier, REPLIES["tldr"]]) == "Short.\n\nLonger."


def test_a_problem_without_tests_cannot_be_judged() -> None:
    env = hold(make_env({"type": "coding"}))
    task = env.task_of(f"import math\n\n{FUNCTION}")
    assert not env.has_reference(task)
    assert "double" in env.observe(env.reset(task, 0))["main"].text
    assert env.has_reference(env.tasks("test")[0])
    with pytest.raises(CollmError, match="declares no function"):
        env.task_of("please write a program")


def test_plain_text_is_not_always_a_task() -> None:
    with pytest.raises(CollmError, match="send a row of its data as a JSON object"):
        hold(make_env({"type": "housebuild"})).task_of("a house")


def test_other_environments_name_who_said_what() -> None:
    env = hold(make_env({"type": "probe_constant"}))
    task = env.tasks("test")[0]
    assert env.compose(task, [{"b": "two ", "a": "one"}]) == "a:\none\n\nb:\ntwo"
    assert env.compose(task, [{"b": "two"}]) == "b:\ntwo"


COMPOSING = [
    *(make_env({"type": name}) for name in environments() if name not in ("custom", "stopping", "textarena")),
    make_env({"type": "stopping", "env": {"type": "tldr"}}),
]


@pytest.mark.parametrize("env", COMPOSING, ids=lambda env: env.type)
@settings(max_examples=20)
@given(data=st.data())
def test_any_replies_can_be_composed(env: AnyEnvironment, data: st.DataObject) -> None:
    task = env.tasks("test")[0]
    replies = {agent: data.draw(st.text(max_size=200)) for agent in env.agents}
    assert isinstance(hold(env).compose(task, [replies]), str)


class Careless(ConstantProbe):
    """An environment of a user's that gives what the protocol does not allow."""

    def task_of(self, text: str) -> BitsTask:
        return text  # type: ignore[return-value]

    def has_reference(self, task: BitsTask) -> bool:
        raise ZeroDivisionError

    def compose(self, task: BitsTask, turns: Any) -> str:
        return b"bytes"  # type: ignore[return-value]


@pytest.mark.parametrize(
    "call",
    [
        lambda env, task: env.task_of("x"),
        lambda env, task: env.has_reference(task),
        lambda env, task: env.compose(task, [{"a": "", "b": ""}]),
    ],
)
def test_a_hook_that_breaks_its_promise_is_named(call: Any) -> None:
    env = hold(Careless())
    with pytest.raises(BrokenPromiseError, match="probe_constant"):
        call(env, env.tasks("test")[0])
