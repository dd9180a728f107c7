"""The wrapper behind ``to_verifiers``; importing this module needs verifiers."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from collm.adapters.verifiers_env import Player
from collm.base.seeding import derive
from collm.env import AnyEnvironment, Split, Transition
from collm.errors import InfrastructureError
from collm.types import Observation

_verifiers: Any = importlib.import_module("verifiers")
_Dataset: Any = importlib.import_module("datasets").Dataset
Message = dict[str, str]
SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True, slots=True)
class Position:
    """Where an episode is when its agent is to move, or when it is over.

    Attributes:
        state: of the environment.
        seen: what the agent reads there; ``None``: it is over.
        reward: what the agent earned at its last reply and at the turns since.
        metrics: of the last turn.
    """

    state: Any
    seen: Observation | None
    reward: float
    metrics: Mapping[str, float]


class OneAgentEnv(_verifiers.MultiTurnEnv):
    """One agent's side of an environment. See :func:`~collm.adapters.verifiers_env.to_verifiers`."""

    def __init__(self, env: AnyEnvironment, agent: str, others: Mapping[str, Player], seed: int) -> None:
        self._env, self._agent, self._others, self._seed = env, agent, others, seed
        self._tasks = {split: {task.id: task for task in env.tasks(split)} for split in SPLITS}
        super().__init__(
            dataset=partial(self._rows, "train"),
            eval_dataset=partial(self._rows, "test"),
            rubric=_verifiers.Rubric(funcs=[episode_reward]),
            env_id=env.type,
        )

    async def setup_state(self, state: Any) -> None:
        state["position"] = await self._in_thread(self._begun, state["info"])

    async def add_trajectory_step(self, state: Any, trajectory_step: Any) -> None:
        reply = str(trajectory_step["completion"][-1].content or "")
        before: Position = state["position"]
        state["position"] = position = await self._in_thread(self._moved, before, reply)
        at_first = 0.0 if state["trajectory"] else before.reward
        trajectory_step["reward"] = at_first + position.reward
        trajectory_step["extras"]["metrics"] = dict(position.metrics)
        await super().add_trajectory_step(state, trajectory_step)

    async def env_response(self, messages: Any, state: Any, **_: Any) -> list[Any]:
        return [_verifiers.UserMessage(content=state["position"].seen.text)]

    @_verifiers.stop  # type: ignore[untyped-decorator]
    async def episode_is_over(self, state: Any) -> bool:
        """Whether the environment has ended the episode or cut it off."""
        return state["position"].seen is None

    async def _in_thread(self, call: Any, *arguments: Any) -> Position:
        """Off the event loop, since a step may take its time."""
        try:
            position: Position = await asyncio.to_thread(call, *arguments)
        except InfrastructureError as error:
            raise _verifiers.InfraError(str(error)) from error
        return position

    def _rows(self, split: Split) -> Any:
        return _Dataset.from_list([self._row(split, name) for name in self._tasks[split]])

    def _row(self, split: Split, name: str) -> dict[str, Any]:
        info = {"split": split, "id": name, "seed": derive(self._seed, split, name)}
        seen = self._begun(info).seen
        prompt = [] if seen is None else _messages(seen)
        return {"prompt": prompt, "answer": "", "info": json.dumps(info)}

    def _begun(self, info: Mapping[str, Any]) -> Position:
        task = self._tasks[info["split"]][info["id"]]
        return self._ready(Transition(self._env.reset(task, info["seed"]), 0.0))

    def _moved(self, before: Position, reply: str) -> Position:
        return self._ready(self._stepped(before.state, reply))

    def _ready(self, transition: Transition[Any]) -> Position:
        """Let the others play until the agent is to move or the episode is over."""
        earned = self._share(transition)
        while (seen := self._seen(transition)) is None and not _is_over(transition):
            transition = self._stepped(transition.state, "")
            earned += self._share(transition)
        return Position(transition.state, seen, earned, transition.metrics)

    def _seen(self, transition: Transition[Any]) -> Observation | None:
        over = _is_over(transition)
        return None if over else self._env.observe(transition.state).get(self._agent)

    def _stepped(self, state: Any, reply: str) -> Transition[Any]:
        replies = {
            agent: reply if agent == self._agent else self._others.get(agent, _silent)(seen)
            for agent, seen in self._env.observe(state).items()
        }
        return self._env.step(state, replies)

    def _share(self, transition: Transition[Any]) -> float:
        shares = transition.agent_rewards
        return transition.reward if shares is None else shares[self._agent]


def episode_reward(state: Any) -> float:
    """What the agent earned in the turns of an episode."""
    return float(sum(step["reward"] for step in state["trajectory"]))


def _is_over(transition: Transition[Any]) -> bool:
    return transition.terminated or transition.truncated


def _silent(_: Observation) -> str:
    return ""


def _messages(seen: Observation) -> list[Message]:
    system = [] if seen.system is None else [{"role": "system", "content": seen.system}]
    return [*system, {"role": "user", "content": seen.text}]
