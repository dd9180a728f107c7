from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

from collm.contract.check_env import check_env
from collm.env import make_env
from collm.envs.ledger import LETTERS, Ledger, LedgerTask, secret_bits
from collm.errors import CollmError

SAID = "A0"  # odd and even codes: 0 and 1


def play(env: Ledger, task: LedgerTask, right: list[tuple[int, int]]) -> list[float]:
    """Rewards of an episode in which the agents are right where a one stands."""
    state, rewards = env.reset(task, seed=0), []
    for turn, pair in enumerate(right):
        replies = {
            agent: SAID[1 - (secret_bits(env.secret, agent)[letter] ^ good)]
            for agent, letter, good in zip(env.agents, task.letters[turn], pair, strict=True)
        }
        transition = env.step(state, replies)
        state = transition.state
        rewards.append(transition.reward)
    assert transition.terminated
    return rewards


@pytest.mark.parametrize(
    "settings",
    [{}, {"pay": "end", "num_turns": 8, "fog": 0.5}, {"both": True, "num_turns": 3, "fresh": True}],
    ids=["dense", "fog", "fresh"],
)
def test_it_keeps_the_contract(settings: dict[str, Any]) -> None:
    env = make_env({"type": "ledger", **settings})
    check_env(env, tasks_per_split=8)


@pytest.mark.parametrize(
    ("settings", "rewards"),
    [
        ({"pay": "each"}, [1.0, 0.5, 1.0]),
        ({"pay": "end"}, [0, 0, 2.5]),
        ({"pay": "each", "both": True}, [1, 0, 1]),
        ({"pay": "end", "both": True}, [0, 0, 2]),
    ],
    ids=["each", "end", "each, both", "end, both"],
)
def test_pay_comes_when_the_settings_say(settings: dict[str, Any], rewards: list[float]) -> None:
    env = Ledger(num_turns=3, **settings)
    assert play(env, env.tasks("train")[5], [(1, 1), (0, 1), (1, 1)]) == rewards


@pytest.mark.parametrize(("marks", "sign"), [((0, 0), -1), ((1, 1), 1), ((0, 1), 0), ((1, 0), 0)])
def test_fog_is_half_of_each_mark(marks: tuple[int, int], sign: int) -> None:
    env = Ledger(num_turns=2, pay="end", fog=0.5)
    task = LedgerTask("one", ((3, 4), (3, 4)), marks)
    assert play(env, task, [(1, 1), (1, 1)]) == [0, 2 + sign]
    shown = {agent: seen.text for agent, seen in env.observe(env.reset(task, 0)).items()}
    assert shown == {"X": "D" + "<>"[marks[0]], "Y": "E" + "<>"[marks[1]]}


def test_an_agent_hears_whether_it_was_right() -> None:
    env = Ledger()
    task = env.tasks("train")[0]
    state = env.reset(task, 0)
    assert env.observe(state)["X"].text == "A"
    bit = secret_bits(0, "X")[0]
    after = {said: env.observe(env.step(state, {"X": said, "Y": ""}).state)["X"].text for said in SAID}
    assert after == {SAID[bit]: "A+", SAID[1 - bit]: "A-"}


def test_sixteen_tasks_hold_every_letter_once_and_sixty_four_cancel_the_fog() -> None:
    tasks = Ledger(num_turns=2, pay="end", fog=1.0).tasks("test")
    assert len(tasks) == len({(task.letters, task.marks) for task in tasks}) == 1024
    for start in range(0, 64, 16):
        pairs = [task.letters[0] for task in tasks[start : start + 16]]
        assert {one for one, _ in pairs} == {other for _, other in pairs} == set(range(16))
    assert sum(sum(task.marks) - 1 for task in tasks[:64]) == 0


def test_letters_stay_unless_they_are_fresh() -> None:
    assert all(len(set(task.letters)) == 1 for task in Ledger(num_turns=8).tasks("train"))
    assert any(len(set(task.letters)) > 4 for task in Ledger(num_turns=8, fresh=True).tasks("train"))


def test_secrets_are_even_and_their_own() -> None:
    found = {secret_bits(secret, agent) for secret, agent in product(range(20), ("X", "Y"))}
    assert len(found) > 35
    assert {Counter(bits)[1] for bits in found} == {len(LETTERS) // 2}


@pytest.mark.parametrize(
    "row",
    [{}, {"letters": "AB"}, {"letters": [[0, 16]]}, {"letters": [[0, 1]], "marks": [0, 2]},
     {"letters": [[0, 1], [0, 1], [0, 1]]}, {"letters": [[0, "1"]]}],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(CollmError, match=r"row\.(letters|marks)"):
        Ledger().parse_task(row, "row")


def test_a_row_is_a_task() -> None:
    task = Ledger().parse_task({"letters": [[3, 5]], "marks": [1, 0]}, "row 1")
    assert task == LedgerTask("row 1", ((3, 5), (3, 5)), (1, 0))
