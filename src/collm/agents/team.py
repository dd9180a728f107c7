"""A team: its agents and, while it trains, its critics; built from a recipe or from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collm.agents.agent import Agent
from collm.agents.critic import Critic
from collm.agents.views import TEAM
from collm.config.tree import RunConfig

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, slots=True)
class Team:
    """Agents by name, and critics: one named ``team``, or one for each agent, or none."""

    agents: Mapping[str, Agent]
    critics: Mapping[str, Critic]

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


def load_agents(config: RunConfig, checkpoint: Path | None = None) -> dict[str, Agent]:
    """The agents of a recipe, with the weights of a checkpoint if one is given.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    return {
        name: Agent(agent, name, None if checkpoint is None else checkpoint / "agents" / name)
        for name, agent in config.agents.items()
    }


def load_team(config: RunConfig, checkpoint: Path | None = None) -> Team:
    """Agents and critics, ready to train; from a checkpoint they go on where they stopped.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    names = {None: (), "joint": (TEAM,), "local": tuple(config.agents)}[config.algorithm.critic_view]
    critics = {}
    for name in names:
        assert config.critic is not None
        critics[name] = Critic(
            config.critic, name, None if checkpoint is None else checkpoint / "critics" / name
        )
    team = Team(load_agents(config, checkpoint), critics)
    if checkpoint is not None:
        team.load_optimizers(checkpoint)
    return team
