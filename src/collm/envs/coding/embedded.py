"""Our own problems, each of which falls naturally into a helper and a main function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import yaml

from collm.env import Split
from collm.envs.coding.problem import Problem, parse_problem

TRAIN_PROBLEMS = 36


@cache
def embedded_problems(split: Split) -> Sequence[Problem]:
    """The embedded dataset; its test problems come last in the file."""
    rows = yaml.safe_load(_read("problems.yaml"))
    problems = tuple(parse_problem(row, f"problems.yaml[{index}]") for index, row in enumerate(rows))
    return problems[:TRAIN_PROBLEMS] if split == "train" else problems[TRAIN_PROBLEMS:]


@cache
def reference_solutions() -> Mapping[str, Mapping[str, str]]:
    """By problem, a reply of ``aux`` and one of ``main`` that together earn the best reward.

    They lie apart from the problems: no observation is made of them.
    """
    solutions: Mapping[str, Mapping[str, str]] = yaml.safe_load(_read("solutions.yaml"))
    return solutions


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
