"""A small network that says how critics' values are mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collm.agents.critic import Values
from collm.agents.numbers import numbers_tensor
from collm.agents.taking_over import take_over
from collm.agents.views import AnyView, MixerInput, mixer_input
from collm.algorithms.base import MixerView
from collm.base.seeding import derive
from collm.models.config import Optimization
from collm.models.optimizer import Optimizer
from collm.types import Tree

_FILE = "mixer.safetensors"


class Mixer:
    """From the numbers of ``m_t`` to those that mix values, by one hidden layer; on the CPU.

    Its last layer starts with no weights, so that before learning it says the same everywhere
    (Rashid et al. 2018 call it a hypernetwork).

    Args:
        view: what it says at first, its width and its rate.
        numbers: how many numbers ``m_t`` has.
        name: the mixer's id.
        saved: a folder written by :meth:`save`, when resuming.
        seed: the run's.
    """

    def __init__(
        self, view: MixerView, numbers: int, name: str, saved: Path | None = None, seed: int = 0
    ) -> None:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(derive(seed, "mixer", name))
            self._network = nn.Sequential(
                nn.Linear(numbers, view.width), nn.ReLU(), last := nn.Linear(view.width, len(view.first))
            )
        self._count = numbers
        nn.init.zeros_(last.weight)
        last.bias.data = torch.tensor(view.first)
        if saved is not None:
            take_over(self._network, saved / _FILE)
        optimization = Optimization(learning_rate=view.learning_rate)
        self._optimizer = Optimizer(self.parameters(), optimization)

    def read(self, tree: Tree, view: AnyView, turns: Sequence[int] | None = None) -> MixerInput:
        """What it reads of a tree: the same for every view."""
        return mixer_input(tree)

    def check_reads(self, tree: Tree) -> None:
        """Test that it can read a tree.

        Raises:
            CollmError: if the environment's numbers are not as many at every turn.
        """
        numbers_tensor(mixer_input(tree).numbers, self._count)

    def predict(self, inputs: Sequence[MixerInput]) -> Values:
        """``"place output"`` for each input, kept with its graph."""
        numbers = [one for read in inputs for one in read.numbers]
        graph = self._network(numbers_tensor(numbers, self._count)).split(
            [len(read.numbers) for read in inputs]
        )
        return Values(tuple(one.detach() for one in graph), graph)

    def update(
        self,
        inputs: Sequence[MixerInput],
        values: Values,
        gradients: Sequence[Tensor],
        scale: float,
        update: int,
        planned_updates: int,
    ) -> dict[str, float]:
        """Take one optimizer step, as :meth:`collm.agents.critic.Critic.update` tells."""
        assert values.graph is not None
        torch.autograd.backward(list(values.graph), [one * scale for one in gradients])
        norm, rate = self._optimizer.step(update, planned_updates)
        return {"grad_norm": norm, "learning_rate": rate}

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        save_file(self._network.state_dict(), folder / _FILE)

    def save_optimizer(self, file: Path) -> None:
        self._optimizer.save(file)

    def load_optimizer(self, file: Path) -> None:
        self._optimizer.load(file)

    def parameters(self) -> Iterator[nn.Parameter]:
        return self._network.parameters()
