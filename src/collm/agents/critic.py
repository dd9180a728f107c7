"""The critic in this process: a language model whose head says one number, the value of a history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from collm.agents.config import CriticConfig
from collm.agents.views import View
from collm.functional.losses import value_losses
from collm.models.loading import check_known, load_tokenizer, load_trunk
from collm.models.optimizer import Optimizer
from collm.models.packing import Row, microbatches, model_inputs

_HEAD_FILE = "value_head.safetensors"

Targets = Callable[[int, Tensor], tuple[Tensor, Tensor]]
"""From a view's number and its values ``"passage"`` to targets and 0/1 weights, both ``"passage"``."""


class Critic:
    """Values every turn of an episode in one forward pass.

    Args:
        config: model and optimization.
        name: the critic's id, for errors.
        weights: a folder written by :meth:`save`, when resuming.

    Raises:
        CollmError: if the model or the tokenizer cannot be opened.
    """

    def __init__(self, config: CriticConfig, name: str, weights: Path | None = None) -> None:
        where = "critic" if weights is None else f"critic {name}"
        source = (
            config
            if weights is None
            else config.model_copy(update={"model": str(weights), "tokenizer": None})
        )
        self.config, self.name = config, name
        self.tokenizer = load_tokenizer(source, where)
        self.trunk = load_trunk(source, where)
        self.head = nn.Linear(self.trunk.config.hidden_size, 1, device=self.trunk.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if weights is not None:
            self.head.load_state_dict(load_file(weights / _HEAD_FILE, device=str(self.trunk.device)))
        self._optimizer: Optimizer | None = None

    @torch.no_grad()
    def values(self, views: Sequence[View]) -> list[Tensor]:
        """The value at every passage of every view, each ``"passage"``."""
        found: dict[int, Tensor] = {}
        for group in self._batches(views):
            found.update(self._forward(group))
        return [found[number] for number in range(len(views))]

    def update(
        self, views: Sequence[View], targets: Targets, update: int, planned_updates: int
    ) -> dict[str, float]:
        """Value the views and take one optimizer step on the mean squared error, in the same pass.

        Args:
            targets: called once for each view with its values, before the step.
            update, planned_updates: place in the learning-rate schedule.

        Returns:
            The loss, the share of the targets' variance that the values explain, norm and rate.
        """
        said: list[Tensor] = []
        wanted: list[Tensor] = []
        for group in self._batches(views):
            losses = []
            for number, values in self._forward(group).items():
                goal, weight = targets(number, values.detach())
                losses.append((value_losses(values, goal) * weight).sum())
                said.append(values.detach()[weight > 0])
                wanted.append(goal[weight > 0])
            torch.stack(losses).sum().backward()
        predicted, actual = torch.cat(said), torch.cat(wanted)
        self._scale_gradients(1 / max(1, len(actual)))
        norm, rate = self._stepper().step(update, planned_updates)
        return {
            "value_loss": float(value_losses(predicted, actual).mean()),
            "explained_variance": explained_variance(predicted, actual),
            "grad_norm": norm,
            "learning_rate": rate,
        }

    def check_reads(self, view: View) -> None:
        """Test that the critic can read a view.

        Raises:
            CollmError: if the tokenizer is of another model.
        """
        check_known(self.trunk, self.tokenizer, self._row(0, view).tokens, "critic")

    def save(self, folder: Path) -> None:
        """Write the trunk as a Hugging Face folder, with the value head beside it."""
        self.trunk.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        save_file(self.head.state_dict(), folder / _HEAD_FILE)

    def save_optimizer(self, file: Path) -> None:
        self._stepper().save(file)

    def load_optimizer(self, file: Path) -> None:
        self._stepper().load(file, self.trunk.device)

    def parameters(self) -> Iterator[nn.Parameter]:
        yield from self.trunk.parameters()
        yield from self.head.parameters()

    def _batches(self, views: Sequence[View]) -> Iterator[list[Row]]:
        """One row for each view, in microbatches."""
        rows = [self._row(number, view) for number, view in enumerate(views)]
        yield from microbatches(rows, self.config.batch_tokens)

    def _row(self, number: int, view: View) -> Row:
        """An episode's tokens, each seeing the ``context`` most recent, and the columns of its values."""
        row = Row(window=self.config.context)
        columns = []
        segment: int | None = None
        for passage in view.passages:
            ids = tuple(self.tokenizer(passage, add_special_tokens=False).input_ids)
            segment = row.append(ids, segment, len(row.tokens) - 1)
            columns.append(len(row.tokens) - 1)
        row.spans.append((number, columns))
        return row

    def _forward(self, rows: Sequence[Row]) -> dict[int, Tensor]:
        inputs = model_inputs(rows, self.tokenizer.pad_token_id, self.trunk.device)
        hidden = self.trunk(**inputs, use_cache=False).last_hidden_state
        values = self.head(hidden.float()).squeeze(-1)
        return {
            number: values[index, columns] for index, row in enumerate(rows) for number, columns in row.spans
        }

    def _scale_gradients(self, factor: float) -> None:
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(factor)

    def _stepper(self) -> Optimizer:
        if self._optimizer is None:
            self._optimizer = Optimizer(self.parameters(), self.config.optimization)
        return self._optimizer


def explained_variance(predicted: Tensor, actual: Tensor) -> float:
    """1 - Var(actual - predicted) / Var(actual); 0 where the targets do not vary."""
    variance = float(actual.var(correction=0))
    return 1 - float((actual - predicted).var(correction=0)) / variance if variance > 0 else 0.0
