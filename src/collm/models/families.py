"""What model families differ in: what they remember, which masks they honour, how they end in logits.

The families' own code decides; :func:`collm.models.exactness.check_exact` holds what is said here against it.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_KEYED = (DynamicLayer, DynamicSlidingWindowLayer)


@dataclass(frozen=True, slots=True)
class Family:
    """How a model may be run.

    Attributes:
        keyed: all that it remembers are keys and values, and nothing in it counts columns, so that rows may
            be padded on the left, branch and be kept.
        positions: it takes position ids.
        branching: it honours masks and positions of ours, so that a row may be a tree.
    """

    keyed: bool
    positions: bool
    branching: bool


def family(model: Any) -> Family:
    """The family of a causal language model or of its trunk."""
    config = text_config(model)
    plain = all(type(layer) in _KEYED for layer in DynamicCache(config=config).layers)
    counts = getattr(config, "attn_temperature_tuning", False)  # Llama 4: by column, whatever the positions
    keyed = plain and not counts and not model._is_stateful
    positions = "position_ids" in inspect.signature(trunk(model).forward).parameters
    own = getattr(config, "alibi", False) or "local" in getattr(config, "attention_layers", ())
    return Family(keyed, positions, keyed and positions and not own)


def trunk(model: Any) -> Any:
    """The part that turns tokens into hidden states; of a model without head, all of it."""
    base = model.base_model
    return model.model if base is model and model.get_output_embeddings() is not None else base


def text_config(model: Any) -> Any:
    """The configuration of the part that reads text."""
    return model.config.get_text_config(decoder=True)


def head_logits(model: Any, hidden: Tensor) -> Tensor:
    """Logits from the trunk's hidden states, scaled and capped as the family's own forward pass does it."""
    config = text_config(model)
    logits: Tensor = model.get_output_embeddings()(hidden)
    if getattr(model, "logit_scale", None) is not None:
        logits = logits * model.logit_scale
    if getattr(config, "logits_scaling", None) is not None:
        logits = logits / config.logits_scaling
    if getattr(config, "lm_head_multiplier", None) is not None:
        logits = logits * config.lm_head_multiplier
    cap = getattr(config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)
