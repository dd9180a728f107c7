"""What workers hold: agents that learn, agents that draw, critics.

Each holds ordinary members of a team and calls them, so that there is one way to compute anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.critic import Critic, Values
from collm.agents.learner import Step
from collm.agents.views import AnyView, CriticInput
from collm.engines.base import Completion, Prompt
from collm.engines.cache import RowCache
from collm.engines.in_process import InProcess
from collm.models.backbone import Backbones
from collm.models.config import Sampling
from collm.models.peers import ALONE, Peers
from collm.models.spreading import whole
from collm.placement.parcels import Parcel, packed_by, renamed
from collm.placement.travelling import Travelling
from collm.types import Action, Ids, Observation, Tree

Weights = list[Any]
"""The bytes of each parameter, as numpy arrays, in the order of the handle."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Which members of a team to open together, by name, and with which seed."""

    members: Mapping[str, Travelling]
    seed: int


_NO_GRAPH = Values(())
"""A critic goes forward again by itself."""


class _Arrived:
    """Opened members, and the folder in which their files lie on this machine."""

    def __init__(self, opening: Opening, kind: Callable[..., Agent | Critic], peers: Peers = ALONE) -> None:
        self._folder = TemporaryDirectory(prefix="collm-")
        self._names: dict[str, dict[str, str]] = {}
        self.members: dict[str, Any] = {}
        bases = Backbones(peers)
        for name, travelling in opening.members.items():
            config, saved, self._names[name] = travelling.arrived(Path(self._folder.name) / name)
            self.members[name] = kind(config, name, saved, opening.seed, bases)

    def saved(self, name: str) -> Parcel:
        """What a member writes of itself, as if it had written it where the loop runs."""
        return renamed(packed_by(self.members[name].save), self._names[name])

    def saved_optimizer(self, name: str, file: str) -> bytes:
        """The optimizer's state; its bytes hold the file's name. Nothing where a peer writes it."""
        written = packed_by(lambda folder: self.members[name].save_optimizer(folder / file))
        return written.files.get(file, b"")

    def load_optimizer(self, name: str, content: bytes) -> None:
        with TemporaryDirectory(prefix="collm-") as folder:
            file = Path(folder) / "optimizer.pt"
            file.write_bytes(content)
            self.members[name].load_optimizer(file)


class LearnerHost:
    """Agents that learn here; those of one host share base weights.

    Args:
        opening: the agents.
        peers: who else learns them, and is asked the same.
    """

    def __init__(self, opening: Opening, peers: Peers = ALONE) -> None:
        self._arrived, self._peers = _Arrived(opening, Agent, peers), peers
        self._agents: dict[str, Agent] = self._arrived.members

    def update(self, name: str, step: Step) -> tuple[dict[str, float], int]:
        """Take a step; what it reports, and the version of the weights after it."""
        report = self._agents[name].update(step)
        return report, self._agents[name].learner.version

    def behavior_logprobs(self, name: str, actions: Sequence[Action]) -> list[tuple[float, ...]]:
        return self._agents[name].learner.behavior_logprobs(actions)

    def log_ratios(self, name: str, actions: Sequence[Action]) -> list[float]:
        return self._agents[name].learner.log_ratios(actions)

    def weights(self, name: str) -> Weights:
        """The parameters as they are now; the first of peers has them all."""
        parameters = map(whole, self._agents[name].learner.weights.parameters())
        return [_bytes_of(one) for one in parameters if self._peers.first]

    def save(self, name: str) -> Parcel:
        return self._arrived.saved(name)

    def save_optimizer(self, name: str, file: str) -> bytes:
        return self._arrived.saved_optimizer(name, file)

    def load_optimizer(self, name: str, content: bytes) -> int:
        """Take up a state; the version of the weights that it belongs to."""
        self._arrived.load_optimizer(name, content)
        return self._agents[name].learner.version


class EngineHost:
    """Agents that only draw here, with weights that their learners send."""

    def __init__(self, opening: Opening) -> None:
        self._arrived = _Arrived(opening, Agent)
        self._agents: dict[str, Agent] = self._arrived.members

    def submit(
        self, name: str, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> list[tuple[Completion, ...]]:
        return self._engine(name).submit(prompts, sampling, keep).result()

    def check_reads(self, name: str, observations: Sequence[Observation], place: str) -> None:
        self._agents[name].check_reads(observations, place)

    def lend(self, name: str, prefixes: Sequence[Ids]) -> dict[Ids, RowCache]:
        """The kept keys and values of some tokens, for another replica."""
        return self._engine(name).kept(prefixes)

    def borrow(self, name: str, rows: Mapping[Ids, RowCache]) -> None:
        self._engine(name).keep(rows)

    def release(self, name: str) -> None:
        self._engine(name).release()

    @torch.no_grad()
    def take(self, name: str, version: int, weights: Weights) -> None:
        """Draw with these weights from now on."""
        own = self._agents[name].learner.weights.parameters()
        for parameter, content in zip(own, weights, strict=True):
            parameter.copy_(torch.from_numpy(content.copy()).view(parameter.dtype).view(parameter.shape))
        self._engine(name).refresh(version)

    def _engine(self, name: str) -> InProcess:
        engine = self._agents[name].policy.engine
        assert isinstance(engine, InProcess)
        return engine


class CriticHost:
    """Critics; the graph of the newest prediction is kept for the step on it.

    ``numbers`` is how many the environment's ``m_t`` has.
    """

    def __init__(self, opening: Opening, numbers: int) -> None:
        self._arrived = _Arrived(opening, partial(Critic, numbers=numbers))
        self._critics: dict[str, Critic] = self._arrived.members
        self._predicted: dict[str, tuple[Sequence[CriticInput], Values]] = {}

    def predict(self, name: str, inputs: Sequence[CriticInput]) -> tuple[Tensor, ...]:
        """The values of each input, ``"passage"``, as constants."""
        values = self._critics[name].predict(inputs)
        self._predicted[name] = inputs, values
        return tuple(one.cpu() for one in values.by_passage)

    def update(self, name: str, inputs: Sequence[CriticInput], *step: Any) -> dict[str, float]:
        """Take a step, on the graph of the newest prediction if it was of the same inputs."""
        known, values = self._predicted.pop(name, (None, _NO_GRAPH))
        return self._critics[name].update(inputs, values if known == inputs else _NO_GRAPH, *step)

    def awaits_scale(self, name: str) -> bool:
        return self._critics[name].awaits_scale

    def follow(self, name: str, targets: Tensor) -> None:
        self._predicted.pop(name, None)
        self._critics[name].follow(targets)

    def check_reads(self, name: str, tree: Tree, view: AnyView) -> None:
        self._critics[name].check_reads(tree, view)

    def save(self, name: str) -> Parcel:
        return self._arrived.saved(name)

    def save_optimizer(self, name: str, file: str) -> bytes:
        return self._arrived.saved_optimizer(name, file)

    def load_optimizer(self, name: str, content: bytes) -> None:
        self._arrived.load_optimizer(name, content)


def _bytes_of(parameter: Tensor) -> Any:
    flat = parameter.detach().cpu().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().copy()
