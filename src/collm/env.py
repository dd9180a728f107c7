"""The environment protocol: a pure transition over immutable states (paper section 2.2).

An environment is a frozen pydantic model: its fields are its configuration, its methods its rules. It
knows text alone, no tokens and no models. Because states never change, a rollout may step the same
state many times, and replaying the same replies gives the same rewards.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from collm.base.registry import discover, made
from collm.base.settings import Settings
from collm.base.validation import validated
from collm.errors import CollmError
from collm.types import Observation, Observations
from collm.types import Task as Task

Split = Literal["train", "test"]
MOST_TURNS = 1000
StepSeconds = Annotated[float, Field(gt=0, le=10**6)] | None


TaskT = TypeVar("TaskT", bound=Task)
StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class Transition(Generic[StateT]):
    """What a joint action leads to.

    Attributes:
        state: the next state; may be observed unless ``terminated``.
        reward: the raw joint reward, before scale and shift.
        components: named terms of the reward.
        metrics: named measures, the same names at every step.
        terminated: the task is over. A turn limit that is part of the task is termination.
        truncated: the episode is cut off though the task goes on.
        agent_rewards: raw rewards of single agents instead of the joint one, for learning.
    """

    state: StateT
    reward: float
    components: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    terminated: bool = False
    truncated: bool = False
    agent_rewards: Mapping[str, float] | None = None


class Environment(Settings, ABC, Generic[TaskT, StateT]):
    """Base of every environment.

    Subclasses set ``type`` to a unique name and implement the abstract members. The three reward
    fields are applied by the rollout, never by ``step``: ``reward * reward_scale + reward_shift`` is
    what algorithms see, and a branch ends early when the mean of a set of siblings' processed rewards
    is strictly greater than ``termination_threshold`` (``None``: never). A step that takes longer than
    ``step_seconds`` fails as broken infrastructure does; ``None``, for environments that bound
    themselves, waits as long as it takes.
    """

    headline: ClassVar[tuple[str, ...]] = ()
    """Names of the metrics that people look at first."""

    internal: ClassVar[bool] = False
    """Whether it is for tests of the library alone, and offered to nobody."""

    type: str
    num_turns: int = Field(default=1, ge=1, le=MOST_TURNS)
    reward_scale: float = 1.0
    reward_shift: float = 0.0
    termination_threshold: float | None = None
    step_seconds: StepSeconds = 600.0

    @property
    @abstractmethod
    def agents(self) -> tuple[str, ...]:
        """The agents' names, in the order in which their actions apply."""

    @property
    @abstractmethod
    def reward_range(self) -> tuple[float, float]:
        """The lowest and the highest raw reward that a turn can give."""

    @abstractmethod
    def tasks(self, split: Split) -> Sequence[TaskT]:
        """The tasks of a split, in a fixed order.

        Raises:
            CollmError: if the dataset is missing, broken or empty.
        """

    @abstractmethod
    def parse_task(self, row: Mapping[str, Any], where: str) -> TaskT:
        """Read one dataset row, for example from JSON; ``where`` names it in errors.

        Raises:
            CollmError: if the row does not fit.
        """

    @abstractmethod
    def reset(self, task: TaskT, seed: int) -> StateT:
        """The first state of an episode; all its randomness comes from ``seed``."""

    @abstractmethod
    def observe(self, state: StateT) -> Observations:
        """What each agent sees; an agent that is absent skips the turn."""

    @abstractmethod
    def step(self, state: StateT, replies: Mapping[str, str]) -> Transition[StateT]:
        """Apply one reply for each agent that observed. Any text is a valid reply."""

    def observe_replies(self, state: StateT, agent: str, replies: Mapping[str, str]) -> Observation | None:
        """What an agent reads at a state once it is shown replies of that turn; ``None``: neutral words.

        For :mod:`collm.protocols`, in which agents see each other's replies before a turn is over.

        Args:
            state: where the turn began.
            agent: who reads.
            replies: by agent. Its own is among them if it is to reply once more, now that it knows the
                others' (a discussion), and is not if it has yet to reply (a pipeline).
        """
        return None

    def for_one_agent(self) -> AnyEnvironment | None:
        """The same tasks for one agent that has a single turn; ``None`` if there is no such form."""
        return None

    def notices(self) -> Sequence[str]:
        """Lines that a person should read before this runs, such as what guards its sandbox.

        Raises:
            InfrastructureError: if it cannot run here.
        """
        return ()

    def task_of(self, text: str) -> TaskT:
        """A task of a person's plain text, where one can be made of it; ``parse_task`` reads whole rows.

        Raises:
            CollmError: if plain text is no task here, or this one does not fit.
        """
        problem = f"plain text is no task of the environment {self.type!r}."
        raise CollmError("task", problem, "send a row of its data as a JSON object.")

    def has_reference(self, task: TaskT) -> bool:
        """Whether ``step`` can tell how good replies are; a task of plain text may lack what that takes."""
        return True

    def compose(self, task: TaskT, turns: Sequence[Mapping[str, str]]) -> str:
        """The joint answer that the replies amount to: by default each agent's last one under its name.

        A pure function, quick, and never running what a model wrote.

        Args:
            task: the episode's task.
            turns: the replies by agent of its turns, in order, at least one.
        """
        replies = turns[-1]
        if len(self.agents) == 1:
            return "".join(replies.values())
        named = [f"{agent}:\n{replies[agent].strip()}" for agent in self.agents if agent in replies]
        return "\n\n".join(named)

    def panel(self, task: TaskT, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any] | None:
        """What there is to see in an episode besides its texts; ``None``: nothing.

        A pure function of replies that a run has kept, for reports and viewers: quick, and never running
        what a model wrote. The result is plain data that JSON can hold. Its ``kind`` says how to read it,
        and readers pass over kinds that they do not know:

        - ``voxels``: ``built`` and ``target`` are lists of ``[x, y, z, block]`` without air, y pointing
          up; the block ``any`` in the target stands for every block; ``legend`` gives each block that
          occurs in them its color, ``"#rrggbb"``;
        - ``marks``: ``texts`` is a list of ``{"name", "text", "spans"}``, each span ``{"start", "end",
          "label"}`` with offsets in characters, the end exclusive; spans may overlap;
        - ``tests``: a ``program``, and ``tests``, a list of what it was tried on with its outcome.

        Args:
            task: the episode's task.
            turns: the replies by agent of its turns so far, in order; the last are the ones to show.
        """
        return None

    def processed(self, reward: float) -> float:
        """The reward as algorithms and the early-termination test see it."""
        return reward * self.reward_scale + self.reward_shift

    def ends_early(self, sibling_rewards: Sequence[float]) -> bool:
        """Whether processed rewards of siblings are good enough, on average, to stop."""
        if self.termination_threshold is None:
            return False
        return math.fsum(sibling_rewards) / len(sibling_rewards) > self.termination_threshold

    def global_information(self, turn: int, last_reward: float | None) -> str:
        """``m_t`` as text for critics (paper appendix E.3); ``last_reward`` is raw, ``None`` at first."""
        text = f"You are at turn = {turn} over a {self.num_turns}-turn episode."
        if last_reward is None:
            return text
        return f"{text}\nYour last-turn reward is {last_reward:.2f} / {self.reward_range[1]:g}."

    def global_numbers(self, turn: int, last_reward: float | None) -> Sequence[float]:
        """``m_t`` as numbers, best within -1 and 1, for small networks such as QMIX's mixer.

        As many at every turn. By default the share of the turns that are over, and the last raw reward
        as a share of the largest possible one, 0 at first.
        """
        largest = max(map(abs, self.reward_range)) or 1.0
        return turn / self.num_turns, 0.0 if last_reward is None else last_reward / largest


AnyEnvironment = Environment[Any, Any]
EnvironmentT = TypeVar("EnvironmentT", bound=AnyEnvironment)


def remade(env: EnvironmentT, forget: Collection[str] = (), **changes: Any) -> EnvironmentT:
    """An environment with other settings, checked anew; those to forget have their defaults again."""
    kept = {name: getattr(env, name) for name in env.model_fields_set if name not in forget}
    return validated(type(env), {**kept, **changes}, "env")


def environments() -> dict[str, type[AnyEnvironment]]:
    """Every environment that ships with the package, by type name."""
    return discover("collm.envs", Environment)  # type: ignore[return-value]


def make_env(config: Mapping[str, Any], where: str = "env") -> AnyEnvironment:
    """Build an environment from its configuration; ``type`` is a name or ``module:Class``.

    Names are those of shipped environments, and of the entry points ``collm.environments`` of packages.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, or a value does not fit.
    """
    env: AnyEnvironment = made(config, Environment, "environment", where, "collm.envs", "collm.environments")
    return env
