"""What passes of a model need beside its weights: this package's own code, run on tensors without numbers.

A ledger counts the bytes of every tensor that lives. Two depths of a model are run, of which all others
follow: layers are alike.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.weak import WeakIdKeyDictionary
from transformers import AutoConfig, AutoModelForCausalLM, masking_utils

from collm.engines.drawing import choose
from collm.models.adapters import add_adapter
from collm.models.checkpointing import checkpointed, checkpointed_layers
from collm.models.config import AdapterConfig, Sampling
from collm.models.families import family, head_logits, trunk
from collm.models.masks import model_inputs
from collm.models.offloading import offloaded
from collm.models.rows import Row
from collm.models.teacher_forcing import score

DEPTHS = (2, 3)
"""Layers of the two models that are run."""

_ELSEWHERE = torch.device("meta")
"""Stands for the host's memory, which a device's ledger does not count."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that a pass over a microbatch depends on.

    Attributes:
        architecture: the model's configuration as JSON.
        dtype: of its weights.
        rows, width: of the microbatch.
        masked: whether a row branches, so that a whole mask is needed.
        replies: tokens of the microbatch that are scored; 0 for a critic, which reads all.
        checkpointing: whether layers are computed again.
        offloading: whether activations wait elsewhere.
        adapter: what is trained, ``None`` for all weights.
        temperature, top_k, top_p: of the policy that is scored.
    """

    architecture: str
    dtype: str
    rows: int
    width: int
    masked: bool
    replies: int
    checkpointing: bool = False
    offloading: bool = False
    adapter: AdapterConfig | None = None
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    @property
    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, top_k=self.top_k, top_p=self.top_p)


class Ledger(TorchDispatchMode):
    """Counts the bytes of tensors that are made inside, and live.

    Args:
        model: whose weights do not count.

    Attributes:
        live, peak: now, and at most since :meth:`mark`.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: Any = WeakIdKeyDictionary()
        for weight in (*model.parameters(), *model.buffers()):
            self._known[weight.untyped_storage()] = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._note, outputs)
        return outputs

    def mark(self) -> int:
        """The peak so far; from here on it is counted anew."""
        before, self.peak = self.peak, self.live
        return before

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._known or tensor.device == _ELSEWHERE:
            return
        self._known[storage] = size = storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, size)

    def _free(self, size: int) -> None:
        self.live -= size


@dataclass(frozen=True, slots=True)
class Learning:
    """Bytes beside weights and moments while a model learns.

    Attributes:
        activations: at most until the gradient has passed the last layer; without other gradients.
        ending: at most when the gradient passes the first layer, all gradients among them.
        graph: what a forward pass keeps.
    """

    activations: int
    ending: int
    graph: int


@cache
def learning(shape: Shape) -> Learning:
    """One microbatch forward and backward; the model has no gradients before."""
    small, large = (_learn(shape, depth) for depth in DEPTHS)
    depth = layers_of(shape.architecture)
    lines = (at_depth(a, b, depth) for a, b in zip(small, large, strict=True))
    return Learning(*lines)


@cache
def scoring(shape: Shape) -> int:
    """Bytes at most while one microbatch is scored without gradients."""
    with simulated(shape, DEPTHS[0]) as (model, ledger), torch.no_grad():
        for _ in losses_of(model, shape):
            pass
        return ledger.peak


@cache
def drawing(architecture: str, dtype: str, rows: int, sampling: str) -> int:
    """Bytes at most while one token is chosen for each of some rows, logits among them."""
    with choosing(architecture, dtype, rows, sampling) as (choice, ledger):
        choice()
        return ledger.peak


@contextmanager
def choosing(
    architecture: str, dtype: str, rows: int, sampling: str
) -> Iterator[tuple[Callable[[], object], Ledger]]:
    """What chooses one token for each of some rows, and the ledger."""
    shape = Shape(architecture, dtype, 1, 1, False, 1)
    with simulated(shape, 1) as (model, ledger), torch.inference_mode():
        width, settings = model.get_input_embeddings().embedding_dim, Sampling.model_validate_json(sampling)

        def choice() -> object:
            logits = head_logits(model, torch.empty(rows, width, dtype=model.dtype))
            return choose(logits, torch.empty(rows, dtype=torch.float64), settings)

        yield choice, ledger


