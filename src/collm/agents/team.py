"""A team: its agents and, while it trains, its critics; from base models or from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig, TrunkConfig
from collm.agents.critic import Critic
from collm.agents.elsewhere import Elsewhere
from collm.agents.information import InformationBonus
from collm.agents.mixer import Mixer
from collm.agents.policy import Policy
from collm.agents.trunk import AnyCritic, TrunkCritic
from collm.algorithms.base import MixerView
from collm.engines.kinds.http import HttpKind
from collm.models.backbone import Backbones
from collm.types import Observation

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, slots=True)
class Team:
    """Agents, critics and mixers of critics' values, by name, and what adds a bonus to rewards, if any."""

    agents: Mapping[str, Agent]
    critics: Mapping[str, AnyCritic]
    mixers: Mapping[str, Mixer] = field(default_factory=dict)
    bonus: InformationBonus | None = None

    @property
    def policies(self) -> Mapping[str, Policy]:
        """What plays of each agent."""
        return policies_of(self.agents)

    @property
    def value_models(self) -> Mapping[str, AnyCritic | Mixer]:
        """Critics and mixers."""
        return {**self.critics, **self.mixers}

    def save(self, folder: Path, optimizers: bool = True) -> None:
        """Write every agent and critic as a Hugging Face folder, mixers, and the optimizers' states."""
        for kind, name, member in self._members():
            member.save(folder / f"{kind}s" / name)
        if optimizers:
            (folder / "optimizers").mkdir()
            for kind, name, member in self._learning():
                member.save_optimizer(folder / "optimizers" / f"{kind}-{name}.pt")
            if self.bonus is not None:
                self.bonus.save(folder / "optimizers")

    def load_optimizers(self, folder: Path) -> None:
        for kind, name, member in self._learning():
            member.load_optimizer(folder / "optimizers" / f"{kind}-{name}.pt")
        if self.bonus is not None:
            self.bonus.load(folder / "optimizers")

    def _members(self) -> Iterator[tuple[str, str, Agent | AnyCritic | Mixer]]:
        """Everything that has weights of its own, with its kind and name."""
        for name, agent in self.agents.items():
            if agent.config.shares is None:
                yield "agent", name, agent
        for name, critic in self.critics.items():
            yield "critic", name, critic
        for name, mixer in self.mixers.items():
            yield "mixer", name, mixer

    def _learning(self) -> Iterator[tuple[str, str, Agent | AnyCritic | Mixer]]:
        for kind, name, member in self._members():
            if kind != "agent" or not self.agents[name].config.frozen:
                yield kind, name, member


class Player(Protocol):
    """A member of a team that plays, wherever its weights are."""

    @property
    def policy(self) -> Policy:
        """What plays of it."""

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        """Test that it can read the observations of an episode."""


def policies_of(agents: Mapping[str, Player]) -> dict[str, Policy]:
    """What plays of each agent."""
    return {name: agent.policy for name, agent in agents.items()}


def load_agents(
    configs: Mapping[str, AgentConfig],
    checkpoint: Path | None = None,
    seed: int = 0,
    bases: Backbones | None = None,
) -> dict[str, Agent]:
    """Agents, with the weights of a checkpoint if one is given; a shared policy is loaded once.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    bases = bases or Backbones()
    opened: dict[str, Agent] = {}
    for name, config in configs.items():
        owner = config.shares or name
        if owner not in opened:
            saved = None if checkpoint is None else checkpoint / "agents" / owner
            opened[owner] = Agent(config.model_copy(update={"shares": None}), owner, saved, seed, bases)
    return {
        name: opened[name] if config.shares is None else opened[config.shares].shared_by(config, name)
        for name, config in configs.items()
    }


def load_players(configs: Mapping[str, AgentConfig], checkpoint: Path | None = None) -> dict[str, Player]:
    """Agents that only play: those behind endpoints are asked there, the others loaded.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    here = {name: one for name, one in configs.items() if not isinstance(one.engine, HttpKind)}
    players: dict[str, Player] = {**load_agents(here, checkpoint)}
    for name in configs.keys() - here.keys():
        players[name] = Elsewhere(configs[name], name)
    return {name: players[name] for name in configs}


def load_team(
    configs: Mapping[str, AgentConfig],
    critic: CriticConfig | TrunkConfig | None,
    critics: Iterable[str],
    checkpoint: Path | None = None,
    seed: int = 0,
    numbers: int = 0,
) -> Team:
    """Agents and critics, ready to train; :meth:`Team.load_optimizers` takes up how a checkpoint learned.

    Args:
        configs: of the agents, by name.
        critic: of all critics; ``None`` only if there are none.
        critics: their names.
        checkpoint: written by :meth:`Team.save`; has the weights of every agent, and of critics that are
            of its algorithm too.
        seed: the run's.
        numbers: how many the environment's ``m_t`` has.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    bases, saved = Backbones(), {name: saved_member(checkpoint, "critics", name) for name in critics}
    opened: dict[str, AnyCritic] = {}
    if isinstance(critic, CriticConfig):
        opened |= {name: Critic(critic, name, folder, seed, bases, numbers) for name, folder in saved.items()}
    agents = load_agents(configs, checkpoint, seed, bases)
    if isinstance(critic, TrunkConfig):
        opened |= {name: TrunkCritic(critic, agents[name], folder, seed) for name, folder in saved.items()}
    return Team(agents, opened)


def open_mixers(
    mixers: Mapping[str, MixerView], numbers: int, checkpoint: Path | None, seed: int
) -> dict[str, Mixer]:
    """The mixers of a team.

    Args:
        mixers: what they are to be, by name.
        numbers: how many the environment's ``m_t`` has.
        checkpoint, seed: as :func:`load_team` has them.
    """
    return {
        name: Mixer(view, numbers, name, saved_member(checkpoint, "mixers", name), seed)
        for name, view in mixers.items()
    }


def saved_member(checkpoint: Path | None, kind: str, name: str) -> Path | None:
    """A critic's or mixer's folder; a team that trained with another algorithm has none."""
    folder = None if checkpoint is None else checkpoint / kind / name
    return folder if folder is not None and folder.is_dir() else None
