"""What others have said, as trees to learn from: an earlier run's episodes, or a file of joint pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from collm.agents.context import Context
from collm.base.settings import Settings
from collm.base.validation import validated
from collm.config.sections import Seed
from collm.contract.held import Held, HeldState
from collm.data.rows import load_labelled_rows
from collm.env import Task
from collm.errors import CollmError
from collm.runs.files import read_json_lines
from collm.runs.folder import read_config
from collm.runs.layout import Layout, update_name
from collm.training.schedule import resets_of
from collm.types import Action, History, Tree, Turn

_FIELD = "training.saved"
Branches = tuple[int, ...]
"""The branch taken at each turn so far."""


@dataclass(frozen=True, slots=True)
class SavedTree:
    """A tree under the name of where it comes from; a task of its own kind."""

    id: str
    tree: Tree


class PairRow(Settings):
    """A row of a file of joint pairs.

    Attributes:
        task: the id of a training task, or a row that the environment reads as one.
        seed: the environment is reset with it.
        turns: what the agents replied before, turn by turn.
        chosen, rejected: by agent, the better and the worse joint action that follow.
        gap: how much better.
    """

    task: str | dict[str, Any]
    seed: Seed = 0
    turns: tuple[dict[str, str], ...] = ()
    chosen: dict[str, str]
    rejected: dict[str, str]
    gap: float = Field(default=1.0, gt=0)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What was said below one task: by place replies, the reward, the raw one, and what agents had read."""

    label: str
    task: Task
    seed: int
    replies: Mapping[Branches, Mapping[str, str]]
    rewards: Mapping[Branches, tuple[float, float]]
    read: Mapping[Branches, Mapping[str, str]] = field(default_factory=dict)


def saved_trees(place: str, env: Held, contexts: Mapping[str, Context]) -> list[SavedTree]:
    """Everything that a run folder or a file of joint pairs holds, replayed and encoded for this team.

    Replies are encoded anew, each with its end. The environment is stepped only where something follows.

    Args:
        place: a run folder, or a file with the columns of :class:`PairRow`.
        contexts: by agent.

    Raises:
        CollmError: naming the row, if it does not fit the environment, or there are none.
    """
    return [SavedTree(one.label, _tree(one, env, contexts)) for one in _spoken(place, env)]


def number_saved(place: str, env: Held) -> int:
    """How many trees :func:`saved_trees` would give; nothing is replayed.

    Raises:
        CollmError: naming the row, if it is of no task of the environment, or there are none.
    """
    return len(_spoken(place, env))


def _spoken(place: str, env: Held) -> list[_Spoken]:
    found = list(_of_run(Path(place), env) if Path(place).is_dir() else _of_pairs(place, env))
    if not found:
        raise CollmError(_FIELD, f"{place} holds no episodes of updates.", "name a run that made one.")
    return found


def _of_pairs(place: str, env: Held) -> Iterator[_Spoken]:
    tasks = {task.id: task for task in env.tasks("train")}
    for label, values in load_labelled_rows(place, _FIELD, columns=("task", "chosen", "rejected")):
        row = validated(PairRow, values, label)
        before: Branches = ()
        replies: dict[Branches, Mapping[str, str]] = {}
        for said in row.turns:
            before = (*before, 0)
            replies[before] = said
        replies |= {(*before, 0): row.chosen, (*before, 1): row.rejected}
        rewards = {one: (row.gap, row.gap) if one == (*before, 0) else (0.0, 0.0) for one in replies}
        yield _Spoken(label, _task(row.task, tasks, env, label), row.seed, replies, rewards)


def _task(named: str | dict[str, Any], known: Mapping[str, Task], env: Held, where: str) -> Task:
    if isinstance(named, dict):
        return env.parse_task(named, where)
    if named not in known:
        mend = "name one of its training tasks, or write the task as a row of its data."
        raise CollmError(f"{where}.task", f"{env.place()} has no task {named!r}.", mend)
    return known[named]


