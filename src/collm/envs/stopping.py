"""Any environment with a decision to stop: agents vote in their replies, and going on costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_serializer, model_validator

from collm.base.registry import type_of
from collm.env import AnyEnvironment, Environment, Split, Transition, make_env
from collm.types import Observation, Observations, Task

Rule = Literal["any", "all", "majority"]

_SHARED = ("num_turns", "reward_scale", "reward_shift", "termination_threshold", "step_seconds")
_ENDS: Mapping[Rule, Callable[[Sequence[bool]], bool]] = {
    "any": any,
    "all": all,
    "majority": lambda votes: 2 * sum(votes) > len(votes),
}


def _made(config: Any) -> AnyEnvironment:
    return config if isinstance(config, Environment) else make_env(config, "env.env")


@dataclass(frozen=True, slots=True)
class StoppingState:
    """The state of the environment inside, and the reward that it gave last."""

    inner: Any
    last: float = 0.0


class Stopping(Environment[Any, StoppingState]):
    """Plays another environment until it ends, or the agents vote to stop.

    A reply that holds the marker is a vote, and counts without it: the turn is played, and the episode
    ends if the rule is met among the agents that replied. Each turn pays what the environment inside pays,
    less what the turn and its words cost. An environment knows no tokens; words are what white space
    divides.

    Attributes:
        env: the environment inside, which has the keys that environments share too.
        rule: whose votes end the episode: any agent's, all of them, or more than half.
        marker: what a vote is.
        invitation: what every observation ends with; empty for nothing.
        pays: ``each`` turn what it is worth; ``change``: what it is worth more than the turn before, so
            that an episode is worth what its last turn is.
        turn_cost: of every turn.
        word_cost: of every word of a reply.
    """

    type: Literal["stopping"] = "stopping"
    env: Annotated[AnyEnvironment, PlainValidator(_made)]
    rule: Rule = "majority"
    marker: str = Field(default="STOP", min_length=1)
    invitation: str = "If nothing more is to be done after your reply, end it with the word STOP."
    pays: Literal["each", "change"] = "each"
    turn_cost: float = Field(default=0.0, ge=0)
    word_cost: float = Field(default=0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _with_what_environments_share(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keys that all environments have are the inner one's, wherever they are written."""
        env = values.get("env")
        if isinstance(env, Environment):
            env = {**env.model_dump(exclude_unset=True), "type": type_of(env)}
        if not isinstance(env, Mapping):
            return values
        given = {key: values[key] for key in _SHARED if key in values}
        made = _made({**given, **env})
        twice = {key: value for key, value in given.items() if key in env}
        outside = _made({**env, **twice}) if twice else made
        odd = next((key for key in twice if getattr(outside, key) != getattr(made, key)), None)
        if odd is not None:
            raise ValueError(f"{odd} is another one below env")
        return {**values, **{key: getattr(made, key) for key in _SHARED}, "env": made}

    @field_serializer("env")
    def _with_a_type_to_find_it_by(self, env: AnyEnvironment) -> dict[str, Any]:
        return {**env.model_dump(mode="json"), "type": type_of(env)}

    @property
    def headline(self) -> tuple[str, ...]:  # type: ignore[override]
        """What people look at first inside, and how often votes end an episode."""
        return (*self.env.headline, "stopped")

    @property
    def agents(self) -> tuple[str, ...]:
        return self.env.agents

    @property
    def reward_range(self) -> tuple[float, float]:
        low, high = self.env.reward_range
        if self.pays == "change":
            low, high = min(low, low - high), max(high, high - low)
        return (float("-inf") if self.word_cost else low - self.turn_cost), high - self.turn_cost

    def tasks(self, split: Split) -> Sequence[Task]:
        return self.env.tasks(split)

    def parse_task(self, row: Mapping[str, Any], where: str) -> Task:
        task: Task = self.env.parse_task(row, where)
        return task

    def task_of(self, text: str) -> Task:
        task: Task = self.env.task_of(text)
        return task

    def has_reference(self, task: Task) -> bool:
        return self.env.has_reference(task)

    def notices(self) -> Sequence[str]:
        return self.env.notices()

    def reset(self, task: Task, seed: int) -> StoppingState:
        return StoppingState(self.env.reset(task, seed))

    def observe(self, state: StoppingState) -> Observations:
        seen = self.env.observe(state.inner)
        return {agent: self._invited(observation) for agent, observation in seen.items()}

    def observe_replies(
        self, state: StoppingState, agent: str, replies: Mapping[str, str]
    ) -> Observation | None:
        seen = self.env.observe_replies(state.inner, agent, self._work(replies))
        return None if seen is None else self._invited(seen)

    def step(self, state: StoppingState, replies: Mapping[str, str]) -> Transition[StoppingState]:
        inner = self.env.step(state.inner, self._work(replies))
        before = state.last if self.pays == "change" else 0.0
        cost = self.turn_cost + self.word_cost * sum(len(reply.split()) for reply in replies.values())
        votes = [self.marker in reply for reply in replies.values()]
        stops = not (inner.terminated or inner.truncated) and _ENDS[self.rule](votes)
        shares = inner.agent_rewards
        return replace(
            inner,
            state=StoppingState(inner.state, inner.reward),
            reward=inner.reward - before - cost,
            components={**inner.components, "before": -before, "cost": -cost},
            metrics={**inner.metrics, "stopped": float(stops), "votes": sum(votes) / len(votes)},
            terminated=inner.terminated or stops,
            agent_rewards=shares and {agent: share - before - cost for agent, share in shares.items()},
        )

    def global_information(self, turn: int, last_reward: float | None) -> str:
        return self.env.global_information(turn, last_reward)

    def global_numbers(self, turn: int, last_reward: float | None) -> Sequence[float]:
        return self.env.global_numbers(turn, last_reward)

    def compose(self, task: Task, turns: Sequence[Mapping[str, str]]) -> str:
        return self.env.compose(task, [self._work(replies) for replies in turns])

    def panel(self, task: Task, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any] | None:
        return self.env.panel(task, [self._work(replies) for replies in turns])

    def _invited(self, observation: Observation) -> Observation:
        if not self.invitation:
            return observation
        return replace(observation, text=f"{observation.text}\n\n{self.invitation}")

    def _work(self, replies: Mapping[str, str]) -> dict[str, str]:
        """The replies without votes."""
        return {
            agent: reply.replace(self.marker, "").strip() if self.marker in reply else reply
            for agent, reply in replies.items()
        }
