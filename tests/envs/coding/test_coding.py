from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.contract.check_env import check_env
from collm.env import Transition, make_env
from collm.envs.coding.coding import Coding, CodingState
from collm.envs.coding.embedded import embedded_problems, reference_solutions
from collm.envs.coding.problem import Problem
from collm.envs.coding.prompts import UNREADABLE
from collm.errors import CollmError, InfrastructureError

ROW = {
    "task_id": "double",
    "prompt": 'def double(n):\n    """Return twice n."""\n',
    "test": "def check(candidate):\n"
    + "\n".join(f"    assert candidate({n}) == {2 * n}" for n in range(5))
    + "\n",
    "entry_point": "double",
}
AUX = "def aux(n):\n    return n + n"
BEST = "def double(n):\n    twice = aux(n)\n    if twice < 0:\n        return twice\n    return twice"
QUICK = {"limits": {"max_breaks": 1}, "slots": 2}
HUMAN_EVAL = Path(__file__).parents[4] / "shared" / "data" / "HumanEval.jsonl.gz"


def env(**config: Any) -> Coding:
    made = make_env({"type": "coding", "sandbox": QUICK, **config})
    assert isinstance(made, Coding)
    return made


def play(main: str, aux: str = AUX, row: Mapping[str, Any] = ROW, **config: Any) -> Transition[CodingState]:
    coding = env(**config)
    replies = {"aux": aux, "main": main} if coding.num_agents == 2 else {"main": main}
    return coding.step(coding.reset(coding.parse_task(row, "row"), 0), replies)


HALF_RIGHT = "def double(n):\n    y = aux(n)\n    return y if n < 2 else 0"

LADDER = [
    ("nothing", "", "", 0.0),
    ("aux alone", "", AUX, 0.4),
    ("main alone does not parse", "def double(n):\n    return n +", "", 0.6),
    ("both, does not parse", "def double(n):\n    return n +", AUX, 1.0),
    ("parses, nothing passes", "def double(n):\n    y = aux(n)\n    return -1 - y", AUX, 1.5),
    ("parses, two fifths pass", HALF_RIGHT.replace("aux(n)", "n + n"), AUX, 1.5 + 0.4),
    ("uses aux, two fifths pass", HALF_RIGHT, AUX, 3.0 + 0.4),
    ("wrapper", "def double(n):\n    return aux(n)", AUX, 1.5 + 1.0 + 0.5),
    ("all without aux", "def double(n):\n    return 2 * n", AUX, 2.5),
    ("all without an aux there is", "def double(n):\n    return 2 * n", "", 2.1),
    ("best", BEST, AUX, 4.0),
    ("aux without return", "def double(n):\n    return 2 * n", "def aux(n):\n    pass", 2.1),
    ("main without return", "def double(n):\n    print(n)", AUX, 0.4),
]


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize(("main", "aux", "reward"), [case[1:] for case in LADDER], ids=[c[0] for c in LADDER])
def test_the_reward_ladder(main: str, aux: str, reward: float, variant: str) -> None:
    transition = play(main, aux, variant=variant)
    assert transition.reward == pytest.approx(reward)
    assert sum(transition.components.values()) == pytest.approx(reward)


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_the_best_of_a_single_agent(variant: str) -> None:
    transition = play("def double(n):\n    return 2 * n", num_agents=1, variant=variant)
    assert transition.reward == pytest.approx(2.1)
    coding = env(num_agents=1, variant=variant)
    assert (coding.agents, coding.reward_range) == (("main",), (0.0, 2.1))
    assert coding.processed(2.1) == pytest.approx(0)


IGNORING = "def double(n):\n    aux(n)\n    if n:\n        return 2 * n\n    return 0"
MENTIONING = "def double(n):\n    # aux(n) could help\n    y = n + n\n    return y"


def test_the_readings_differ_on_cooperation() -> None:
    assert play(IGNORING).reward == pytest.approx(3.5)
    assert play(IGNORING, variant="reference").reward == pytest.approx(4.0)
    assert play(MENTIONING).reward == pytest.approx(2.5)
    assert play(MENTIONING, variant="reference").reward == pytest.approx(4.0)


def test_the_readings_differ_on_valid_code() -> None:
    nested = "N = 2\ndef double(n):\n    def times(k):\n        return k * aux(n) // 2\n    return times(N)"
    assert play(nested).reward == pytest.approx(4.0)
    assert play(nested, variant="reference").reward < 2


