"""A bonus for joint actions that say something of what the team saw, in episodes that went well (PMIC).

Source: Li et al. 2022, "PMIC: Improving Multi-Agent Reinforcement Learning with Progressive Mutual
Information Collaboration", with texts in place of vectors: a joint turn is a pair of what all agents observed
and of what they replied. Good turns teach a lower bound of their mutual information, which is rewarded, bad
ones an upper bound, which is charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from collm import functional
from collm.agents.config import BonusConfig
from collm.agents.embedding import embedded
from collm.base.seeding import derive
from collm.types import Tree, Turn

BONUS_FILE = "bonus.pt"
_SHARED = 32
_HIDDEN = 64
_LEAST_PAIRS = 2
_NUMBER = 4
"""Bytes of a float32."""


@dataclass(slots=True)
class _Memory:
    """Pairs, the newest last: what was observed and what was replied, ``"pair width"`` each."""

    seen: Tensor
    said: Tensor

    def take_in(self, seen: Tensor, said: Tensor, most: int) -> None:
        self.seen, self.said = torch.cat([self.seen, seen])[-most:], torch.cat([self.said, said])[-most:]


@dataclass(frozen=True, slots=True)
class Bonus:
    """What was added to the rewards of some trees.

    Attributes:
        trees: with rewards that hold the bonus.
        measures: its mean and the means of both bounds over their turns.
    """

    trees: tuple[Tree, ...]
    measures: Mapping[str, float] = field(default_factory=dict)


class InformationBonus:
    """Learns both bounds, and adds them to rewards; its state is saved with the team's.

    Args:
        config: weights, sizes, rates.
        agents: their names, in order.
        seed: the run's.
    """

    def __init__(self, config: BonusConfig, agents: Sequence[str], seed: int) -> None:
        self._config, self._agents = config, tuple(agents)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "bonus"))
            width = config.width * len(self._agents)
            self._left, self._right = _net(width, _SHARED), _net(width, _SHARED)
            self._guess = _net(width, 2 * width)
        nets = (self._left, self._right, self._guess)
        parameters = [parameter for net in nets for parameter in net.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
        self._noise = torch.Generator().manual_seed(derive(seed, "bonus", "batches") % 2**63)
        empty = torch.zeros(0, width)
        self._good, self._bad = _Memory(empty, empty), _Memory(empty, empty)
        self._returns: dict[str, list[float]] = {}

    def given(self, trees: Sequence[Tree], update: int) -> Bonus:
        """Learn from the turns of some trees, then add the bonus to their rewards, probes' too.

        Args:
            trees: sound ones.
            update: counted from 0; weights fade to 0 until ``fade_updates``.
        """
        pairs = [self._pairs(tree) for tree in trees]
        for tree in trees:
            self._hear(tree)
        for tree, (seen, said) in zip(trees, pairs, strict=True):
            self._remember(tree, seen, said)
        self._learn()
        faded = 1.0 if self._config.fade_updates is None else max(0.0, 1 - update / self._config.fade_updates)
        alpha, beta = faded * self._config.alpha, faded * self._config.beta
        low, high = self._bounds(torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs]))
        bonus = alpha * low - beta * high
        measures = {"bonus": bonus, "information_low": low, "information_high": high}
        told = {name: float(values.mean()) for name, values in measures.items()}
        if alpha == beta == 0:
            return Bonus(tuple(trees), told)
        shares = torch.split(bonus, [len(tree.turns) for tree in trees])
        return Bonus(tuple(map(_paid, trees, (share.tolist() for share in shares))), told)

    @property
    def most_bytes(self) -> int:
        """What models, gradients, moments and full memories take; returns of tasks are not counted."""
        trained = sum(one.numel() for group in self._optimizer.param_groups for one in group["params"])
        kept = 2 * 2 * self._config.memory * self._config.width * len(self._agents)  # good and bad pairs
        return _NUMBER * int(4 * trained + kept)

    def save(self, folder: Path) -> None:
        memories = [(one.seen, one.said) for one in (self._good, self._bad)]
        state = {
            "nets": [net.state_dict() for net in (self._left, self._right, self._guess)],
            "optimizer": self._optimizer.state_dict(),
            "noise": self._noise.get_state(),
            "memories": memories,
            "returns": self._returns,
        }
        torch.save(state, folder / BONUS_FILE)

    def load(self, folder: Path) -> None:
        state: Any = torch.load(folder / BONUS_FILE, weights_only=True)
        for net, own in zip((self._left, self._right, self._guess), state["nets"], strict=True):
            net.load_state_dict(own)
        self._optimizer.load_state_dict(state["optimizer"])
        self._noise.set_state(state["noise"])
        self._good, self._bad = (_Memory(*one) for one in state["memories"])
        self._returns = state["returns"]

    def _pairs(self, tree: Tree) -> tuple[Tensor, Tensor]:
        """What was observed and replied at every turn, ``"turn width"`` each."""
        seen = [[_text(turn.observations, name) for turn in tree.turns] for name in self._agents]
        said = [[_text(turn.joint_action, name) for turn in tree.turns] for name in self._agents]
        width = self._config.width
        return (
            torch.cat([embedded(one, width) for one in seen], dim=1),
            torch.cat([embedded(one, width) for one in said], dim=1),
        )

    def _hear(self, tree: Tree) -> None:
        """Add the returns of a tree to the latest ones of its task."""
        known = self._returns.get(tree.task.id, [])
        self._returns[tree.task.id] = (known + _episode_returns(tree.played))[-self._config.memory :]

    def _remember(self, tree: Tree, seen: Tensor, said: Tensor) -> None:
        """Put the turns that were played into memory: good or bad among the latest of their task."""
        known, worth = self._returns[tree.task.id], _episode_returns(tree.played)
        good = torch.tensor([_is_good(one, known, self._config.percentile) for one in worth])
        for memory, chosen in ((self._good, good), (self._bad, ~good)):
            memory.take_in(seen[: len(worth)][chosen], said[: len(worth)][chosen], self._config.memory)

    def _learn(self) -> None:
        """Raise the lower bound on good turns, and the likelihood of bad turns' replies."""
        if not self._awake:
            return
        for _ in range(self._config.steps):
            good, bad = self._drawn(self._good), self._drawn(self._bad)
            lower = functional.information_lower_bounds(self._scores(*good)).mean()
            likely = self._logprobs(*bad).diagonal().mean()
            self._optimizer.zero_grad()
            (-lower - likely).backward()
            self._optimizer.step()

    @property
    def _awake(self) -> bool:
        least = max(_LEAST_PAIRS, self._config.least_memory)
        return min(len(self._good.seen), len(self._bad.seen)) >= least

    def _drawn(self, memory: _Memory) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(memory.seen), generator=self._noise)[: self._config.batch]
        return memory.seen[order], memory.said[order]

    @torch.no_grad()
    def _bounds(self, seen: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
        """Both bounds of every pair among the others, ``"pair"``; 0 until there is enough to learn from."""
        if not self._awake or len(seen) < _LEAST_PAIRS:
            return torch.zeros(len(seen)), torch.zeros(len(seen))
        low = functional.information_lower_bounds(self._scores(seen, said))
        return low, functional.information_upper_bounds(self._logprobs(seen, said))

    def _scores(self, seen: Tensor, said: Tensor) -> Tensor:
        scores: Tensor = self._left(seen) @ self._right(said).T
        return scores

    def _logprobs(self, seen: Tensor, said: Tensor) -> Tensor:
        """Of every reply given every observation, by a Gaussian, up to a constant, ``"left right"``."""
        mean, spread = self._guess(seen).chunk(2, dim=1)
        spread = spread.tanh().unsqueeze(1)
        distances = (said.unsqueeze(0) - mean.unsqueeze(1)).square() / spread.exp()
        logprobs: Tensor = -(distances + spread).sum(2) / 2
        return logprobs


def _net(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, outputs))


