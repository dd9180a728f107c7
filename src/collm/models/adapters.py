"""Adapters of peft, through the seam that transformers has for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from collm.data.rows import optional_module
from collm.errors import CollmError
from collm.models.config import AdapterConfig, ModelConfig
from collm.models.loading import load_causal_model

_WEIGHTS = "adapter_model.safetensors"

ADAPTER_FILES = frozenset({_WEIGHTS, "adapter_config.json", "README.md"})
"""What peft writes of an adapter."""

_PREFIX = "base_model.model."
"""What names in peft's files begin with, as its wrapper holds the model."""


def add_adapter(model: Any, config: AdapterConfig, name: str, seed: int, where: str) -> None:
    """Put an adapter into a model and turn it on; until it learns, the model says what it said.

    Its weights are float32, whatever the base's: steps of the learning rate would be lost in bfloat16.

    Args:
        model: a causal language model, frozen.
        config: the kind of adapter.
        name: of the adapter, without dots.
        seed: draws the first of its two matrices; the second is 0.
        where: names the role in errors.

    Raises:
        CollmError: if the model has no layers of that name.
        AbsentError: if peft is not installed.
    """
    peft = optional_module("peft", f"{where}.adapter", "adapters")
    targets = config.target_modules
    settings = {
        **config.model_dump(),
        "target_modules": targets if isinstance(targets, str) else list(targets),
    }
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model.add_adapter(peft.LoraConfig(**settings, task_type="CAUSAL_LM"), adapter_name=name)
    except ValueError as error:
        problem = f"it does not fit {model.name_or_path}: {str(error).splitlines()[0].rstrip('.')}."
        mend = "use all-linear, or names of the model's linear layers."
        raise CollmError(f"{where}.adapter.target_modules", problem, mend) from error
    _widen(model, name)


def _widen(model: Any, name: str) -> None:
    """Make an adapter's weights float32, and DoRA's magnitudes those of the base to the last bit again."""
    for parameter_name, parameter in model.named_parameters():
        if f".{name}." in f"{parameter_name}.":
            parameter.data = parameter.data.float()
    for module in model.modules():
        if name in getattr(module, "lora_magnitude_vector", ()):
            module.lora_magnitude_vector[name].update_layer(
                base_layer=module.get_base_layer(),
                lora_A=module.lora_A[name].weight,
                lora_B=module.lora_B[name].weight,
                scaling=module.scaling[name],
            )


def load_adapter(model: Any, name: str, folder: Path, where: str) -> None:
    """Copy the weights of a peft folder into an adapter of the same shape.

    Raises:
        CollmError: if there are none, or they are of another shape.
    """
    peft = optional_module("peft", f"{where}.adapter", "adapters")
    file = folder / _WEIGHTS
    mend = "use the settings of the adapter and the model that it was saved with."
    if not file.is_file():
        raise CollmError(where, f"{folder} holds no adapter (no {_WEIGHTS}).", mend)
    saved = {
        key.removeprefix(_PREFIX): value for key, value in load_file(file, device=str(model.device)).items()
    }
    own = peft.get_peft_model_state_dict(model, adapter_name=name)
    if {key: value.shape for key, value in saved.items()} != {key: value.shape for key, value in own.items()}:
        raise CollmError(where, f"the adapter in {folder} is of another shape.", mend)
    peft.set_peft_model_state_dict(model, saved, adapter_name=name)


def export_merged(config: ModelConfig, adapter: Path, folder: Path, where: str) -> None:
    """Write base and adapter as one ordinary model, which rounds the sum to the base's type.

    Args:
        config: of the base.
        adapter: a peft folder.
        folder: gets the model, without a tokenizer.
        where: names the role in errors.

    Raises:
        CollmError: if the base cannot be opened.
        AbsentError: if peft is not installed.
    """
    peft = optional_module("peft", f"{where}.adapter", "adapters")
    whole = config.model_copy(update={"quantization": None})  # the sum is not rounded to 4 bits again
    model = peft.PeftModel.from_pretrained(load_causal_model(whole, where), str(adapter))
    model.merge_and_unload().save_pretrained(folder)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter in use as a peft folder, the same bytes for the same adapter.

    peft keeps the names of its layers as a set, whose order is another in every process.
    """
    model.save_pretrained(folder)
    file = folder / "adapter_config.json"
    written = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(written["target_modules"], list):
        written["target_modules"].sort()
    file.write_text(json.dumps(written, indent=2), encoding="utf-8")
