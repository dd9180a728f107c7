"""The critic in this process: a language model whose head says one number, the value of a history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collm.agents.config import CriticConfig
from collm.agents.numbers import Widening
from collm.agents.value_head import HEAD_FILE, open_head
from collm.agents.views import AnyView, CriticInput, critic_input
from collm.agents.weights import open_weights, saved_source
from collm.base.seeding import derive
from collm.models.backbone import Backbones
from collm.models.families import text_config, trunk
from collm.models.loading import check_known, load_tokenizer, load_trunk
from collm.models.masks import model_inputs
from collm.models.offloading import remembering
from collm.models.optimizer import Optimizer
from collm.models.rows import Row, microbatches
from collm.types import Tree

_KEPT_TEXTS = 1024
"""So many passages' tokens are kept: passes over one buffer read the same texts again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A critic's values of some inputs.

    Attributes:
        by_passage: for each input ``"passage"``, constants.
        graph: the same with their gradient's way back; ``None`` if they did not fit into one forward pass.
    """

    by_passage: tuple[Tensor, ...]
    graph: tuple[Tensor, ...] | None = None


class Critic:
    """Values every passage of a tree in one forward pass.

    Args:
        config: model and optimization.
        name: the critic's id, for errors.
        saved: a folder written by :meth:`save`, when resuming.
        seed: the run's.
        bases: loads the weights that roles share; the team's.
        numbers: how many the environment's ``m_t`` has, for a critic that reads them.

    Raises:
        CollmError: if the model or the tokenizer cannot be opened.
    """

    def __init__(
        self,
        config: CriticConfig,
        name: str,
        saved: Path | None = None,
        seed: int = 0,
        bases: Backbones | None = None,
        numbers: int = 0,
    ) -> None:
        where = "critic" if saved is None else f"critic {name}"
        self.config, self.name = config, name
        self.tokenizer = load_tokenizer(saved_source(config, saved), where)
        noise = derive(seed, "adapter", "critic", name)
        self.weights = open_weights(bases or Backbones(), config, where, saved, noise, load_trunk)
        with self.weights.model() as model:
            width = text_config(model).hidden_size
            read = 2 * width if config.numbers else width
            self.head = open_head(read, config.scaled_targets, model.device, saved)
            self.widening: Widening | None = None
            if config.numbers:
                features = derive(seed, "numbers", "critic", name)
                self.widening = Widening(numbers, width, features, saved).to(model.device)
        self._ids = lru_cache(_KEPT_TEXTS)(partial(_encoded, self.tokenizer))
        self._optimizer = Optimizer(
            self.parameters(), config.optimization, derive(seed, "rounding", "critic", name)
        )

    def read(self, tree: Tree, view: AnyView, turns: Sequence[int] | None = None) -> CriticInput:
        """What it reads of a tree; arguments and errors are those of :func:`critic_input`."""
        return critic_input(tree, view, self.config.global_information, turns)

    def predict(self, inputs: Sequence[CriticInput]) -> Values:
        """The value at every passage, kept with its graph where one forward pass holds all inputs."""
        batches = list(self._batches(inputs))
        if len(batches) == 1:
            graph = self._ordered(self._forward(batches[0], inputs))
            return Values(tuple(values.detach() for values in graph), graph)
        with torch.no_grad():
            values = {
                number: one for batch in batches for number, one in self._forward(batch, inputs).items()
            }
        return Values(self._ordered(values))

    def update(
        self,
        inputs: Sequence[CriticInput],
        values: Values,
        gradients: Sequence[Tensor],
        scale: float,
        update: int,
        planned_updates: int,
    ) -> dict[str, float]:
        """Take one optimizer step.

        Args:
            inputs, values: as :meth:`predict` had and gave them.
            gradients: of the loss by each value, for each input ``"passage"``.
            scale: of all gradients; 1 over the number of values in the loss gives its mean.
            update, planned_updates: place in the learning-rate schedule.

        Returns:
            The gradient norm and the learning rate.
        """
        with self.weights.model():  # the backward pass needs an adapter on as the forward pass did
            for outputs in self._again(inputs, values):
                chosen = [gradients[number].to(one) for number, one in outputs.items()]
                torch.autograd.backward(list(outputs.values()), chosen)
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(scale)
        norm, rate = self._optimizer.step(update, planned_updates)
        return {"grad_norm": norm, "learning_rate": rate}

    @property
    def awaits_scale(self) -> bool:
        """Whether its head must see targets before it says anything."""
        return self.head.awaits_scale

    def follow(self, targets: Tensor) -> None:
        """Let the head take in the targets ``"value"`` of a step, after it."""
        self.head.follow(targets)

    def check_reads(self, tree: Tree, view: AnyView) -> None:
        """Test that the critic can read a tree.

        Raises:
            CollmError: if the tokenizer is of another model, or numbers are not as many at every turn.
        """
        read = self.read(tree, view)
        if self.widening is not None:
            self.widening.check_reads([passage.numbers for passage in read.passages])
        with self.weights.model() as model:
            check_known(model, self.tokenizer, self._row(0, read).tokens, "critic")

    def save(self, folder: Path) -> None:
        """Write the trunk as a Hugging Face folder, or its adapter, with the value head beside it."""
        self.weights.save(folder)
        self.tokenizer.save_pretrained(folder)
        save_file(self.head.state_dict(), folder / HEAD_FILE)
        if self.widening is not None:
            self.widening.save(folder)

    def save_optimizer(self, file: Path) -> None:
        self._optimizer.save(file)

    def load_optimizer(self, file: Path) -> None:
        self._optimizer.load(file)

    def parameters(self) -> Iterator[nn.Parameter]:
        yield from self.weights.parameters()
        yield from self.head.parameters()
        if self.widening is not None:
            yield from self.widening.parameters()

    def _again(self, inputs: Sequence[CriticInput], values: Values) -> Iterator[dict[int, Tensor]]:
        """The values with their graph, a microbatch at a time, by the number of the input."""
        if values.graph is not None:
            yield dict(enumerate(values.graph))
        else:
            yield from (self._forward(batch, inputs) for batch in self._batches(inputs))

    def _batches(self, inputs: Sequence[CriticInput]) -> Iterator[list[Row]]:
        """One row for each input, in microbatches."""
        rows = [self._row(number, one) for number, one in enumerate(inputs)]
        yield from microbatches(rows, self.config.batch_tokens)

    def _row(self, number: int, read: CriticInput) -> Row:
        """A tree's tokens, each seeing the ``context`` most recent, and the columns of its values."""
        row = Row(window=self.config.context)
        places: list[tuple[int | None, int]] = []
        for passage in read.passages:
            segment, column = (None, -1) if passage.parent is None else places[passage.parent]
            ids = self._ids(passage.text)
            if segment is None:
                ids = self._opening(ids)
            if self.config.reads == "recent":
                ids = ids[-self.config.context :]
            if ids:
                segment, column = row.append(ids, segment, column), len(row.tokens) - 1
            places.append((segment, column))
        row.spans.append((number, [column for _, column in places]))
        return row

    def _opening(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """The first tokens: with the beginning-of-sequence token that a family wants, and never none."""
        begin = tuple(self.tokenizer("").input_ids[:1])
        if begin != (self.tokenizer.bos_token_id,):
            begin = ()
        return begin + ids or (self.tokenizer.eos_token_id,)

    def _forward(self, rows: Sequence[Row], inputs: Sequence[CriticInput]) -> dict[int, Tensor]:
        with self.weights.model() as model, remembering(model, self.config):
            packed = model_inputs(rows, self.tokenizer.pad_token_id, model)
            hidden = trunk(model)(**packed, use_cache=False).last_hidden_state
        places = [(index, *span) for index, row in enumerate(rows) for span in row.spans]
        if self.widening is None:
            values = self.head(hidden.float()).squeeze(-1)
            return {number: values[index, columns] for index, number, columns in places}
        return {
            number: self._widened(hidden[index, columns], inputs[number]) for index, number, columns in places
        }

    def _widened(self, hidden: Tensor, read: CriticInput) -> Tensor:
        """The value at each passage of an input, by its numbers too."""
        assert self.widening is not None
        numbers = [passage.numbers for passage in read.passages]
        values: Tensor = self.head(self.widening(hidden.float(), numbers)).squeeze(-1)
        return values

    @staticmethod
    def _ordered(values: dict[int, Tensor]) -> tuple[Tensor, ...]:
        return tuple(values[number] for number in range(len(values)))


def _encoded(tokenizer: Any, text: str) -> tuple[int, ...]:
    """No method: a cache of one would hold the critic, and its device's memory, in a cycle."""
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
