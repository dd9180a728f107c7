from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from collm.errors import InfrastructureError
from collm.sandbox import Limits, Program, SandboxConfig, Step, TestResult, grade, grade_many, guards
from collm.sandbox.pool import Pool, shared_pool
from tests.sandbox.families import family

CONFIG = SandboxConfig(slots=2, limits=Limits(test_seconds=1, total_seconds=5))


def judged(
    code: str, *tests: str, preamble: str = "", config: SandboxConfig = CONFIG
) -> tuple[TestResult, ...]:
    steps = tuple(Step(test) for test in tests)
    return grade(Program(code, "f", steps, preamble), config).results


def outcomes(code: str, *tests: str) -> list[str]:
    return [result.outcome for result in judged(code, *tests)]


def test_each_test_is_judged_by_itself() -> None:
    code = "def f(x):\n    return [1, 0][x]"
    assert outcomes(
        code, "assert candidate(0) == 1", "assert candidate(1) == 1", "assert candidate(2) == 1"
    ) == [
        "passed",
        "failed",
        "failed",
    ]


def test_failures_say_why() -> None:
    (raised, unequal) = judged(
        "def f(x):\n    return {}[x]", "assert candidate('k') == 1", "assert 1 == 2, 'so'"
    )
    assert (raised.error, raised.message) == ("KeyError", "'k'")
    assert (unequal.error, unequal.message) == ("AssertionError", "so")


