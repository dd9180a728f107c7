"""Played episodes as rows of JSON, and what is measured of them: a row says all, so that it can be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collm.evaluation.blame import Blame, with_blame
from collm.protocols.episode import Episode, Message, response_seconds
from collm.runs.records import turn_rows
from collm.types import Tree, Turn


@dataclass(frozen=True, slots=True)
class Place:
    """Which episode of an evaluation.

    Attributes:
        number: of the task in its split.
        task: its id.
        sample: which episode of the task.
        greedy: whether it is the greedy one.
    """

    number: int
    task: str
    sample: int = 0
    greedy: bool = False

    @property
    def id(self) -> str:
        return self.task


@dataclass(frozen=True, slots=True)
class Played:
    """What is measured of an episode.

    Attributes:
        tree: turns with their rewards and metrics, without texts.
        response_seconds: of each turn.
        tokens: of each message.
        caused: by agent, what the return owes to it, where that was asked for.
    """

    place: Place
    tree: Tree
    response_seconds: tuple[float, ...]
    tokens: tuple[int, ...]
    caused: Mapping[str, float] = field(default_factory=dict)


def row_of(place: Place, episode: Episode, blame: Blame | None = None) -> dict[str, Any]:
    """An episode with everything that was asked and replied; its turns as run folders have them."""
    failure = episode.tree.failure
    turns = [] if failure is not None else list(with_blame(turn_rows([episode.tree]), [blame]))
    return {
        "number": place.number,
        "task": place.task,
        "sample": place.sample,
        "greedy": place.greedy,
        "failure": failure,
        "turns": [
            {
                **turn,
                "response_seconds": response_seconds(messages),
                "messages": [_message_row(message) for message in messages],
            }
            for turn, messages in zip(turns, episode.messages, strict=True)
        ],
    }


def _message_row(message: Message) -> dict[str, Any]:
    return {
        "step": message.step,
        "player": message.player,
        "observation": message.observation.text,
        "reply": message.action.text,
        "tokens": len(message.action.token_ids),
        "seconds": message.seconds,
    }


def place_of(row: Mapping[str, Any]) -> Place:
    """Which episode a row is."""
    return Place(row["number"], row["task"], row["sample"], row["greedy"])


def played_of(row: Mapping[str, Any]) -> Played:
    """What is measured of the episode of a row."""
    place, turns = place_of(row), row["turns"]
    parents = (None, *range(len(turns) - 1)) if turns else ()
    return Played(
        place,
        Tree(place, place.sample, tuple(map(_turn, turns)), parents, row["failure"]),
        tuple(turn["response_seconds"] for turn in turns),
        tuple(message["tokens"] for turn in turns for message in turn["messages"]),
        turns[0].get("caused", {}) if turns else {},
    )


def _turn(row: Mapping[str, Any]) -> Turn:
    return Turn(
        t=row["turn"],
        observations={},
        joint_action={},
        reward=row["reward"],
        raw_reward=row["raw_reward"],
        components=row["components"],
        metrics=row["metrics"],
        terminated=row["terminated"],
        truncated=row["truncated"],
    )


def spoken(played: Sequence[Played]) -> dict[str, list[list[float]]]:
    """What replies took: seconds of each turn, tokens of each message, messages of the episode."""
    return {
        "response_seconds_mean": [list(one.response_seconds) for one in played],
        "tokens_mean": [[float(count) for count in one.tokens] for one in played],
        "messages_mean": [[float(len(one.tokens))] for one in played],
    }


def caused(played: Sequence[Played]) -> dict[str, list[list[float]]]:
    """What returns owe to each agent, by ``caused/AGENT``."""
    agents = dict.fromkeys(agent for one in played for agent in one.caused)
    return {
        f"caused/{agent}": [[one.caused[agent]] if agent in one.caused else [] for one in played]
        for agent in agents
    }
