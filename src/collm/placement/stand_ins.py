"""What the loop holds instead of agents, critics and environments that are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any

from torch import Tensor

from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.context import Context
from collm.agents.learner import Step
from collm.agents.policy import TokenPolicy
from collm.agents.views import AnyView, CriticInput, critic_input
from collm.engines.base import Pending
from collm.env import AnyEnvironment, Transition
from collm.placement.base import LostWorkerError, Seat
from collm.placement.engine import RemoteEngine
from collm.placement.parcels import unpacked
from collm.types import Action, Observation, Tree


class AwaitedReport(Mapping[str, float]):
    """What a step reports, once it is read; until then other steps can be asked for."""

    def __init__(self, pending: Callable[[], dict[str, float]]) -> None:
        self._pending = pending
        self._read: dict[str, float] | None = None

    def __getitem__(self, key: str) -> float:
        return self._report[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._report)

    def __len__(self) -> int:
        return len(self._report)

    @property
    def _report(self) -> dict[str, float]:
        if self._read is None:
            self._read = self._pending()
        return self._read


class _Kept:
    """Saves and loads a member that is elsewhere; only this process writes files."""

    def __init__(self, name: str, seat: Seat) -> None:
        self.name, self._seat = name, seat

    def save(self, folder: Path) -> None:
        unpacked(self._seat.ask("save", self.name).result(), folder)

    def save_optimizer(self, file: Path) -> None:
        file.write_bytes(self._seat.ask("save_optimizer", self.name, file.name).result())

    def _load_optimizer(self, file: Path) -> Any:
        return self._seat.ask("load_optimizer", self.name, file.read_bytes()).result()


class RemoteLearner:
    """The learner of an agent that is elsewhere."""

    def __init__(self, name: str, seat: Seat, dtype: str) -> None:
        self._name, self._seat, self._dtype = name, seat, dtype
        self.version = 0

    def behavior_logprobs(self, actions: Sequence[Action]) -> Sequence[tuple[float, ...]]:
        """As :meth:`collm.agents.learner.Learner.behavior_logprobs`; in float32 nobody need be asked."""
        if self._dtype == "float32":
            return [action.token_logprobs for action in actions]
        answer: list[tuple[float, ...]] = self._seat.ask(
            "behavior_logprobs", self._name, list(actions)
        ).result()
        return answer

    def log_ratios(self, actions: Sequence[Action]) -> list[float]:
        """As :meth:`collm.agents.learner.Learner.log_ratios`."""
        answer: list[float] = self._seat.ask("log_ratios", self._name, list(actions)).result()
        return answer

    def update(self, step: Step) -> AwaitedReport:
        """Ask for a step; the version counts on before it is taken, and is held against the answer."""
        self.version += 1
        expected, pending = self.version, self._seat.ask("update", self._name, step)

        def read() -> dict[str, float]:
            report, version = pending.result()
            assert version == expected, f"version {version} after step {expected}"
            return dict(report)

        return AwaitedReport(read)


class RemoteAgent(_Kept):
    """An agent whose learner and engine are elsewhere; its context, which knows no weights, is here."""

    def __init__(
        self, config: AgentConfig, name: str, context: Context, seat: Seat, engine: RemoteEngine
    ) -> None:
        super().__init__(name, seat)
        self.config, self._engine = config, engine
        self.policy = TokenPolicy(context, engine, config.sampling)
        self.learner = RemoteLearner(name, seat, config.dtype)

    def shared_by(self, config: AgentConfig) -> RemoteAgent:
        """Another agent with the same policy and learner; to them it is this one."""
        other = copy(self)
        other.config = config
        return other

    def update(self, step: Step) -> AwaitedReport:
        report = self.learner.update(step)
        self._engine.refresh(self.learner.version)
        return report

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        self._engine.check_reads(observations, place)

    def load_optimizer(self, file: Path) -> None:
        self.learner.version = self._load_optimizer(file)
        self._engine.refresh(self.learner.version)


class AwaitedValues:
    """A critic's values, once they are read; their graph stays with the critic."""

    graph = None

    def __init__(self, pending: Pending[tuple[Tensor, ...]]) -> None:
        self._pending = pending

    @property
    def by_passage(self) -> tuple[Tensor, ...]:
        return self._pending.result()


class RemoteCritic(_Kept):
    """A critic that is elsewhere."""

    def __init__(self, config: CriticConfig, name: str, seat: Seat) -> None:
        super().__init__(name, seat)
        self.config = config

    def read(self, tree: Tree, view: AnyView, turns: Sequence[int] | None = None) -> CriticInput:
        return critic_input(tree, view, self.config.global_information, turns)

    def predict(self, inputs: Sequence[CriticInput]) -> AwaitedValues:
        return AwaitedValues(self._seat.ask("predict", self.name, list(inputs)))

    def update(
        self,
        inputs: Sequence[CriticInput],
        values: object,
        gradients: Sequence[Tensor],
        scale: float,
        update: int,
        planned_updates: int,
    ) -> AwaitedReport:
        """As :meth:`collm.agents.critic.Critic.update`; the critic has the newest values itself."""
        step = (list(gradients), scale, update, planned_updates)
        return AwaitedReport(self._seat.ask("update", self.name, list(inputs), *step).result)

    @property
    def awaits_scale(self) -> bool:
        return bool(self._seat.ask("awaits_scale", self.name).result())

    def follow(self, targets: Tensor) -> None:
        self._seat.ask("follow", self.name, targets).result()

    def check_reads(self, tree: Tree, view: AnyView) -> None:
        self._seat.ask("check_reads", self.name, tree, view).result()

    def load_optimizer(self, file: Path) -> None:
        self._load_optimizer(file)


class GradedElsewhere:
    """An environment whose steps are taken by graders, in turn; all else is the environment itself.

    A step is a pure transition, so one that was lost with its grader is simply taken by another.
    """

    def __init__(self, env: AnyEnvironment, graders: Sequence[Seat]) -> None:
        self._env, self._graders = env, list(graders)
        self._count, self._lock = 0, Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def step(self, state: Any, replies: Mapping[str, str]) -> Transition[Any]:
        while True:
            grader = self._next()
            try:
                transition: Transition[Any] = grader.ask("step", state, dict(replies)).result()
            except LostWorkerError:
                if not self._dropped(grader):
                    raise
            else:
                return transition

    def _next(self) -> Seat:
        with self._lock:
            self._count += 1
            return self._graders[self._count % len(self._graders)]

    def _dropped(self, grader: Seat) -> bool:
        """Whether others are left."""
        with self._lock:
            if grader in self._graders and len(self._graders) > 1:
                self._graders.remove(grader)
                return True
            return grader not in self._graders