def _text(by_agent: Mapping[str, Any], name: str) -> str:
    return by_agent[name].text if name in by_agent else ""


def _episode_returns(tree: Tree) -> list[float]:
    """For each turn what episodes through it return on average, undiscounted."""
    rewards = torch.tensor([turn.reward for turn in tree.turns], dtype=torch.float64)
    below = functional.tree_returns(rewards, tree.parents, 1.0).tolist()
    past: list[float] = []
    for parent in tree.parents:
        past.append(0.0 if parent is None else past[parent] + tree.turns[parent].reward)
    return [before + after for before, after in zip(past, below, strict=True)]


def _is_good(worth: float, known: Sequence[float], share: float) -> bool:
    """Whether it is more than a percentile of what is known, or the best where the percentile is that."""
    bar = float(torch.tensor(known, dtype=torch.float64).quantile(share))
    return worth > bar or worth == bar == max(known) > min(known)


def _paid(tree: Tree, bonus: Sequence[float]) -> Tree:
    return replace(tree, turns=tuple(map(_with_bonus, tree.turns, bonus)))


def _with_bonus(turn: Turn, bonus: float) -> Turn:
    shares = turn.agent_rewards
    return replace(
        turn,
        reward=turn.reward + bonus,
        agent_rewards=shares and {name: share + bonus for name, share in shares.items()},
    )