def test_components_and_metrics_tell_the_steps() -> None:
    transition = play(HALF_RIGHT)
    assert transition.components == pytest.approx(
        {
            "aux_defined": 0.4,
            "main_defined": 0.6,
            "syntax": 0.5,
            "tests": 0.4,
            "aux_used": 0.5,
            "substance": 1.0,
            "aux_ignored": 0.0,
        }
    )
    assert transition.metrics == pytest.approx(
        {
            "tests_passed": 2,
            "tests_total": 5,
            "pass_rate": 0.4,
            "passed_all": 0,
            "timeouts": 0,
            "syntax_valid_rate": 1,
            "definition_reward": 1.0,
            "syntax_reward": 0.5,
            "execution_reward": 0.4,
            "bonus_reward": 1.5,
            "collab_aux_usage": 1,
            "collab_non_wrapper": 1,
            "collab_ignored_aux_call_penalty": 0,
        }
    )
    assert play(BEST).metrics["passed_all"] == 1


def test_time_outs_are_counted() -> None:
    hang = "def double(n):\n    while n == 1: pass\n    return aux(n)"
    transition = play(hang, test_seconds=0.5, sandbox={"limits": {"max_breaks": 3}, "slots": 2})
    assert transition.metrics["timeouts"] == 1
    assert transition.metrics["tests_passed"] == 4


@pytest.mark.parametrize(
    ("main", "ends"),
    [
        (BEST, True),
        (HALF_RIGHT, False),
        (IGNORING, False),
        ("def double(n):\n    return aux(n)", False),
        ("def double(n):\n    return 2 * n", False),
    ],
)
def test_the_papers_episode_ends_early_when_all_pass_and_aux_is_used(main: str, ends: bool) -> None:
    coding = env()
    assert coding.termination_threshold is None
    assert play(main).terminated is ends


def test_the_references_episode_ends_early_above_its_threshold() -> None:
    coding = env(variant="reference")
    assert not play(BEST, variant="reference").terminated
    assert (coding.reward_shift, coding.termination_threshold) == (-4.0, -0.2)
    assert coding.ends_early([coding.processed(3.9)])
    assert not coding.ends_early([coding.processed(3.8 - 1e-9)])
    alone = env(variant="reference", num_agents=1)
    assert (alone.num_turns, alone.reward_shift, alone.termination_threshold) == (1, -2.1, -0.1)


def test_settings_that_are_given_stand() -> None:
    coding = env(reward_shift=0.0, termination_threshold=-1.0, num_turns=3)
    assert (coding.reward_shift, coding.termination_threshold, coding.num_turns) == (0.0, -1.0, 3)


def test_an_episode_ends_at_its_last_turn() -> None:
    coding = env()
    state = coding.reset(coding.parse_task(ROW, "row"), 0)
    first = coding.step(state, {"aux": AUX, "main": HALF_RIGHT})
    second = coding.step(first.state, {"aux": AUX, "main": HALF_RIGHT})
    assert (first.terminated, second.terminated) == (False, True)
    assert coding.global_information(1, first.reward).endswith("Your last-turn reward is 3.40 / 4.")


def test_a_task_without_tests_stops_at_one_and_a_half() -> None:
    row = {**ROW, "test": "def check(candidate):\n    pass\n"}
    assert play(BEST, row=row, variant="reference").reward == pytest.approx(1.5)
    coding = env()
    state = coding.reset(Problem("double", ROW["prompt"], row["test"], "double"), 0)
    assert coding.step(state, {"aux": AUX, "main": BEST}).reward == pytest.approx(1.5)


UNABLE_TO_JUDGE = {
    "empty check": "def check(candidate):\n    pass\n",
    "no check": "x = 1\n",
    "comparison returned": "def check(candidate):\n    return candidate(2) == 4\n",
    "comparison returned by a helper": "def same(a, b):\n    return a == b\n\n"
    "def check(candidate):\n    return same(candidate(2), 4)\n",
    "helper that says nothing": "def same(a, b):\n    return a == b\n\n"
    "def check(candidate):\n    same(candidate(2), 4)\n",
    "unittest": "import unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n"
    "        self.assertEqual(double(2), 4)\n",
}


