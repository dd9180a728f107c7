"""Weights to draw with while the ones they were copied from go on learning."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from collm.models.backbone import Handle


def copies(handles: Mapping[str, Handle], learning: Collection[str]) -> dict[str, Handle]:
    """The same roles on models of their own, which another thread may use.

    Only weights that learn take memory again; what is frozen lies where it lay, under modules of its own, so
    that adapters are switched here and there apart.

    Args:
        handles: all that share weights with each other, so that their copies do too.
        learning: the names of those whose weights change.
    """
    memo: dict[int, Any] = {}
    for handle in handles.values():
        with handle.model() as model:
            memo |= {id(parameter): _in_place(parameter) for parameter in model.parameters()}
    for name in learning:
        for parameter in handles[name].parameters():
            memo[id(parameter)] = nn.Parameter(parameter.detach().clone(), requires_grad=False)
    return deepcopy(dict(handles), memo)


def _in_place(parameter: nn.Parameter) -> nn.Parameter:
    """Another parameter with the same memory; one that is packed in 4 bits is never switched, and stays."""
    if type(parameter) is not nn.Parameter:
        return parameter
    return nn.Parameter(parameter.detach(), requires_grad=False)


@torch.no_grad()
def follow(copy: Handle, original: Handle) -> None:
    """Take over the weights that learn, as they are now."""
    for own, learned in zip(copy.parameters(), original.parameters(), strict=True):
        own.copy_(learned)