@cache
def parameters(architecture: str, adapter: AdapterConfig | None = None) -> tuple[int, int, int]:
    """Parameters of a model, or of an adapter on it; of the largest of them, and of the head alone."""
    sizes = []
    for depth in DEPTHS:
        shape = Shape(architecture, "float32", 1, 1, False, 1, adapter=adapter)
        with simulated(shape, depth) as (model, _):
            counts = [p.numel() for p in model.parameters() if p.requires_grad]
            tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
            head = 0 if tied else model.get_output_embeddings().weight.numel()
            sizes.append((sum(counts), max(counts), head))
    (few, largest, head), (more, _, _) = sizes
    return at_depth(few, more, layers_of(architecture)), largest, head


def layers_of(architecture: str) -> int:
    """The number of layers of an architecture."""
    layers: int = _config(architecture).get_text_config(decoder=True).num_hidden_layers
    return layers


def at_depth(at_first: int, at_second: int, depth: int) -> int:
    """What a model of some depth has, from what models of the two :data:`DEPTHS` have."""
    return at_first + (at_second - at_first) * (depth - DEPTHS[0])


def _config(architecture: str, depth: int | None = None) -> Any:
    values: Mapping[str, Any] = json.loads(architecture, object_hook=_without_marks)
    config = AutoConfig.for_model(**values)
    text = config.get_text_config(decoder=True)
    if depth is not None:
        text.num_hidden_layers = depth
        if vars(text).get("layer_types") is not None:  # some families count them off
            text.layer_types = (text.layer_types * depth)[:depth]
    return config


def _without_marks(value: dict[str, Any]) -> Any:
    """Infinity, where transformers has written it as a mapping."""
    return float(value["__float__"]) if value.keys() == {"__float__"} else value


@contextmanager
def simulated(shape: Shape, depth: int) -> Iterator[tuple[Any, Ledger]]:
    """A model of a few layers without numbers, and the ledger of what is made inside."""
    config = _config(shape.architecture, depth)
    # Whether rows are packed cannot be read off positions without numbers; ours never are.
    with FakeTensorMode(), patch.object(masking_utils, "find_packed_sequence_indices", lambda *_: None):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, shape.dtype)).eval()
        if shape.adapter is not None:
            _add_adapter(model.requires_grad_(False), shape.adapter)
        with Ledger(model) as ledger:
            yield model, ledger


def _add_adapter(model: Any, config: AdapterConfig) -> None:
    """An adapter, born in float32, as it is to stay: modules without numbers cannot be moved."""
    with patch.object(nn.Module, "to", lambda module, *_, **__: module):
        add_adapter(model, config, "one", 0, "adapter")


def _learn(shape: Shape, depth: int) -> tuple[int, int, int]:
    """Activations, ending and graph, at one depth."""
    marks: list[int] = []
    with simulated(shape, depth) as (model, ledger):
        layers = checkpointed_layers(model)

        def told(mark: Callable[[], int]) -> Any:
            def hook(module: Any, args: Any, output: Any) -> None:
                hidden = output[0] if isinstance(output, tuple) else output
                if hidden.requires_grad:
                    hidden.register_hook(lambda gradient: marks.append(mark()))

            return hook

        layers[-2].register_forward_hook(told(ledger.mark))
        if layers[0] is not layers[-2]:
            layers[0].register_forward_hook(told(ledger.mark))
        with offloaded(model, shape.offloading, _ELSEWHERE), checkpointed(model, shape.checkpointing):
            losses = losses_of(model, shape)
            loss = next(losses)
        graph = ledger.live
        loss.backward()
        activations = marks[0] if marks else ledger.peak
        return activations, ledger.peak, graph


def losses_of(model: Any, shape: Shape) -> Iterator[Tensor]:
    """The sum of what a microbatch says: log-probabilities of replies, or a critic's values."""
    masked = shape.masked and family(model).branching
    rows = [_row(shape, number, masked) for number in range(shape.rows)]
    if shape.replies:
        samples = [_sample(shape, number) for number in range(shape.rows)]
        for batch in score(model, samples, shape.sampling, 0, 0, [rows]):
            yield batch.logprobs.sum()
    else:
        hidden = trunk(model)(**model_inputs(rows, 0, model), use_cache=False).last_hidden_state
        yield hidden.float().sum()


def _reply(shape: Shape) -> int:
    return max(1, min(shape.width - 1, shape.replies // shape.rows))


def _sample(shape: Shape, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (0,) * (shape.width - _reply(shape)), (0,) * _reply(shape)


def _row(shape: Shape, number: int, masked: bool) -> Row:
    """A row whose last tokens are a reply; of two branches where a mask is needed."""
    row = Row()
    half = shape.width // 2 if masked and shape.width > 1 else 0
    first = row.append((0,) * (shape.width - half), None, -1)
    if half:
        row.append((0,) * half, first, 0)
    row.spans.append((number, list(range(shape.width - _reply(shape) - 1, shape.width - 1))))
    return row
