"""The wrapper behind ``to_pettingzoo``; importing this module needs PettingZoo."""

from __future__ import annotations

import importlib
import random
import string
from collections.abc import Mapping
from typing import Any

from collm.env import AnyEnvironment, Split, Task, Transition
from collm.errors import CollmError

_ParallelEnv: Any = importlib.import_module("pettingzoo").ParallelEnv
_TextSpace: Any = importlib.import_module("gymnasium.spaces").Text
Texts = dict[str, str]
Infos = dict[str, dict[str, Any]]


class AnyText(_TextSpace):
    """Every text up to a length, in whatever script; samples are printable ASCII."""

    def __init__(self, max_characters: int) -> None:
        super().__init__(max_characters, min_length=0, charset=string.printable)

    def contains(self, x: object) -> bool:
        return isinstance(x, str) and len(x) <= int(self.max_length)


class TextParallelEnv(_ParallelEnv):
    """A mutable player of an immutable environment. :func:`~collm.adapters.pettingzoo.to_pettingzoo`."""

    def __init__(self, env: AnyEnvironment, split: Split, max_characters: int) -> None:
        self.env, self.metadata = env, {"name": env.type, "render_modes": []}
        self.render_mode = None
        self.possible_agents, self.agents = list(env.agents), list[str]()
        self.observation_spaces = {agent: AnyText(max_characters) for agent in env.agents}
        self.action_spaces = {agent: AnyText(max_characters) for agent in env.agents}
        self._tasks: Mapping[str, Task] = {task.id: task for task in env.tasks(split)}
        self._random = random.Random(0)
        self._state: Any = None
        self._task_id = ""
        self._acting: frozenset[str] = frozenset()

    def observation_space(self, agent: str) -> AnyText:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> AnyText:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Texts, Infos]:
        if seed is not None:
            self._random = random.Random(seed)
        episode_seed = self._random.getrandbits(63)
        self._task_id = str((options or {}).get("task") or self._random.choice(list(self._tasks)))
        if self._task_id not in self._tasks:
            some = ", ".join(list(self._tasks)[:5])
            raise CollmError("reset", f"there is no task {self._task_id!r}.", f"take one of {some}, ...")
        self._state = self.env.reset(self._tasks[self._task_id], episode_seed)
        self.agents = list(self.possible_agents)
        info = {"task": self._task_id, "seed": episode_seed}
        return self._observed(), {agent: dict(info) for agent in self.agents}

    def step(
        self, actions: Mapping[str, str]
    ) -> tuple[Texts, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        live = list(self.agents)
        if not live:
            raise CollmError("step", "the episode is over or has not begun.", "call reset first.")
        missing = sorted(self._acting - actions.keys())
        if missing:
            raise CollmError("step", f"no action for {', '.join(missing)}.", "act for every live agent.")
        replies = {agent: actions[agent] for agent in self.possible_agents if agent in self._acting}
        transition = self.env.step(self._state, replies)
        self._state = transition.state
        over = transition.terminated or transition.truncated
        self.agents = [] if over else live
        observations = dict.fromkeys(live, "") if transition.terminated else self._observed()
        return (
            observations,
            _rewards(transition, live),
            dict.fromkeys(live, transition.terminated),
            dict.fromkeys(live, transition.truncated),
            {agent: self._info(transition) for agent in live},
        )

    def _observed(self) -> Texts:
        observations = self.env.observe(self._state)
        self._acting = frozenset(observations)
        texts = {
            agent: f"{seen.system}\n\n{seen.text}" if seen.system else seen.text
            for agent, seen in observations.items()
        }
        return {agent: texts.get(agent, "") for agent in self.possible_agents}

    def _info(self, transition: Transition[Any]) -> dict[str, Any]:
        measures = {"components": dict(transition.components), "metrics": dict(transition.metrics)}
        return {"task": self._task_id, **measures}


def _rewards(transition: Transition[Any], agents: list[str]) -> dict[str, float]:
    if transition.agent_rewards is None:
        return dict.fromkeys(agents, transition.reward)
    return {agent: transition.agent_rewards[agent] for agent in agents}
