"""Opens a team whose members are held by workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.context import Context
from collm.agents.team import Team, saved_member
from collm.agents.trunk import AnyCritic
from collm.agents.weights import saved_source
from collm.config.placement import RayPlacement, Share
from collm.config.tree import RunConfig
from collm.engines.base import Pending
from collm.models.config import ModelConfig
from collm.models.loading import load_tokenizer
from collm.placement.base import Seat
from collm.placement.engine import RemoteEngine
from collm.placement.groups import together
from collm.placement.hosts import CriticHost, EngineHost, LearnerHost, Opening
from collm.placement.joint import PeerHost, joined
from collm.placement.ray_seats import RaySeat
from collm.placement.stand_ins import RemoteAgent, RemoteCritic
from collm.placement.travelling import Travelling


class Crew(Protocol):
    """Workers by role."""

    def hold(self, role: str, host: type, *args: Any) -> tuple[Seat, Pending[None]]:
        """Let the worker for a role hold ``host(*args)``; its seat, and when it does."""

    def shared(self, value: Any) -> Any:
        """A value that goes to several workers, as an argument for :meth:`hold`."""


def roles(config: RunConfig, critics: Iterable[str]) -> Iterator[tuple[str, Share]]:
    """Every worker of a run, and what it takes."""
    placement = config.placement
    assert isinstance(placement, RayPlacement)
    for number in range(placement.graders.workers):
        yield grader_role(number), placement.graders
    for group in together(_owners(config)):
        for number in range(placement.learners.workers):
            yield _learner_role(group, number), placement.learners
        for number in range(placement.engines.replicas):
            yield _engine_role(group, number), placement.engines
    for critic_group in _critics(config, critics):
        yield _critic_role(critic_group), placement.critics


def open_elsewhere(
    config: RunConfig, critics: Iterable[str], checkpoint: Path | None, crew: Crew, numbers: int
) -> Team:
    """The team, as :func:`collm.agents.team.load_team` has it, all of whose workers are there.

    Raises:
        CollmError: if a model or tokenizer cannot be opened, here or there.
    """
    agents: dict[str, RemoteAgent] = {}
    opened: dict[str, RemoteCritic] = {}
    waiting: list[Pending[None]] = []
    for group in together(_owners(config)):
        agents |= _open_agents(config, group, checkpoint, crew, waiting)
    for critic_group in _critics(config, critics):
        opening = crew.shared(_opening(critic_group, "critics", checkpoint, config.seed))
        seat, pending = crew.hold(_critic_role(critic_group), CriticHost, opening, numbers)
        waiting.append(pending)
        opened |= {name: RemoteCritic(critic, name, seat) for name, critic in critic_group.items()}
    for one in waiting:
        one.result()
    members = {
        name: agents[name] if one.shares is None else agents[one.shares].shared_by(one)
        for name, one in config.agents.items()
    }
    return Team(cast(Mapping[str, Agent], members), cast(Mapping[str, AnyCritic], opened))


def _open_agents(
    config: RunConfig,
    group: Mapping[str, AgentConfig],
    checkpoint: Path | None,
    crew: Crew,
    waiting: list[Pending[None]],
) -> dict[str, RemoteAgent]:
    """Agents that share a learner's worker, and the workers of their engines."""
    assert isinstance(config.placement, RayPlacement)
    opening = crew.shared(_opening(group, "agents", checkpoint, config.seed))
    learner = _open_learner(config.placement, group, opening, crew, waiting)
    replicas = [
        crew.hold(_engine_role(group, number), EngineHost, opening)
        for number in range(config.placement.engines.replicas)
    ]
    waiting += [pending for _, pending in replicas]
    opened = {}
    for name, agent in group.items():
        seats, first = [seat for seat, _ in replicas], list(config.agents).index(name)
        engine = RemoteEngine(name, learner, seats, agent.batch_rows, first)
        opened[name] = RemoteAgent(agent, name, _context(agent, name, checkpoint), learner, engine)
    return opened


def _open_learner(
    placement: RayPlacement,
    group: Mapping[str, AgentConfig],
    opening: Any,
    crew: Crew,
    waiting: list[Pending[None]],
) -> Seat:
    """The worker of a learner, or all of them."""
    share = placement.learners
    if share.workers == 1:
        alone, pending = crew.hold(_learner_role(group, 0), LearnerHost, opening)
        waiting.append(pending)
        return alone
    held = [crew.hold(_learner_role(group, number), PeerHost) for number in range(share.workers)]
    seats = [cast(RaySeat, seat) for seat, _ in held]
    learner, all_joined = joined(seats, opening, share.sharded, placement.call_seconds)
    waiting += [*(pending for _, pending in held), all_joined]
    return learner


def grader_role(number: int) -> str:
    """What a grader is called; ``number`` counts from 0."""
    return f"grader {number + 1}"


def _learner_role(group: Iterable[str], number: int) -> str:
    names = " ".join(group)
    return f"learner {number + 1} of {names}" if number else f"learner {names}"


def _engine_role(group: Iterable[str], number: int) -> str:
    return f"engine {number + 1} of {' '.join(group)}"


def _critic_role(group: Iterable[str]) -> str:
    return f"critic {' '.join(group)}"


def _owners(config: RunConfig) -> dict[str, AgentConfig]:
    """The agents that have policies of their own."""
    return {name: agent for name, agent in config.agents.items() if agent.shares is None}


def _critics(config: RunConfig, critics: Iterable[str]) -> list[dict[str, CriticConfig]]:
    """The critics by worker."""
    critic = config.critic
    return together(dict.fromkeys(critics, critic)) if isinstance(critic, CriticConfig) else []


def _opening(group: Mapping[str, ModelConfig], kind: str, checkpoint: Path | None, seed: int) -> Opening:
    members = {name: Travelling.of(one, saved_member(checkpoint, kind, name)) for name, one in group.items()}
    return Opening(members, seed)


def _context(config: AgentConfig, name: str, checkpoint: Path | None) -> Context:
    source = saved_source(config, saved_member(checkpoint, "agents", name))
    return Context(load_tokenizer(source, f"agents.{name}"), config, name)
