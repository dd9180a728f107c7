"""Opens models and tokenizers from the hub, from a folder, or from this package."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from collm.data.rows import optional_module
from collm.errors import CollmError
from collm.models.config import ModelConfig

_EMBEDDED = "collm:"


def model_source(name: str) -> str:
    """The folder or hub id behind a model's name; ``collm:tiny_team/player_1`` lies in the package."""
    if name.startswith(_EMBEDDED):
        return str(files("collm").joinpath("assets", *name.removeprefix(_EMBEDDED).split("/")))
    return str(Path(name).expanduser()) if looks_local(name) else name


def looks_local(name: str) -> bool:
    """Whether a model's name means a folder rather than a hub id."""
    return name.startswith((_EMBEDDED, "/", ".", "~")) or Path(name).exists() or name.count("/") > 1


def pick_device(name: str, where: str) -> torch.device:
    """The torch device behind a name.

    Raises:
        CollmError: if it does not exist on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        problem = f"no such device {name!r} here ({str(error).splitlines()[0]})."
        raise CollmError(f"{where}.device", problem, "use auto, cpu or a device that exists.") from None
    return device


def load_causal_model(config: ModelConfig, where: str) -> Any:
    """The policy model in evaluation mode.

    Raises:
        CollmError: if it cannot be opened.
    """
    return _load(AutoModelForCausalLM, config, where)


def load_trunk(config: ModelConfig, where: str) -> Any:
    """The model without its language-model head, for a critic.

    Raises:
        CollmError: if it cannot be opened.
    """
    return _load(AutoModel, config, where)


def _load(auto_class: Any, config: ModelConfig, where: str) -> Any:
    source = model_source(config.model)
    _check_folder(config.model, source, "config.json", f"{where}.model")
    device = pick_device(config.device, where)
    try:
        model, info = auto_class.from_pretrained(
            source,
            dtype=getattr(torch, config.dtype),
            output_loading_info=True,
            **_quantization(config, device, where),
        )
    except CollmError:
        raise
    except Exception as error:
        raise _unreadable(f"{where}.model", config.model, error) from error
    missing = sorted(info["missing_keys"])
    if missing:
        problem = f"{config.model!r} lacks {len(missing)} weights, such as {missing[0]}."
        raise CollmError(f"{where}.model", problem, "name a whole checkpoint of such a model.")
    return (model if config.quantization else model.to(device)).eval()


def _quantization(config: ModelConfig, device: torch.device, where: str) -> dict[str, Any]:
    """What makes frozen weights be read as 4 bits, on the device where they stay."""
    if config.quantization is None:
        return {}
    optional_module("bitsandbytes", f"{where}.quantization", "quantization")
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=config.quantization,
        bnb_4bit_compute_dtype=getattr(torch, config.dtype),
        bnb_4bit_use_double_quant=True,
    )
    return {"quantization_config": settings, "device_map": {"": device}}


def load_tokenizer(config: ModelConfig, where: str) -> Any:
    """The tokenizer; its pad token falls back on the end-of-text token.

    Raises:
        CollmError: if there is none.
    """
    name = config.tokenizer or config.model
    field = f"{where}.tokenizer" if config.tokenizer else f"{where}.model"
    source = model_source(name)
    _check_folder(name, source, "tokenizer_config.json", field)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
    except Exception as error:
        raise _unreadable(field, name, error) from error
    if tokenizer.eos_token_id is None:
        problem = f"the tokenizer of {name!r} has no end-of-text token, so no reply would ever end."
        raise CollmError(field, problem, "set eos_token in its tokenizer_config.json.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_known(model: Any, tokenizer: Any, token_ids: Iterable[int], where: str) -> None:
    """Test that a model has an embedding for tokens that its tokenizer made, and for padding.

    Raises:
        CollmError: if it has not.
    """
    known, largest = model.get_input_embeddings().num_embeddings, max([tokenizer.pad_token_id, *token_ids])
    if largest >= known:
        problem = f"the tokenizer gives token {largest}, the model knows {known}."
        raise CollmError(f"{where}.tokenizer", problem, "name the tokenizer that belongs to the model.")


def _check_folder(name: str, source: str, needed: str, field: str) -> None:
    if not looks_local(name):
        return
    folder = Path(source)
    if not folder.is_dir():
        raise CollmError(field, f"no such folder: {name}.", "give a hub id or the path of a saved model.")
    if needed == "config.json" and (folder / "adapter_config.json").is_file():
        mend = "name its base, or merge it first: collm export RUN --merged."
        raise CollmError(field, f"the folder {name} holds an adapter, no model.", mend)
    if not (folder / needed).is_file():
        what = "tokenizer" if needed.startswith("tokenizer") else "model"
        mend = f"save the {what} there with save_pretrained, or name another folder."
        raise CollmError(field, f"the folder {name} holds no {what} (no {needed}).", mend)


def _unreadable(field: str, name: str, error: Exception) -> CollmError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    mend = "check the name, the files and, for a hub id, the network."
    return CollmError(field, f"cannot open {name!r}: {reason.rstrip('.')}.", mend)
