"""A critic that is no model of its own: a value head on its actor's trunk (paper appendix B).

Values and log-probabilities come from one forward pass of the actor, each value from the hidden state of the
last token before an action. A gradient of the value loss goes back from there together with the policy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collm.agents.agent import Agent
from collm.agents.config import TrunkConfig
from collm.agents.critic import Critic, Values
from collm.agents.joining import Pair, Pull
from collm.agents.learner import Reading
from collm.agents.value_head import HEAD_FILE, open_head
from collm.agents.views import AnyView
from collm.base.seeding import derive
from collm.errors import CollmError
from collm.models.families import text_config
from collm.models.optimizer import Optimizer
from collm.types import History, Tree


@dataclass(frozen=True, slots=True)
class TrunkInput:
    """A tree as its actor read it.

    Attributes:
        pairs: prompts with the actions that followed them.
        before, following, after: for each turn the pair before whose action a value is read; ``None`` where
            none is.
    """

    pairs: tuple[Pair, ...]
    before: tuple[int | None, ...]
    following: tuple[int | None, ...]
    after: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Read(Values):
    """Values with the pass that they came from, which lives as long as they do."""

    reading: Reading | None = None


class TrunkCritic:
    """Values an agent's histories by a head on the agent's own model.

    The head takes steps of its own. The trunk moves with the agent's steps alone, by the values of those
    actions that the agent learns from.

    Args:
        config: of the head, and how much its loss moves the trunk.
        agent: whose trunk it is.
        saved: a folder written by :meth:`save`, when resuming.
        seed: the run's.
    """

    def __init__(self, config: TrunkConfig, agent: Agent, saved: Path | None = None, seed: int = 0) -> None:
        self.config, self.name, self._agent = config, agent.name, agent
        with agent.learner.weights.model() as model:
            width = text_config(model).hidden_size
            self.head = open_head(width, config.scaled_targets, model.device, saved)
        noise = derive(seed, "rounding", "critic", agent.name)
        self._optimizer = Optimizer(self.head.parameters(), config.optimization, noise)

    def read(self, tree: Tree, view: AnyView, turns: Sequence[int] | None = None) -> TrunkInput:
        """What the agent read of a tree, which is all that this critic can read.

        Raises:
            CollmError: if the agent sits turns out.
        """
        if any(self.name not in turn.joint_action for turn in tree.turns):
            problem = f"agent {self.name} does not act at every turn, so its trunk has not read them all."
            raise CollmError("critic.trunk", problem, "leave it out: critics of their own read every turn.")
        return trunk_input(tree, self._agent)

    def check_reads(self, tree: Tree, view: AnyView) -> None:
        """Test that the critic can read a tree.

        Raises:
            CollmError: as :meth:`read` tells.
        """
        self.read(tree, view)

    def predict(self, inputs: Sequence[TrunkInput]) -> Values:
        """The value before every action."""
        reading = self._agent.learner.read([pair for one in inputs for pair in one.pairs])
        with torch.no_grad():
            values = self.head(reading.before.float()).squeeze(-1)
        return _Read(values.split([len(one.pairs) for one in inputs]), None, reading)

    def update(
        self,
        inputs: Sequence[TrunkInput],
        values: Values,
        gradients: Sequence[Tensor],
        scale: float,
        update: int,
        planned_updates: int,
    ) -> dict[str, float]:
        """Take a step of the head, and leave for the agent's next step what its trunk shall learn.

        Arguments and result are those of :meth:`collm.agents.critic.Critic.update`.
        """
        assert isinstance(values, _Read)
        assert values.reading is not None
        before = values.reading.before.float().requires_grad_()
        found = self.head(before).squeeze(-1)
        torch.autograd.backward(found, scale * torch.cat(list(gradients)).to(found))
        if self.config.weight > 0:
            assert before.grad is not None
            pairs = [pair for one in inputs for pair in one.pairs]
            pulled = _summed(pairs, self.config.weight * before.grad)
            self._agent.learner.pull = Pull(pulled, self.config.interference)
        norm, rate = self._optimizer.step(update, planned_updates)
        return {"grad_norm": norm, "learning_rate": rate}

    @property
    def awaits_scale(self) -> bool:
        """Whether its head must see targets before it says anything."""
        return self.head.awaits_scale

    def follow(self, targets: Tensor) -> None:
        """Let the head take in the targets ``"value"`` of a step, after it."""
        self.head.follow(targets)

    def save(self, folder: Path) -> None:
        """Write the head; the trunk lies with the agent."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.head.state_dict(), folder / HEAD_FILE)

    def save_optimizer(self, file: Path) -> None:
        self._optimizer.save(file)

    def load_optimizer(self, file: Path) -> None:
        self._optimizer.load(file)

    def parameters(self) -> Iterator[nn.Parameter]:
        yield from self.head.parameters()


def _summed(pairs: Sequence[Pair], gradients: Tensor) -> dict[Pair, Tensor]:
    """Gradients ``"pair width"`` by their tokens, which may be alike."""
    sums: dict[Pair, Tensor] = {}
    for pair, gradient in zip(pairs, gradients, strict=True):
        sums[pair] = sums[pair] + gradient if pair in sums else gradient
    return sums


AnyCritic = Critic | TrunkCritic
"""What values histories: a model of its own, or a head on its actor's."""


def trunk_input(tree: Tree, agent: Agent) -> TrunkInput:
    """A tree as one agent read it, who acts at every turn."""
    pairs: list[Pair] = []
    following: dict[int, int] = {}
    for number, (turn, parent) in enumerate(zip(tree.turns, tree.parents, strict=True)):
        action = turn.joint_action[agent.name]
        if parent is not None:
            following.setdefault(parent, number)
        pairs.append((action.prompt_ids, action.token_ids or action.prompt_ids[-1:]))
    for number, turn in enumerate(tree.turns):
        if turn.next_observations is not None and agent.name in turn.next_observations:
            prompt, _ = agent.policy.context.prompt(
                _history(tree, number, agent.name), turn.next_observations[agent.name]
            )
            following[number] = len(pairs)
            pairs.append((prompt, prompt[-1:]))  # nothing was said here; any token stands for it
    places = range(len(tree.turns))
    return TrunkInput(
        tuple(pairs), tuple(places), tuple(map(following.get, places)), (None,) * len(tree.turns)
    )


def _history(tree: Tree, number: int, agent: str) -> History:
    """What an agent saw and did up to a turn, that turn among it."""
    history = History()
    for turn in (tree.turns[place] for place in tree.path(number)):
        history = history.after(turn.observations[agent], turn.joint_action[agent])
    return history
