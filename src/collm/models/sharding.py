"""Processes that learn together with a part of the weights each: torch's ``fully_shard`` (FSDP2).

A layer's weights are brought together while it works, its gradient is summed and cut up again at once, and
AdamW has moments of the own parts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)

from collm.models.checkpointing import checkpointed_layers
from collm.models.config import ModelConfig
from collm.models.dealing import dealt, in_step
from collm.models.loading import pick_device
from collm.models.peers import Groups
from collm.models.process_group import Grouped
from collm.models.teacher_forcing import WITHIN, ScoredBatch
from collm.types import Ids

OwnT = TypeVar("OwnT")

_TENSORS = "collm_tensors"


class Sharded(Grouped):
    """Peers with a part of the weights each.

    All go through the model equally often, forth and back: each pass needs everybody's part.
    """

    def opened(self, config: ModelConfig, where: str, load: Callable[[ModelConfig, str], Any]) -> Any:
        """The model is read into the host's memory; only parts of it reach the device."""
        device = pick_device(config.device, where)
        model = load(config.model_copy(update={"device": "cpu"}), where)
        return sharded(model, init_device_mesh(device.type, (self._count,)))

    def save(self, model: Any, folder: Path) -> None:
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        state = get_model_state_dict(model, options=options)  # empty but for the first
        if self.first:
            own = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
            model.save_pretrained(  # weights that are tied have another name
                folder, state_dict={name: one for name, one in state.items() if name in own}
            )

    def groups(self, model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int, pad: int) -> Groups:
        return in_step(dealt(model, samples, batch_tokens, self._count), self._number, pad)

    def goes_back(self, wanted: bool) -> bool:
        """Everybody does where anybody wants to."""
        anybody = torch.tensor(wanted, dtype=torch.uint8)
        distributed.all_reduce(anybody, distributed.ReduceOp.MAX)
        return bool(anybody)

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        """Nothing: each pass back has summed its own."""


def sharded(model: Any, mesh: DeviceMesh) -> Any:
    """The same model, cut up over the processes of a mesh by layer; the rest of its weights are one part.

    Gradients are summed, in float32, not averaged.
    """
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    for module in (*reversed(checkpointed_layers(model)), model):
        fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_force_sum_reduction_for_comms(True)
            module.set_gradient_divide_factor(1.0)
    setattr(model, _TENSORS, MethodType(_tensors, model))
    register_fsdp_forward_method(model, _TENSORS)
    setattr(model, WITHIN, MethodType(_within, model))
    return model


def _within(model: Any, scored: Callable[[], ScoredBatch]) -> ScoredBatch:
    """What a pass makes of the whole model; the way back from it begins behind FSDP's own hooks."""
    kept: list[ScoredBatch] = []
    logprobs, before = getattr(model, _TENSORS)(scored, kept)
    return replace(kept[0], logprobs=logprobs.view_as(logprobs), before=before.view_as(before))


def _tensors(model: Any, scored: Callable[[], ScoredBatch], kept: list[ScoredBatch]) -> tuple[Tensor, Tensor]:
    """The tensors of a pass, in which FSDP finds what it must hook into."""
    batch = scored()
    kept.append(batch)
    return batch.logprobs, batch.before