@pytest.mark.parametrize("name", UNABLE_TO_JUDGE)
def test_a_row_whose_tests_cannot_judge_is_refused(name: str) -> None:
    row = {**ROW, "test": UNABLE_TO_JUDGE[name]}
    with pytest.raises(CollmError, match=r"^data.json\[3\].test: nothing in it .* mend it: write def check"):
        env().parse_task(row, "data.json[3]")
    assert env(variant="reference").parse_task(row, "row").id == "double"


def test_a_long_test_is_read() -> None:
    lines = [f"    assert candidate({n}) == {2 * n}" for n in range(1000)]
    coding = env()
    task = coding.parse_task({**ROW, "test": "\n".join(["def check(candidate):", *lines])}, "row")
    assert len(task.test) > 20_000
    transition = coding.step(coding.reset(task, 0), {"aux": AUX, "main": BEST})
    assert transition.metrics["tests_passed"] == 1000


def test_prompt_helpers_are_at_hand() -> None:
    row = {**ROW, "prompt": "import math\n\ndef half(n):\n    return n / 2\n\n" + ROW["prompt"]}
    main = "def double(n):\n    y = aux(half(n))\n    return math.floor(2 * y)"
    assert play(main, row=row).reward == pytest.approx(4.0)
    assert play(main, row=row, variant="reference").reward == pytest.approx(1.5)


def test_a_sandbox_that_fails_is_nobodys_zero() -> None:
    broken = {"backend": "container", "engine": "no-such-engine", "slots": 1}
    with pytest.raises(InfrastructureError, match="does not start"):
        play(BEST, sandbox=broken)


def _observed(first: tuple[str, str], **config: Any) -> dict[str, str]:
    coding = env(**config)
    state = coding.step(
        coding.reset(coding.parse_task(ROW, "row"), 0), {"aux": first[0], "main": first[1]}
    ).state
    return {agent: observation.text for agent, observation in coding.observe(state).items()}


def test_the_papers_level_feedback() -> None:
    seen = _observed((AUX, "def double(n):\n    y = aux(n)\n    return y if n < 4 else 7"))
    assert seen["main"] == (
        "Static and execution diagnostics:\n"
        "- Main definition: FOUND (Main function double defined)\n"
        "- Aux definition: FOUND (Aux function defined)\n"
        "- Syntax: OK (Combined code syntax OK)\n"
        "- Tests: 4/5 passed\n"
        "- assert candidate(4) == 8\n"
        "  AssertionError: expected 8, got 7\n"
        "- Aux usage: main calls aux and uses its result\n"
        "\n"
        "Revise your double accordingly."
    )
    assert seen["aux"].splitlines()[1:3] == [
        "- Aux definition: FOUND (Aux function defined)",
        "- Main definition: FOUND (Main function double defined)",
    ]
    assert seen["aux"].endswith("\n\nRevise your aux accordingly.")


def test_the_references_level_feedback_repeats_everything_inside_the_first_template() -> None:
    main = "def double(n):\n    aux(n)\n    return 1"
    seen = _observed((AUX, main), variant="reference")
    coding = env(variant="reference")
    prompts = {a: o.text for a, o in coding.observe(coding.reset(coding.parse_task(ROW, "row"), 0)).items()}
    assert (
        "Problem:\nHistory: previous prompts:\n"
        f"- Turn 1 prompt:\n{prompts['main']}\n"
        "\n"
        "History: your previous main responses:\n"
        f"- Turn 1 response:\n{main}\n"
        "\n"
        "Static and execution diagnostics:\n"
        "- Main definition: FOUND (Main function (double) properly defined with return statement)\n"
        "- Aux definition: FOUND (Aux function properly defined with return statement)\n"
        "- Syntax: OK (Combined code syntax OK)\n"
        "- Tests: 0/1 passed\n"
        "  Failed case: assert double(0) == 0 -> AssertionError: \n"
        "- Aux usage: called but misused (Line 2: standalone call (not assigned))\n"
        "\n"
        "Revise your double(...) accordingly. Output ONLY the function code with no extra text.\n"
    ) in seen["main"]
    assert seen["main"].startswith("Solve this coding problem")
    assert seen["main"].endswith("def double(n):\n # your function code here\nreturn result\n")
    assert "History: your previous aux(...) responses:" in seen["aux"]


