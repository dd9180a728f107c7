"""Base weights that are loaded once and shared: handles for agents, critics and reference policies.

A handle is *full weights* of its own, *an adapter* on shared frozen weights, or *the base* with adapters off.
Whatever it is, its weights are used inside ``with handle.model() as model:``, the backward pass included::

    bases = Backbones()
    actor = bases.adapter(config, "agents.one", AdapterConfig(), seed=1)
    reference = bases.base(config, "agents.one")
    optimizer = Optimizer(actor.parameters(), config.optimization)
    with actor.model() as model:
        loss(model).backward()
    optimizer.step(update, planned_updates)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from collm.models.adapters import add_adapter, load_adapter, save_adapter
from collm.models.config import AdapterConfig, ModelConfig
from collm.models.loading import load_causal_model, model_source, pick_device
from collm.models.peers import ALONE, Peers


class Handle(Protocol):
    """Weights of one role."""

    def model(self) -> AbstractContextManager[Any]:
        """The causal language model with these weights, for forward passes and their backward passes."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What training this role changes; the same objects at every call."""

    def save(self, folder: Path) -> None:
        """Write what this role has of its own: a Hugging Face model, a peft adapter, or nothing."""

    def load(self, folder: Path) -> None:
        """Take over what :meth:`save` wrote, bit for bit.

        Raises:
            CollmError: if the folder holds nothing of the kind.
        """


class Backbone:
    """A frozen causal language model with adapters, of which one is on at a time, or none.

    peft moves ``requires_grad`` with the adapter that is on: a backward pass that is run after the switch
    back would leave no gradients, without an error.
    """

    def __init__(self, model: Any) -> None:
        self._model = model.requires_grad_(False)
        self._count, self._on = 0, ""

    def add(self, config: AdapterConfig, seed: int, where: str) -> str:
        """A new adapter that changes nothing yet; returns its name."""
        name, self._count = f"adapter_{self._count}", self._count + 1
        add_adapter(self._model, config, name, seed, where)
        before, self._on = self._on, name
        self._switch(before)
        return name

    @contextmanager
    def using(self, adapter: str) -> Iterator[Any]:
        """The model with one adapter on, none if it is empty; what was on before is on again afterwards."""
        before = self._on
        self._switch(adapter)
        try:
            yield self._model
        finally:
            self._switch(before)

    def parameters(self, adapter: str) -> Iterator[nn.Parameter]:
        """Those of one adapter."""
        for name, parameter in self._model.named_parameters():
            if f".{adapter}." in f"{name}.":
                yield parameter

    def _switch(self, adapter: str) -> None:
        if adapter == self._on:
            return
        if adapter:
            self._model.enable_adapters()
            self._model.set_adapter(adapter)
        else:
            self._model.disable_adapters()
        self._on = adapter


class BaseWeights:
    """The base with adapters off: a reference policy for free. Nothing to train, nothing to save."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def model(self) -> AbstractContextManager[Any]:
        return self._backbone.using("")

    def parameters(self) -> Iterator[nn.Parameter]:
        return iter(())

    def save(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        pass


class AdapterWeights:
    """One adapter on a shared backbone."""

    def __init__(self, backbone: Backbone, adapter: str, where: str) -> None:
        self._backbone, self._adapter, self._where = backbone, adapter, where

    def model(self) -> AbstractContextManager[Any]:
        return self._backbone.using(self._adapter)

    def parameters(self) -> Iterator[nn.Parameter]:
        return self._backbone.parameters(self._adapter)

    def save(self, folder: Path) -> None:
        with self.model() as model:
            save_adapter(model, folder)

    def load(self, folder: Path) -> None:
        with self.model() as model:
            load_adapter(model, self._adapter, folder, self._where)


class FullWeights:
    """A model of its own, all of it trained.

    Args:
        config: where it comes from.
        where: names the role in errors.
        opened: opens it; a critic has no use for the language-model head.
        peers: who else learns it.
    """

    def __init__(
        self,
        config: ModelConfig,
        where: str,
        opened: Callable[[ModelConfig, str], Any] = load_causal_model,
        peers: Peers = ALONE,
    ) -> None:
        self._config, self._where, self._opened, self._peers = config, where, opened, peers
        self._model = peers.opened(config, where, opened)

    def model(self) -> AbstractContextManager[Any]:
        return nullcontext(self._model)

    def parameters(self) -> Iterator[nn.Parameter]:
        yield from self._model.parameters()

    def save(self, folder: Path) -> None:
        self._peers.save(self._model, folder)

    def load(self, folder: Path) -> None:
        source = self._config.model_copy(update={"model": str(folder)})
        self._model.load_state_dict(self._opened(source, self._where).state_dict())


class Backbones:
    """Makes handles; base weights of one model, type, device and rounding are loaded when first needed.

    Args:
        peers: who else learns what is opened here.

    Attributes:
        shared: what else roles of one team open once, by what it is.
    """

    def __init__(self, peers: Peers = ALONE) -> None:
        self.peers = peers
        self.shared: dict[Hashable, Any] = {}
        self._loaded: dict[tuple[str, str, torch.device, str | None], Backbone] = {}

    def full(self, config: ModelConfig, where: str) -> FullWeights:
        """Weights of its own.

        Raises:
            CollmError: if the model cannot be opened.
        """
        return FullWeights(config, where, peers=self.peers)

    def adapter(self, config: ModelConfig, where: str, adapter: AdapterConfig, seed: int) -> AdapterWeights:
        """A new adapter, equal to the base until it learns; ``seed`` draws its first random matrix.

        Raises:
            CollmError: if the model cannot be opened or the adapter does not fit it.
            AbsentError: if peft is not installed.
        """
        backbone = self._backbone(config, where)
        return AdapterWeights(backbone, backbone.add(adapter, seed, where), where)

    def base(self, config: ModelConfig, where: str) -> BaseWeights:
        """The weights in ``config.model``, frozen.

        Raises:
            CollmError: if the model cannot be opened.
        """
        return BaseWeights(self._backbone(config, where))

    def _backbone(self, config: ModelConfig, where: str) -> Backbone:
        device = pick_device(config.device, where)
        key = (model_source(config.model), config.dtype, device, config.quantization)
        if key not in self._loaded:
            self._loaded[key] = Backbone(self.peers.opened(config, where, load_causal_model))
        return self._loaded[key]
