"""The coding environment (paper section 5.1, appendices E.2 and F.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from collm.data.rows import is_file_name, select
from collm.data.tasks import load_tasks
from collm.env import MOST_TURNS, Environment, Split, StepSeconds, Transition, remade
from collm.envs.coding.embedded import embedded_problems
from collm.envs.coding.feedback import MODES, FeedbackMode, Review
from collm.envs.coding.informed_prompts import informed_prompt
from collm.envs.coding.ladder import BEST, BEST_ALONE, climb
from collm.envs.coding.problem import Problem, parse_problem, renamed, untested_problem
from collm.envs.coding.replies.reading import Reading
from collm.envs.coding.trials import check_tests
from collm.envs.coding.variants import VARIANTS, Variant, VariantName
from collm.errors import CollmError
from collm.sandbox import SandboxConfig, TestResult, grade, guards
from collm.types import Observation, Observations

_OF_THE_SETTING = ("num_turns", "reward_shift", "termination_threshold")
"""What is decided by whether main is alone."""


@dataclass(frozen=True, slots=True)
class Play:
    """A turn that is over: who replied what, how it was read, and how each test went."""

    replies: tuple[tuple[str, str], ...]
    reading: Reading
    results: tuple[TestResult, ...]

    @property
    def passed(self) -> int:
        return sum(result.passed for result in self.results)


@dataclass(frozen=True, slots=True)
class CodingState:
    """The problem and the turns so far."""

    problem: Problem
    plays: tuple[Play, ...] = ()


class Coding(Environment[Problem, CodingState]):
    """A helper writes ``aux``, a main agent writes the function that is asked for.

    The raw reward climbs a ladder: 0.4 for a helper that returns, 0.6 for a main function that returns,
    0.5 for joint code that parses, the share of tests that pass, and if any passes 0.5 for using the
    helper and 1.0 for doing more than handing its result on. It stops at the first gate that is shut.

    ``variant`` names the reading where the paper and its reference code differ (docs/coding.md). An
    option that is ``None`` or not given takes the value of the variant:

    =========================  ==============================  ==============================
    option                     ``paper``                       ``reference``
    =========================  ==============================  ==============================
    replies and tests          read by their AST               read line by line
    throwing away aux's result costs 0.5                       is nearly always free
    an episode ends early      all tests pass and aux is used  the reward exceeds 3.8
    ``test_seconds``           8                               10
    ``feedback_tests``         all                             the first
    ``raw_prompts``            false: chat template            true
    later observations         feedback; history has the rest  feedback in the first template
    =========================  ==============================  ==============================

    Attributes:
        num_agents: 2, or 1 for ``main`` alone, which then plays one turn unless told otherwise.
        dataset: ``embedded`` for our own problems, a file, or an id on the Hugging Face hub.
        train, test: slices such as ``:8``; for the hub with a split's name, such as ``test[:32]``.
        feedback: what agents hear after a turn.
        feedback_tests: how many tests feedback may speak of: the first n, the last n if negative, all
            if 0. The reward always counts all.
        test_seconds: wall time of one test.
        raw_prompts: give prompts to the model as they are, without its chat template.
        sandbox: where the code runs; its ``limits.test_seconds`` yields to ``test_seconds``.
    """

    headline: ClassVar[tuple[str, ...]] = ("passed_all", "pass_rate", "collab_aux_usage")

    type: Literal["coding"] = "coding"
    variant: VariantName = "paper"
    num_agents: Literal[1, 2] = 2
    num_turns: int = Field(default=2, ge=1, le=MOST_TURNS)
    reward_shift: float = -BEST
    step_seconds: StepSeconds = None
    dataset: str = "embedded"
    train: str | None = None
    test: str | None = None
    feedback: FeedbackMode = "level_feedback"
    feedback_tests: int | None = None
    test_seconds: float | None = Field(default=None, gt=0)
    raw_prompts: bool | None = None
    sandbox: SandboxConfig = SandboxConfig()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_setting(cls, values: Any) -> Any:
        """The shift makes the best reward 0, so that finishing early never costs anything."""
        if not isinstance(values, dict):
            return values
        alone, variant = values.get("num_agents") == 1, VARIANTS["paper"]
        if values.get("variant") == "reference":
            variant = VARIANTS["reference"]
        return {
            "num_turns": 1 if alone else 2,
            "reward_shift": -BEST_ALONE if alone else -BEST,
            "termination_threshold": variant.threshold_alone if alone else variant.threshold,
            **values,
        }

    @property
    def agents(self) -> tuple[str, ...]:
        return ("main",) if self.num_agents == 1 else ("aux", "main")

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, BEST_ALONE if self.num_agents == 1 else BEST

    def tasks(self, split: Split) -> Sequence[Problem]:
        cut = self.train if split == "train" else self.test
        if self.dataset == "embedded":
            return select(embedded_problems(split), cut, f"env.{split}")
        slices = None if is_file_name(self.dataset) else self._rules.slices.get(self.dataset)
        if cut is None and slices is not None:
            cut = slices[0 if split == "train" else 1]
        return load_tasks(self.dataset, self.parse_task, split, cut)

    def parse_task(self, row: Mapping[str, Any], where: str) -> Problem:
        """Read a row, and try its tests once.

        Raises:
            CollmError: if the row does not fit, or its tests find no function wrong, hang or exit.
        """
        problem = parse_problem(row, where)
        suite = self._rules.collect(problem)
        if self._rules.must_judge and not suite.labels:
            mend = "write def check(candidate): with assert statements about what candidate returns."
            raise CollmError(f"{where}.test", "nothing in it can find the function wrong.", mend)
        check_tests(problem, suite, self._sandbox, where)
        called = suite.entry_point
        return problem if called == problem.entry_point else renamed(problem, called)

    def task_of(self, text: str) -> Problem:
        return untested_problem(text, "task")

    def has_reference(self, task: Problem) -> bool:
        return bool(task.test)

    def compose(self, task: Problem, turns: Sequence[Mapping[str, str]]) -> str:
        """The joint program of the last turn."""
        return self._read(task, turns[-1]).code

    def panel(self, task: Problem, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any] | None:
        """The joint program of the last turn, a panel of the kind ``tests``; nothing is run for it."""
        return {"kind": "tests", "program": self.compose(task, turns), "tests": []}

    def reset(self, task: Problem, seed: int) -> CodingState:
        return CodingState(task)

    def observe(self, state: CodingState) -> Observations:
        raw = self._rules.raw_prompts if self.raw_prompts is None else self.raw_prompts
        turn = len(state.plays)
        return {agent: Observation(self._prompt(state, agent, turn), raw=raw) for agent in self.agents}

    def observe_replies(
        self, state: CodingState, agent: str, replies: Mapping[str, str]
    ) -> Observation | None:
        if self.num_agents == 1:
            return None
        codes = {name: self._code(state.problem, name, reply) for name, reply in replies.items()}
        seen = self.observe(state)[agent]
        return replace(seen, text=informed_prompt(seen.text, agent, codes))

    def for_one_agent(self) -> Coding:
        return remade(self, forget=_OF_THE_SETTING, num_agents=1)

    def step(self, state: CodingState, replies: Mapping[str, str]) -> Transition[CodingState]:
        """Judge a joint reply.

        Raises:
            InfrastructureError: if the sandbox fails.
        """
        play = self._judge(state.problem, replies)
        following = CodingState(state.problem, (*state.plays, play))
        components = climb(play.reading, play.passed, len(play.results))
        solved = self._rules.ends_when_solved and self._is_solved(play)
        return Transition(
            state=following,
            reward=fsum(components.values()),
            components=components,
            metrics=_metrics(play, components),
            terminated=solved or len(following.plays) >= self.num_turns,
        )

    def notices(self) -> Sequence[str]:
        return (guards(self._sandbox),)

    @property
    def _rules(self) -> Variant:
        return VARIANTS[self.variant]

    def _read(self, problem: Problem, replies: Mapping[str, str]) -> Reading:
        return self._rules.read(problem, replies["main"], replies["aux"] if self.num_agents == 2 else None)

    def _judge(self, problem: Problem, replies: Mapping[str, str]) -> Play:
        reading, suite = self._read(problem, replies), self._rules.collect(problem)
        if reading.testable and suite.labels:
            results = grade(reading.program(suite, problem.entry_point), self._sandbox).results
        else:
            results = self._rules.untested(reading, problem.entry_point, len(suite.labels))
        return Play(tuple(replies.items()), reading, results)

    def _code(self, problem: Problem, agent: str, reply: str) -> str:
        """The function in a reply, or the whole of a reply in which there is none."""
        main, aux = (reply, "") if agent == "main" else ("", reply)
        reading = self._rules.read(problem, main, aux)
        return (reading.main if agent == "main" else reading.aux).source or reply.strip()

    @property
    def _sandbox(self) -> SandboxConfig:
        seconds = self.test_seconds or self._rules.test_seconds
        limits = replace(self.sandbox.limits, test_seconds=seconds)
        return self.sandbox.model_copy(update={"limits": limits})

    def _is_solved(self, play: Play) -> bool:
        """All tests pass and main makes effective use of the helper (paper section 5.1)."""
        passed_all = bool(play.results) and play.passed == len(play.results)
        return passed_all and (self.num_agents == 1 or play.reading.cooperates)

    def _prompt(self, state: CodingState, agent: str, turn: int) -> str:
        """What an agent reads at a turn, given the turns before."""
        alone = self.num_agents == 1
        if turn == 0:
            return self._rules.first_prompt(state.problem, agent, alone)
        text = MODES[self.feedback](self._review(state, agent, turn))
        return self._rules.later_prompt(text, state.problem, agent, alone)

    def _review(self, state: CodingState, agent: str, turn: int) -> Review:
        play = state.plays[turn - 1]
        labels = self._rules.collect(state.problem).labels if play.results else ()
        return Review(
            agent=agent,
            entry_point=state.problem.entry_point,
            alone=self.num_agents == 1,
            wording=self._rules.wording,
            reading=play.reading,
            tests=self._shown(tuple(zip(labels, play.results, strict=True))),
            prompts=[self._prompt(state, agent, earlier) for earlier in range(turn)],
            replies=[dict(earlier.replies)[agent] for earlier in state.plays[:turn]],
        )

    def _shown(self, tests: tuple[tuple[str, TestResult], ...]) -> tuple[tuple[str, TestResult], ...]:
        count = self._rules.feedback_tests if self.feedback_tests is None else self.feedback_tests
        return tests if count == 0 else tests[:count] if count > 0 else tests[count:]


def _metrics(play: Play, components: Mapping[str, float]) -> dict[str, float]:
    total = len(play.results)
    return {
        "tests_passed": float(play.passed),
        "tests_total": float(total),
        "pass_rate": play.passed / total if total else 0.0,
        "passed_all": float(0 < total == play.passed),
        "timeouts": float(sum(result.outcome == "timeout" for result in play.results)),
        "syntax_valid_rate": float(play.reading.fault is None),
        "definition_reward": components["aux_defined"] + components["main_defined"],
        "syntax_reward": components["syntax"],
        "execution_reward": components["tests"],
        "bonus_reward": components["aux_used"] + components["substance"] + components["aux_ignored"],
        "collab_aux_usage": float(components["aux_used"] > 0),
        "collab_non_wrapper": float(components["substance"] > 0),
        "collab_ignored_aux_call_penalty": components["aux_ignored"],
    }