@pytest.mark.parametrize(
    ("main", "line"),
    [
        ("", "- Main definition: MISSING (Main function double not defined)"),
        (
            "def double(n):\n    n + 1",
            "- Main definition: MISSING (Main function double missing return statement)",
        ),
        (
            "def double(n):\n    return n +",
            "- Syntax: ERROR (Combined code has syntax error: invalid syntax)",
        ),
        ("def double(n):\n    return n +", "  SyntaxError at line 5, col 15: invalid syntax"),
        ("def double(n):\n    return n +", "  SyntaxError: invalid syntax"),
        ("", "  NameError: name 'double' is not defined"),
        ("def double(n):\n    return n", "- Aux usage: main does NOT call aux"),
        ("def double(n):\n    return aux(n)", "- Warning: main appears to be a thin wrapper over aux"),
    ],
)
def test_lines_of_level_feedback(main: str, line: str) -> None:
    assert line in _observed((AUX, main))["main"].splitlines()


def test_feedback_says_when_there_are_no_tests() -> None:
    coding = env()
    task = Problem("double", ROW["prompt"], "def check(candidate):\n    pass\n", "double")
    state = coding.step(coding.reset(task, 0), {"aux": AUX, "main": BEST}).state
    assert "- Tests: no test cases found" in coding.observe(state)["main"].text


WRONG = "def double(n):\n    y = aux(n)\n    return 0"


@pytest.mark.parametrize(
    ("mode", "main", "expected"),
    [
        ("plain", WRONG, "Revise your double(...) accordingly. Output ONLY the function code."),
        (
            "passed",
            HALF_RIGHT,
            "Signal: Not all levels passed\n\nRevise your double(...) if needed. Output ONLY",
        ),
        ("passed", BEST.replace("twice = aux", "twice = 2 *"), "Signal: All levels passed"),
        (
            "level_passed",
            HALF_RIGHT,
            "- Implementation: OK\n- Syntax: Syntax correct\n- Tests: Passed 2/5 tests",
        ),
        ("level_passed", HALF_RIGHT, "- Aux usage: Aux call present and used"),
        (
            "level_passed",
            "def double(n):\n    return -1",
            "- Tests: No tests passed\n- Aux usage: Main does not call",
        ),
        ("level_passed", "def double(n):\n    return 2 * n", "- Tests: Passed all tests"),
        ("level_passed", IGNORING, "- Aux usage: Aux called but result not used properly"),
        ("level_passed", "", "- Implementation: No implementation found in required structure"),
        ("level_passed", "", "- Aux usage: Main missing; cannot check aux usage"),
        ("level_passed", "def double(n):\n    return (", "- Syntax: Syntax not correct"),
    ],
)
def test_the_other_modes(mode: str, main: str, expected: str) -> None:
    assert expected in _observed((AUX, main), feedback=mode)["main"]


@pytest.mark.parametrize("mode", ["level_passed", "passed", "plain"])
def test_the_reference_shows_the_last_implementation(mode: str) -> None:
    seen = _observed((AUX, f"Well:\n{WRONG}\nDone."), feedback=mode, variant="reference")
    assert f"Your previous main implementation:\n{WRONG}\n\n" in seen["main"]
    assert f"Your previous aux(...) implementation:\n{AUX}\n\n" in seen["aux"]
    lost = _observed(("", "no code"), feedback=mode, variant="reference")
    assert lost == {"aux": UNREADABLE, "main": UNREADABLE}


@pytest.mark.parametrize(("count", "shown"), [(0, "0/5"), (2, "0/2"), (-1, "0/1"), (9, "0/5")])
def test_feedback_may_speak_of_some_tests_only(count: int, shown: str) -> None:
    seen = _observed((AUX, "def double(n):\n    return -1"), feedback_tests=count)["main"]
    assert f"- Tests: {shown} passed" in seen
    assert ("candidate(4)" in seen) is (count != 2)


def test_a_single_agent_hears_nothing_of_aux() -> None:
    coding = env(num_agents=1, num_turns=2)
    state = coding.step(
        coding.reset(coding.parse_task(ROW, "row"), 0), {"main": "def double(n): return 0"}
    ).state
    assert "ux" not in coding.observe(state)["main"].text


def test_raw_prompts_follow_the_reading() -> None:
    task = env().parse_task(ROW, "row")
    for coding, raw in ((env(), False), (env(variant="reference"), True), (env(raw_prompts=True), True)):
        assert all(o.raw is raw for o in coding.observe(coding.reset(task, 0)).values())