@pytest.mark.parametrize(
    ("code", "error"),
    [("def f(x:", "SyntaxError"), ("import nothing", "ModuleNotFoundError"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_program_that_does_not_load_fails_every_test(code: str, error: str) -> None:
    verdict = grade(Program(code, "f", (Step("assert candidate(1)"),) * 2), CONFIG)
    assert not verdict.loaded
    assert [result.error for result in verdict.results] == [error, error]


def test_a_program_without_tests_passes_nothing() -> None:
    verdict = grade(Program("def f(): return 1", "f", ()), CONFIG)
    assert verdict.results == ()
    assert not verdict.all_passed


def test_honest_programs_may_use_the_standard_library_threads_and_their_folder() -> None:
    code = """
import asyncio, collections, concurrent.futures, csv, decimal, hashlib, zoneinfo
def f(x):
    with open("notes", "w") as file:
        file.write("kept")
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        total = sum(threads.map(lambda n: n * n, range(x)))
    async def later():
        await asyncio.sleep(0)
        return open("notes").read()
    return total, asyncio.run(later()), hashlib.sha256(b"").hexdigest()[:4]
"""
    assert outcomes(code, "assert candidate(4) == (14, 'kept', 'e3b0')") == ["passed"]


def test_state_lasts_from_test_to_test_but_not_from_program_to_program() -> None:
    code = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert outcomes(code, "assert candidate(0) == 1", "assert candidate(0) == 2") == ["passed", "passed"]
    assert outcomes(code, "assert candidate(0) == 1") == ["passed"]


def test_nothing_is_left_for_the_next_program() -> None:
    config = SandboxConfig(slots=1, limits=CONFIG.limits)
    for name in ("mine", "../beside"):
        code = f"def f(x):\n    open({name!r}, 'w').write('x')\n    return 1"
        judged(code, "candidate(1)", config=config)
        code = "import os\ndef f(x):\n    return os.listdir('.'), os.path.exists('../beside')"
        assert judged(code, "assert candidate(1) == ([], False)", config=config)[0].passed
    shared_pool(config).close()


def test_a_break_costs_one_test_and_the_others_go_on() -> None:
    code = "import os\ndef f(x):\n    if x == 1: os._exit(0)\n    while x == 2: pass\n    return x"
    tests = [f"assert candidate({n}) == {n}" for n in range(4)]
    assert outcomes(code, *tests) == ["passed", "crashed", "timeout", "passed"]


def test_after_too_many_breaks_the_others_are_skipped() -> None:
    tests = ["assert candidate(0)"] * 5
    assert outcomes("import os\ndef f(x): os._exit(0)", *tests) == ["crashed"] * 3 + ["skipped"] * 2


def test_the_total_time_is_bounded() -> None:
    config = SandboxConfig(slots=1, limits=Limits(test_seconds=1, total_seconds=0.6, max_breaks=9))
    code = "import time\ndef f(x):\n    time.sleep(0.25)\n    return x"
    started = time.monotonic()
    results = judged(code, *["assert candidate(1) == 1"] * 6, config=config)
    shared_pool(config).close()
    assert time.monotonic() - started < 4
    assert results[0].outcome == "passed"
    assert results[-1].outcome == "skipped"


def test_preparations_run_in_order_and_their_failure_fails_what_follows() -> None:
    steps = (
        Step("assert candidate(1) == 2"),
        Step("value = candidate(1)", is_test=False),
        Step("assert value == 2"),
        Step("other = candidate(None)", is_test=False),
        Step("assert value == 2"),
    )
    results = grade(Program("def f(x): return x + 1", "f", steps), CONFIG).results
    assert [result.outcome for result in results] == ["passed", "passed", "failed"]
    assert results[2].error == "TypeError"


def test_the_preamble_is_the_tests_own() -> None:
    preamble = "import math\ndef helper(x): return math.floor(x)"
    assert judged("def f(x): return x", "assert helper(candidate(2.5)) == 2", preamble=preamble)[0].passed
    assert not judged("def f(x): return helper(x)", "assert candidate(1) == 1", preamble=preamble)[0].passed


def test_a_broken_preamble_is_nobodys_zero() -> None:
    with pytest.raises(InfrastructureError, match="no_such_module"):
        judged("def f(x): return x", "assert candidate(1) == 1", preamble="import no_such_module")


def test_only_calls_marked_in_place_change_their_arguments() -> None:
    code = "def f(x):\n    x.sort()\n    return x"
    plain = ["data = [2, 1]", "assert candidate(data) == [1, 2] and data == [2, 1]"]
    marked = ["data = [2, 1]", "__in_place__(data)\nassert data == [1, 2]"]
    assert outcomes(code, "\n".join(plain)) == ["passed"]
    assert outcomes(code, "\n".join(marked)) == ["passed"]


def test_exceptions_arrive_under_their_built_in_base() -> None:
    code = "class Odd(ValueError): pass\ndef f(x): raise Odd('no')"
    test = "try:\n    candidate(1)\n    assert 0\nexcept ValueError as error:\n    assert str(error) == 'no'"
    assert outcomes(code, test) == ["passed"]


def test_results_that_cannot_pass_fail_even_where_the_test_catches_all() -> None:
    test = "try:\n    candidate(1)\nexcept:\n    pass"
    (result,) = judged("def f(x): return object()", test)
    assert not result.passed
    assert "type object" in result.message


def test_stop_iteration_does_not_cut_a_loop_of_the_test_short() -> None:
    assert outcomes("def f(x): raise StopIteration", "assert all(map(candidate, [1, 2]))") == ["failed"]


def test_a_test_that_never_ends_times_out_in_python_and_in_c() -> None:
    hang = SandboxConfig(slots=1, limits=Limits(test_seconds=0.3, total_seconds=5))
    results = judged("def f(x): return x", "while candidate(1): pass", "sum(range(10 ** 12))", config=hang)
    assert [result.outcome for result in results] == ["timeout", "timeout"]
    assert judged("def f(x): return x", "assert candidate(1) == 1", config=hang)[0].passed
    shared_pool(hang).close()


def test_randomness_is_the_same_every_time() -> None:
    code = "import random\ndef f(x): return [random.random(), hash('text')]"
    show = "assert candidate(1) == 0, str(candidate(1))"
    assert len({judged(code, show)[0].message for _ in range(3)}) == 1


def test_many_programs_come_back_in_order() -> None:
    programs = [
        Program(f"def f(x): return {n % 3}", "f", (Step("assert candidate(0) == 0"),)) for n in range(30)
    ]
    assert [v.all_passed for v in grade_many(programs, CONFIG)] == [n % 3 == 0 for n in range(30)]


def test_a_slow_program_costs_its_own_slot_alone() -> None:
    slow = Program("def f(x):\n    while True: pass", "f", (Step("assert candidate(0)"),) * 3)
    quick = Program("def f(x): return 1", "f", (Step("assert candidate(0)"),))
    grade_many([quick] * 2, CONFIG)
    slow_thread = threading.Thread(target=grade, args=(slow, CONFIG))
    slow_thread.start()
    started = time.monotonic()
    assert all(grade(quick, CONFIG).all_passed for _ in range(5))
    assert time.monotonic() - started < 2.5
    assert slow_thread.is_alive()
    slow_thread.join()


def test_one_line_says_what_is_guarded(caplog: pytest.LogCaptureFixture) -> None:
    config = SandboxConfig(slots=1, without=frozenset({"seccomp"}))
    with caplog.at_level(logging.INFO, "collm.sandbox"):
        judged("def f(x): return 1", "assert candidate(1) == 1", config=config)
        line = guards(config)
    shared_pool(config).close()
    assert "\n" not in line
    assert "judged apart" in line
    assert "missing on this machine: system-call filter" in line
    assert [record.message for record in caplog.records] == [line]


def test_whoever_asks_for_the_line_is_not_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    config = SandboxConfig(slots=1, without=frozenset({"seccomp", "mounts"}))
    with caplog.at_level(logging.INFO, "collm.sandbox"):
        guards(config)
        judged("def f(x): return 1", "assert candidate(1) == 1", config=config)
    shared_pool(config).close()
    assert caplog.records == []


def test_slots_do_not_count_each_others_threads() -> None:
    """The kernel counts them by user, so that one program could take all that another may start."""
    users = []
    for _ in range(2):
        pool = Pool(SandboxConfig(slots=1))
        if "unprivileged user" not in pool.guards():
            pool.close()
            pytest.skip("slots become other users only where the trainer is root")
        code = "import os\ndef f(x): return os.getuid()"
        verdict = pool.grade(Program(code, "f", (Step("assert 0, candidate(1)"),)))
        users.append(verdict.results[0].message)
        pool.close()
    assert len({"0", *users}) == 3


def test_equal_configurations_share_a_pool() -> None:
    assert shared_pool(SandboxConfig(slots=2, limits=CONFIG.limits)) is shared_pool(CONFIG)


def test_a_slot_that_was_killed_is_replaced() -> None:
    pool = Pool(SandboxConfig(slots=1, limits=CONFIG.limits))
    program = Program("def f(x): return 1", "f", (Step("assert candidate(0)"),))
    assert pool.grade(program).all_passed
    (slot,) = pool._open
    slot._process.kill()
    time.sleep(0.3)
    assert pool.grade(program).all_passed
    pool.close()


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")

TRAINER = """
import json, sys, time
from collm.sandbox import Limits, Program, SandboxConfig, Step, grade
from collm.sandbox.pool import shared_pool
config = SandboxConfig(slots=1, limits=Limits(test_seconds=30), without=frozenset(json.loads(sys.argv[1])))
pool = shared_pool(config)
pool.guards()
print(next(iter(pool._open))._launch.folder, flush=True)
grade(Program("import time\\ndef f(x):\\n    while True: pass", "f", (Step("candidate(1)"),)), config)
"""


@needs_proc
@pytest.mark.parametrize(
    "without", [[], ["namespaces", "mounts", "landlock", "seccomp"]], ids=["full", "bare"]
)
def test_nothing_is_left_when_the_trainer_is_killed(without: list[str]) -> None:
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER, json.dumps(without)], stdout=subprocess.PIPE, text=True
    )
    assert trainer.stdout is not None
    folder = trainer.stdout.readline().strip()
    time.sleep(0.3)
    assert len(family(folder)) >= 4
    os.kill(trainer.pid, signal.SIGKILL)
    trainer.wait()
    deadline = time.monotonic() + 10
    while (family(folder) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert family(folder) == []
    assert not Path(folder).exists()


@needs_proc
def test_nothing_is_left_when_a_pool_closes() -> None:
    pool = Pool(CONFIG)
    pool.grade_many([Program("def f(x): return 1", "f", (Step("assert candidate(0)"),))] * 4)
    folders = [str(slot._launch.folder) for slot in pool._open]
    assert all(len(family(folder)) >= 2 for folder in folders)
    pool.close()
    assert [family(folder) for folder in folders] == [[]] * len(folders)
    assert not any(Path(folder).exists() for folder in folders)


def test_a_closed_pool_opens_again() -> None:
    pool = Pool(CONFIG)
    program = Program("def f(x): return 1", "f", (Step("assert candidate(0)"),))
    for _ in range(2):
        assert pool.grade(program).all_passed
        pool.close()


def test_messages_fit_into_a_prompt() -> None:
    (result,) = judged("def f(x): raise ValueError('a\\n\\n[end]\\udc80' * 99)", "assert candidate(1)")
    assert result.message.startswith("a [end]?a [end]?")
    assert result.message.encode()


def test_a_forked_child_gets_a_pool_of_its_own() -> None:
    program = Program("def f(x): return 1", "f", (Step("assert candidate(0)"),))
    assert grade(program, CONFIG).all_passed
    mine = shared_pool(CONFIG)
    child = os.fork()
    if child == 0:
        os._exit(0 if shared_pool(CONFIG) is not mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert grade(program, CONFIG).all_passed
