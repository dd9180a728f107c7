"""What the building environments share: players and turns, their tasks, how observations are framed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

from pydantic import Field, model_validator

from collm.data.rows import is_file_name, select
from collm.data.tasks import load_tasks
from collm.env import MOST_TURNS, Environment, Split, StepSeconds, TaskT, remade
from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.commands import Command
from collm.envs.minecraft.framing import FRAMINGS, Framing, Variant
from collm.envs.minecraft.informed_prompts import informed_prompt
from collm.envs.minecraft.looks import voxels
from collm.envs.minecraft.world import World, build
from collm.types import Observation, Observations


@dataclass(frozen=True, slots=True)
class BuildState(Generic[TaskT]):
    """The turn to come and what the turn before left: every turn starts from an empty world.

    ``shown_reward`` is what feedback tells of the turn before: what it earned, before scale and shift;
    ``unpaid`` is what all turns so far earned and no reward has given yet.
    """

    task: TaskT
    turn: int = 0
    replies: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, tuple[Command, ...]], ...] = ()
    shown_reward: float = 0.0
    unpaid: float = 0.0

    @property
    def world(self) -> dict[Point, str]:
        """What the turn before built."""
        return build(joint(dict(self.commands)))


def joint(commands: Mapping[str, tuple[Command, ...]]) -> list[Command]:
    """All agents' commands as they apply: agent by agent."""
    return [command for own in commands.values() for command in own]


class Building(Environment[TaskT, BuildState[TaskT]], Generic[TaskT]):
    """Players who answer with commands; a turn's commands apply player by player to an empty world.

    The ``paper`` reading frames every observation with the chat template and counts on the history.
    The ``reference`` one opens with a system message and sends later observations raw, on their own.

    Attributes:
        variant: the reading, where the paper and its reference code differ.
        dataset: ``embedded``, or a JSON, JSON lines, CSV or Parquet file, or a dataset on the hub.
        train, test: slices of the dataset, such as ``:8``; the embedded one has splits of its own.
        max_commands: commands that count in a turn, shared out among the agents.
        original_prompt, previous_response: repeat them in later observations. The default is no in
            the ``paper`` reading, where the history holds both, and yes in the ``reference`` one.
    """

    variant: Variant = "paper"
    num_agents: int = Field(default=2, ge=1, le=100)
    num_turns: int = Field(default=4, ge=1, le=MOST_TURNS)
    termination_threshold: float | None = -0.1
    step_seconds: StepSeconds = None
    dataset: str = "embedded"
    train: str | None = None
    test: str | None = None
    max_commands: int = Field(ge=1)
    original_prompt: bool | None = None
    previous_response: bool | None = None

    @model_validator(mode="after")
    def _everyone_may_command(self) -> Building[TaskT]:
        if self.max_commands < self.num_agents:
            raise ValueError("max_commands must be at least num_agents")
        return self

    @property
    def framing(self) -> Framing:
        """How the variant speaks to players."""
        return FRAMINGS[self.variant]

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(f"player_{number}" for number in range(1, self.num_agents + 1))

    def tasks(self, split: Split) -> Sequence[TaskT]:
        cut = self.train if split == "train" else self.test
        if self.dataset == "embedded":
            return select(self._embedded(split), cut, f"env.{split}")
        if cut is None and not is_file_name(self.dataset):
            cut = split
        return load_tasks(self.dataset, self.parse_task, split, cut)

    def reset(self, task: TaskT, seed: int) -> BuildState[TaskT]:
        return BuildState(task)

    def observe(self, state: BuildState[TaskT]) -> Observations:
        system = self.framing.system
        openings = {agent: self._opening(state.task, index) for index, agent in enumerate(self.agents)}
        if state.turn == 0:
            return {agent: Observation(text, system=system) for agent, text in openings.items()}
        texts = {agent: "\n\n".join(parts) for agent, parts in self._follow_ups(state, openings).items()}
        if system is None:
            return {agent: Observation(text) for agent, text in texts.items()}
        return {agent: Observation(f"{system}\n\n{text}", raw=True) for agent, text in texts.items()}

    def observe_replies(
        self, state: BuildState[TaskT], agent: str, replies: Mapping[str, str]
    ) -> Observation | None:
        names = {name: f"{self.framing.title} {number}" for number, name in enumerate(self.agents, start=1)}
        seen = self.observe(state)[agent]
        return replace(seen, text=informed_prompt(seen.text, agent, replies, names))

    def for_one_agent(self) -> Building[TaskT]:
        return remade(self, num_agents=1, num_turns=1)

    def compose(self, task: TaskT, turns: Sequence[Mapping[str, str]]) -> str:
        """The commands that count, in the order in which they apply, a line for each."""
        return "\n".join(map(str, joint(self._commands(task, turns[-1]))))

    def panel(self, task: TaskT, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
        """What the last of the turns built, beside the target: a panel of the kind ``voxels``."""
        last = turns[-1] if turns else {}
        commands = self._commands(task, {agent: last.get(agent, "") for agent in self.agents})
        return voxels(build(joint(commands)), self._target(task))

    @abstractmethod
    def _embedded(self, split: Split) -> Sequence[TaskT]:
        """The tasks that ship with the package."""

    @abstractmethod
    def _commands(self, task: TaskT, replies: Mapping[str, str]) -> dict[str, tuple[Command, ...]]:
        """The accepted commands of every agent, in the agents' order."""

    @abstractmethod
    def _target(self, task: TaskT) -> World:
        """The block wanted at every cell that should hold one."""

    @abstractmethod
    def _opening(self, task: TaskT, index: int) -> str:
        """The first prompt of the agent at ``index``."""

    @abstractmethod
    def _follow_ups(
        self, state: BuildState[TaskT], openings: Mapping[str, str]
    ) -> Mapping[str, Sequence[str]]:
        """The parts of each agent's observation at a later turn."""

    @property
    def _repeats_prompt(self) -> bool:
        return self.framing.repeats if self.original_prompt is None else self.original_prompt

    def _repeated(self, title: str, reply: str) -> list[str]:
        """The part that repeats a player's reply, if it is to be repeated and is not blank."""
        repeats = self.framing.repeats if self.previous_response is None else self.previous_response
        return [f"Your previous {title}:\n{reply.strip()}"] if repeats and reply.strip() else []

    def _commands_allowed(self, index: int) -> int:
        share, rest = divmod(self.max_commands, self.num_agents)
        return share + (rest if index == 0 else 0)

    def _following(
        self,
        state: BuildState[TaskT],
        replies: Mapping[str, str],
        commands: Mapping[str, tuple[Command, ...]],
        shown_reward: float,
    ) -> BuildState[TaskT]:
        return BuildState(
            state.task,
            state.turn + 1,
            tuple((agent, replies[agent]) for agent in self.agents),
            tuple(commands.items()),
            shown_reward,
        )
