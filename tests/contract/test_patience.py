"""A call is waited for only so long; threads are used again, and abandoned ones are bounded."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from collm.contract.patience import HangingError, Patience, within


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hanging calls wait for; it opens after the test."""
    event = threading.Event()
    yield event
    event.set()


def test_what_a_call_returns_or_raises_comes_back() -> None:
    patience = Patience()
    assert patience.within(60, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        patience.within(60, lambda: 1 // 0)
    with pytest.raises(KeyboardInterrupt):
        patience.within(60, lambda: exec("raise KeyboardInterrupt"))


def test_a_timeout_of_the_calls_own_is_no_hanging() -> None:
    def call() -> None:
        raise TimeoutError("the server")

    with pytest.raises(TimeoutError, match="the server"):
        Patience().within(60, call)


def test_one_thread_serves_call_after_call() -> None:
    patience = Patience()
    assert len({patience.within(60, threading.get_ident) for _ in range(200)}) == 1


def test_callers_side_by_side_get_a_thread_each_and_no_more() -> None:
    patience, barrier = Patience(), threading.Barrier(4)

    def call(number: int) -> int:
        barrier.wait(60)
        return threading.get_ident()

    with ThreadPoolExecutor(4) as callers:
        used = list(callers.map(lambda number: patience.within(60, lambda: call(number)), range(40)))
    assert len(set(used)) == 4


def test_what_hangs_is_left_behind_and_the_next_call_runs(gate: threading.Event) -> None:
    patience = Patience()
    with pytest.raises(HangingError, match=r"took longer than 0\.05 s"):
        patience.within(0.05, gate.wait)
    assert patience.within(60, lambda: "next") == "next"


def test_few_calls_may_hang_until_one_of_them_ends(gate: threading.Event) -> None:
    patience, ran = Patience(most_hanging=2), threading.Event()
    for _ in range(2):
        with pytest.raises(HangingError, match="took longer"):
            patience.within(0.01, gate.wait)
    with pytest.raises(HangingError, match="was not tried, since 2 earlier calls still hang"):
        patience.within(0.01, ran.set)
    assert not ran.is_set()
    gate.set()
    for _ in range(1000):
        try:
            patience.within(60, ran.set)
            break
        except HangingError:
            threading.Event().wait(0.01)
    assert ran.is_set()


def test_without_a_limit_the_call_runs_where_it_stands() -> None:
    assert within(None, threading.get_ident) == threading.get_ident()
    assert within(60, threading.get_ident) != threading.get_ident()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_starts_threads_of_its_own() -> None:
    assert within(60, lambda: 1) == 1  # leaves an idle thread, which no child has
    child = os.fork()
    if child == 0:
        os._exit(within(5, lambda: 3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