@pytest.mark.parametrize(
    "config", [{}, {"variant": "reference"}, {"num_agents": 1}, {"feedback": "level_passed"}]
)
def test_the_contract_holds(config: dict[str, Any]) -> None:
    check_env(env(**config), tasks_per_split=1)


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_every_embedded_problem_has_a_solution(variant: str) -> None:
    coding = env(variant=variant)
    problems = [*embedded_problems("train"), *embedded_problems("test")]
    assert len(problems) >= 40
    assert {problem.id for problem in problems} == set(reference_solutions())

    def solve(problem: Problem) -> Transition[CodingState]:
        return coding.step(coding.reset(problem, 0), reference_solutions()[problem.id])

    with ThreadPoolExecutor(2) as threads:
        for problem, transition in zip(problems, threads.map(solve, problems), strict=True):
            assert transition.reward == pytest.approx(4.0), problem.id
            assert transition.metrics["tests_total"] >= 5, problem.id


def test_embedded_problems_are_refused_without_their_solution() -> None:
    coding = env()
    problems = embedded_problems("test")
    for problem, other in pairwise(problems[:5]):
        stolen = reference_solutions()[other.id]
        assert coding.step(coding.reset(problem, 0), stolen).metrics["tests_passed"] == 0


@pytest.mark.skipif(not HUMAN_EVAL.is_file(), reason="needs ../shared/data/HumanEval.jsonl.gz")
def test_every_canonical_solution_of_human_eval_passes() -> None:
    coding = env(num_agents=1, dataset=str(HUMAN_EVAL))
    with gzip.open(HUMAN_EVAL, "rt") as file:
        rows = [json.loads(line) for line in file]
    problems = coding.tasks("train")
    assert len(problems) == len(rows) == 164

    def solve(case: tuple[Problem, dict[str, str]]) -> Transition[CodingState]:
        problem, row = case
        return coding.step(coding.reset(problem, 0), {"main": row["prompt"] + row["canonical_solution"]})

    with ThreadPoolExecutor(2) as threads:
        transitions = list(threads.map(solve, zip(problems, rows, strict=True)))
    failed = [p.id for p, t in zip(problems, transitions, strict=True) if t.metrics["passed_all"] < 1]
    assert failed == []
    assert all(transition.reward == pytest.approx(2.1) for transition in transitions)


def test_datasets_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({**ROW, "task_id": f"t{n}"}) for n in range(4)))
    coding = env(dataset=str(file), train=":3", test="3:")
    assert [task.id for task in coding.tasks("train")] == ["t0", "t1", "t2"]
    assert [task.id for task in coding.tasks("test")] == ["t3"]
    file.write_text(json.dumps({**ROW, "test": 3}))
    with pytest.raises(CollmError, match=r"rows.jsonl\[0\].test"):
        coding.tasks("train")


def test_a_row_that_names_the_wrong_function_is_mended_in_the_papers_reading() -> None:
    row = {**ROW, "entry_point": "helper", "prompt": "def helper():\n    '''Double it.'''\n"}
    row["test"] = "def check(candidate):\n    assert double(2) == 4\n"
    task = env().parse_task(row, "row")
    assert (task.entry_point, task.prompt) == ("double", "def double():\n    '''Double it.'''\n")
    assert play(BEST, row=row).reward == pytest.approx(4.0)
    assert env(variant="reference").parse_task(row, "row").entry_point == "helper"


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(max_size=60), st.sampled_from(["paper", "reference"]))
def test_any_replies_earn_a_reward_in_range(main: str, aux: str, variant: str) -> None:
    coding = env(variant=variant)
    state = coding.reset(coding.parse_task(ROW, "row"), 0)
    for reply in (main, f"def double(n):\n    {main}\n    return 1"):
        transition = coding.step(state, {"aux": aux, "main": reply})
        assert 0 <= transition.reward <= 4
        assert coding.observe(transition.state).keys() == {"aux", "main"}


def test_a_panel_shows_the_joint_program_and_runs_nothing() -> None:
    environment = env()
    task = environment.parse_task(ROW, "row")
    replies = {"aux": "def aux(n):\n    exit()", "main": "def double(n):\n    return aux(n)"}
    panel = environment.panel(task, [replies])
    assert panel is not None
    assert (panel["kind"], panel["tests"]) == ("tests", [])
    assert "exit()" in panel["program"]
    assert "def double" in panel["program"]
