"""A team: its agents and, while it trains, its critics; from base models or from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic
from collm.agents.policy import Policy
from collm.models.backbone import Backbones

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, slots=True)
class Team:
    """Agents and critics by name."""

    agents: Mapping[str, Agent]
    critics: Mapping[str, Critic]

    @property
    def policies(self) -> Mapping[str, Policy]:
        """What plays of each agent."""
        return policies_of(self.agents)

    def save(self, folder: Path, optimizers: bool = True) -> None:
        """Write every agent and critic as a Hugging Face folder, and the optimizers' states."""
        for kind, members in (("agents", self.agents), ("critics", self.critics)):
            for name, member in members.items():
                member.save(folder / kind / name)
        if optimizers:
            (folder / "optimizers").mkdir()
            for name, agent in self.agents.items():
                agent.save_optimizer(folder / "optimizers" / f"agent-{name}.pt")
            for name, critic in self.critics.items():
                critic.save_optimizer(folder / "optimizers" / f"critic-{name}.pt")

    def load_optimizers(self, folder: Path) -> None:
        for name, agent in self.agents.items():
            agent.load_optimizer(folder / "optimizers" / f"agent-{name}.pt")
        for name, critic in self.critics.items():
            critic.load_optimizer(folder / "optimizers" / f"critic-{name}.pt")


def policies_of(agents: Mapping[str, Agent]) -> dict[str, Policy]:
    """What plays of each agent."""
    return {name: agent.policy for name, agent in agents.items()}


def load_agents(
    configs: Mapping[str, AgentConfig],
    checkpoint: Path | None = None,
    seed: int = 0,
    bases: Backbones | None = None,
) -> dict[str, Agent]:
    """Agents, with the weights of a checkpoint if one is given.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    bases = bases or Backbones()
    return {
        name: Agent(config, name, None if checkpoint is None else checkpoint / "agents" / name, seed, bases)
        for name, config in configs.items()
    }


def load_team(
    configs: Mapping[str, AgentConfig],
    critic: CriticConfig | None,
    critics: Iterable[str],
    checkpoint: Path | None = None,
    seed: int = 0,
) -> Team:
    """Agents and critics, ready to train; :meth:`Team.load_optimizers` takes up how a checkpoint learned.

    Args:
        configs: of the agents, by name.
        critic: of all critics; ``None`` only if there are none.
        critics: their names.
        checkpoint: written by :meth:`Team.save`; has the weights of every agent, and of critics that are
            of its algorithm too.
        seed: the run's.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    opened, bases = {}, Backbones()
    for name in critics:
        assert critic is not None
        opened[name] = Critic(critic, name, _critic_in(checkpoint, name), seed, bases)
    return Team(load_agents(configs, checkpoint, seed, bases), opened)


def _critic_in(checkpoint: Path | None, name: str) -> Path | None:
    """A critic's folder; a team that trained with another algorithm has none."""
    folder = None if checkpoint is None else checkpoint / "critics" / name
    return folder if folder is not None and folder.is_dir() else None