def _of_run(folder: Path, env: Held) -> Iterator[_Spoken]:
    stored, tasks = read_config(folder), env.tasks("train")
    for file in sorted(Layout(folder).all_episodes.glob("update-*.jsonl")):
        update = int(file.stem.removeprefix(update_name(0)[:-6])) - 1
        resets = resets_of(stored.training, tasks, stored.seed, update)
        for number, rows in _by_tree(read_json_lines(file)).items():
            label = f"{file}, tree {number}"
            if number >= len(resets) or resets[number].task.id != rows[0]["task"]:
                problem = f"it played {rows[0]['task']!r}, which is another task of this environment."
                raise CollmError(label, problem, "use the run's own environment and data.")
            places = {tuple(row["path"]): row for row in rows}
            yield _Spoken(
                label,
                resets[number].task,
                resets[number].seed,
                {place: row["replies"] for place, row in places.items()},
                {place: (row["reward"], row["raw_reward"]) for place, row in places.items()},
                {place: row["observations"] for place, row in places.items()},
            )


def _by_tree(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    """The turns of every sound tree, without those that were played as probes."""
    trees: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        if "turn" in row and not row["probe"]:
            trees.setdefault(row["tree"], []).append(row)
    return trees


def _tree(spoken: _Spoken, env: Held, contexts: Mapping[str, Context]) -> Tree:
    replayed = _Replayed(spoken, env, contexts)
    places = sorted(spoken.replies)
    turns = tuple(replayed.turn(place) for place in places)
    numbers = {place: number for number, place in enumerate(places)}
    return Tree(spoken.task, spoken.seed, turns, tuple(numbers.get(place[:-1]) for place in places))


class _Replayed:
    """States and histories at the places of a tree; parents must be asked for before their children."""

    def __init__(self, spoken: _Spoken, env: Held, contexts: Mapping[str, Context]) -> None:
        self._spoken, self._env, self._contexts = spoken, env, contexts
        self._inner = {place[:-1] for place in spoken.replies}
        self._states: dict[Branches, HeldState] = {(): env.reset(spoken.task, spoken.seed)}
        self._histories: dict[Branches, dict[str, History]] = {(): dict.fromkeys(env.agents, History())}

    def turn(self, place: Branches) -> Turn:
        """The turn at a place, its replies as the team's own actions."""
        before, spoken = place[:-1], self._spoken
        observations, replies = self._env.observe(self._states[before]), spoken.replies[place]
        self._check(place, observations, replies)
        reward, raw = spoken.rewards[place]
        histories = self._histories[before]
        acted = {
            agent: self._action(place, agent, histories[agent], seen, replies[agent])
            for agent, seen in observations.items()
        }
        if place in self._inner:
            self._histories[place] = histories | {
                agent: histories[agent].after(observations[agent], action) for agent, action in acted.items()
            }
            self._step(place, replies)
        last = spoken.rewards[before][1] if before else None
        at = (len(before), last, spoken.task)
        return Turn(
            len(before),
            observations,
            acted,
            reward,
            raw,
            global_information=self._env.global_information(*at),
            global_numbers=self._env.global_numbers(*at),
            terminated=place not in self._inner,
        )

    def _action(self, place: Branches, agent: str, history: History, seen: Any, text: str) -> Action:
        context = self._contexts[agent]
        prompt, _ = context.prompt(history, seen)
        return Action(text, prompt, context.reply(text), id=f"{'.'.join(map(str, place))}/{agent}")

    def _step(self, place: Branches, replies: Mapping[str, str]) -> None:
        transition = self._env.step(self._states[place[:-1]], replies)
        if transition.terminated:
            problem = f"the episode ends at turn {len(place) - 1}, and there are replies after it."
            raise CollmError(self._spoken.label, problem, "remove the row, or use its own environment.")
        self._states[place] = transition.state

    def _check(self, place: Branches, seen: Mapping[str, Any], replies: Mapping[str, str]) -> None:
        label, t = self._spoken.label, len(place) - 1
        if set(seen) != set(replies):
            problem = f"at turn {t} there are replies of {', '.join(sorted(replies)) or 'nobody'}."
            raise CollmError(label, problem, f"give one for each of {', '.join(seen)}, and no other.")
        read = self._spoken.read.get(place)
        if read is not None and {agent: one.text for agent, one in seen.items()} != read:
            problem = f"at turn {t} the environment shows something else than the agents had read."
            raise CollmError(label, problem, "use the run's own environment, data and settings.")
