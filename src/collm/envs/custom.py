"""A user's own single-turn task: a dataset, a prompt for each agent and a reward function, no new class."""

from __future__ import annotations

import math
import os
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from collm.base.registry import load_object
from collm.base.values import finite, shown
from collm.data.rows import is_file_name
from collm.data.tasks import load_tasks
from collm.env import Environment, Split, Transition
from collm.errors import RAISED, CollmError
from collm.types import Observation, Observations

_Bound = Annotated[float, Field(allow_inf_nan=True)]
_FUNCTION = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One task: a row of the dataset."""

    id: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CustomState:
    """The row, and the replies once they are given."""

    row: Row
    replies: tuple[tuple[str, str], ...] = ()


class Custom(Environment[Row, CustomState]):
    """Every agent reads the row through its own prompt and replies once; a function scores all replies.

    Attributes:
        prompts: each agent's prompt, by name, in order. A prompt is a template with columns in braces,
            ``"Translate: {text}"`` (a brace itself is doubled), or a ``module:function`` that makes it
            from the row.
        dataset: a file, or an id on the Hugging Face hub.
        column: a column that every row must have, not blank.
        train, test: slices such as ``:8``; for the hub a split's name with or without one
            (default: ``train`` and ``test``).
        reward: a ``module:function`` called with the replies by agent and the row. It returns a number,
            or named numbers whose sum is the reward. Same arguments, same result.
        limits: the lowest and the highest reward, if known; either may be infinite.
        system: a system message for all agents.
        raw: give prompts to models without their chat templates.
    """

    type: Literal["custom"] = "custom"
    num_turns: Literal[1] = 1
    prompts: dict[str, str] = Field(min_length=1)
    dataset: str
    column: str = "prompt"
    train: str | None = None
    test: str | None = None
    reward: str
    limits: tuple[_Bound, _Bound] | None = None
    system: str | None = None
    raw: bool = False

    @model_validator(mode="before")
    @classmethod
    def _prompts_are_called_so(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "agents" in values:
            problem = "the agents and their prompts are written under env.prompts."
            raise CollmError("env.agents", problem, "rename this key to prompts.")
        return values

    @model_validator(mode="after")
    def _usable(self) -> Custom:
        if self.limits is not None and not self.limits[0] <= self.limits[1]:
            raise ValueError("limits must be [lowest, highest]")
        for agent, prompt in self.prompts.items():
            if _FUNCTION.match(prompt):
                _function(prompt, f"env.prompts.{agent}")
            else:
                _columns_of(prompt, f"env.prompts.{agent}")
        return self

    @model_validator(mode="after")
    def _scored(self) -> Custom:
        _function(self.reward, "env.reward")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(self.prompts)

    @property
    def reward_range(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.limits is None else self.limits

    def tasks(self, split: Split) -> Sequence[Row]:
        cut = self.train if split == "train" else self.test
        if cut is None and not is_file_name(self.dataset):
            cut = split
        return load_tasks(self.dataset, self.parse_task, split, cut, columns=(self.column,))

    def parse_task(self, row: Mapping[str, Any], where: str) -> Row:
        if row.get(self.column) is None or not str(row[self.column]).strip():
            mend = "fill it, or name another column in env.column."
            raise CollmError(f"{where}.{self.column}", "this field is missing or blank.", mend)
        name = next((row[key] for key in ("id", "task_id") if row.get(key) is not None), where)
        task = Row(str(name), dict(row))
        for agent in self.agents:
            self._prompt(agent, task)
        return task

    def task_of(self, text: str) -> Row:
        return self.parse_task({self.column: text}, "task")

    def reset(self, task: Row, seed: int) -> CustomState:
        return CustomState(task)

    def observe(self, state: CustomState) -> Observations:
        return {
            agent: Observation(self._prompt(agent, state.row), system=self.system, raw=self.raw)
            for agent in self.agents
        }

    def step(self, state: CustomState, replies: Mapping[str, str]) -> Transition[CustomState]:
        components = self._components(state.row, replies)
        reward = math.fsum(components.values())
        if not self.reward_range[0] <= reward <= self.reward_range[1]:
            problem = f"it returned {reward:g} for task {state.row.id!r}, outside env.limits."
            raise CollmError(self.reward, problem, "correct the function, or widen env.limits.")
        return Transition(
            state=CustomState(state.row, tuple(replies.items())),
            reward=reward,
            components=components,
            metrics={"score": reward},
            terminated=True,
        )

    def _prompt(self, agent: str, row: Row) -> str:
        prompt, field = self.prompts[agent], f"env.prompts.{agent}"
        if _FUNCTION.match(prompt):
            made = _called(prompt, row.id, deepcopy(dict(row.columns)))
            if not isinstance(made, str):
                problem = f"it returned {shown(made)} for task {row.id!r}, which is no text."
                raise CollmError(prompt, problem, "return the prompt as a str.")
            return made
        missing = [name for name in _columns_of(prompt, field) if name not in row.columns]
        if missing:
            problem = f"the template names {missing[0]!r}, which task {row.id!r} does not have."
            raise CollmError(field, problem, f"use one of {', '.join(row.columns)}; double a brace itself.")
        return prompt.format_map(row.columns)

    def _components(self, row: Row, replies: Mapping[str, str]) -> dict[str, float]:
        result = _called(self.reward, row.id, dict(replies), deepcopy(dict(row.columns)))
        named = result if isinstance(result, Mapping) else {"reward": result}
        odd = [name for name in named if not isinstance(name, str)]
        if odd:
            problem = f"it returned {shown(result)} for task {row.id!r}, where {shown(odd[0])} is no text."
            raise CollmError(self.reward, problem, "name each number with a text.")
        numbers = {name: finite(value) for name, value in named.items()}
        if not numbers or None in numbers.values():
            problem = f"it returned {shown(result)} for task {row.id!r}, which is no finite number."
            raise CollmError(self.reward, problem, "return a finite number, or a dict of such.")
        return {name: number for name, number in numbers.items() if number is not None}


def _function(path: str, field: str) -> Any:
    with _same_folder(field):
        function = load_object(path, field)
    if not callable(function):
        raise CollmError(field, f"{path} is not a function.", "name a function of the module.")
    return function


def _called(path: str, task: str, *arguments: Any) -> Any:
    function = _function(path, path)
    try:
        with _same_folder(path):
            return function(*arguments)
    except CollmError:
        raise
    except RAISED as error:
        problem = f"it raised {type(error).__name__} for task {task!r}: {error}."
        raise CollmError(path, problem, "correct the function; any text is a valid reply.") from error


@contextmanager
def _same_folder(where: str) -> Iterator[None]:
    """Refuse code that leaves another working folder, which every relative path of the run would follow."""
    before = os.getcwd()
    try:
        yield
    finally:
        moved = not os.path.samefile(before, ".")
        os.chdir(before)
    if moved:
        problem = "it changed the working folder, which the whole run shares."
        mend = "leave the folder as it is; build paths from Path(__file__).parent."
        raise CollmError(where, problem, mend)


def _columns_of(template: str, field: str) -> list[str]:
    """The columns that a template names."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise CollmError(field, f"the template is malformed: {error}.", "double a brace itself.") from None
    odd = [name for name in names if not name or name.isdigit() or set(name) & set(".[")]
    if odd:
        problem = f"{{{odd[0]}}} in the template is not the name of a column."
        raise CollmError(field, problem, "write a column's name between the braces; double a brace itself.")
    return names
