from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from collm.engines.http.asking import Asked


def test_all_calls_run_together_and_answer_in_order() -> None:
    meeting = threading.Barrier(8)

    def call(number: int) -> int:
        meeting.wait(30)
        return number

    asked = Asked([partial(call, number) for number in range(8)], 8)
    assert asked.result() == asked.result() == list(range(8))


def test_no_more_than_so_many_are_under_way() -> None:
    now, most, lock = [0], [0], threading.Lock()

    def call() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    Asked([call] * 20, 3).result()
    assert most[0] == 3


def test_a_failure_ends_those_that_have_not_begun() -> None:
    begun = []

    def call(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        if number == 0:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Asked([partial(call, number) for number in range(100)], 2).result()
    time.sleep(0.3)
    assert len(begun) < 20


def test_nothing_to_ask_is_answered() -> None:
    assert Asked([], 4).result() == []
