"""Where a model comes from, how it is sampled and how it is optimized."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from collm.base.settings import Settings

DType = Literal["float32", "bfloat16", "float16"]

COLDEST = 1e-3
"""The lowest temperature above 0; below it probabilities leave the range of float32."""

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
_Decay = Annotated[float, Field(ge=0, lt=1)]


class Sampling(Settings):
    """How actions are drawn. This distribution *is* the policy: scoring applies the same cuts.

    Attributes:
        temperature: divides the logits; 0 is greedy and only for evaluation, else at least 0.001.
        top_p: nucleus; 1 keeps everything.
        top_k: ``None`` keeps everything.
        max_tokens: ``M``, the longest action.
    """

    temperature: float = Field(default=1.0, ge=0, le=1000)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=256, ge=1, le=2**20)

    @field_validator("temperature")
    @classmethod
    def _not_too_cold(cls, value: float) -> float:
        if 0 < value < COLDEST:
            raise ValueError(f"must be at least {COLDEST}, or 0 for an evaluation")
        return value


class Optimization(Settings):
    """AdamW with a learning-rate schedule and a gradient clip.

    Attributes:
        optimizer: ``adamw``; ``adamw_8bit``, whose moments take a byte a number; or ``adamw_offload``, whose
            moments lie in the host's memory.
        learning_rate: at its peak.
        schedule: ``constant``, or decay to 0 over the planned updates, ``linear`` or ``cosine``.
        warmup: updates over which the rate rises from 0.
        max_grad_norm: gradients are scaled down to this norm; ``None`` leaves them.
    """

    optimizer: Literal["adamw", "adamw_8bit", "adamw_offload"] = "adamw"
    learning_rate: float = Field(default=5e-6, gt=0)
    betas: tuple[_Decay, _Decay] = (0.9, 0.999)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0)
    max_grad_norm: float | None = Field(default=1.0, gt=0)


class AdapterConfig(Settings):
    """A low-rank adapter (Hu et al. 2021) on frozen weights; the names are those of peft's ``LoraConfig``.

    There is no dropout: the policy that learns would not be the one that played.

    Attributes:
        r: the rank.
        lora_alpha: scales the adapter by ``lora_alpha / r``.
        target_modules: names of layers, or ``all-linear`` for all but the language-model head.
        use_rslora: scale by ``lora_alpha / sqrt(r)`` (Kalajdzievski 2023).
        use_dora: learn the magnitudes of the weights apart (Liu et al. 2024).
    """

    r: int = Field(default=16, ge=1, le=4096)
    lora_alpha: float = Field(default=32, gt=0)
    target_modules: str | tuple[str, ...] = "all-linear"
    use_rslora: bool = False
    use_dora: bool = False


class ModelConfig(Settings):
    """Where a model comes from and where it runs.

    Attributes:
        model: a hub id, a local folder, or ``collm:NAME`` for one that ships with this package.
        tokenizer: the same, if it does not lie with the model.
        dtype: of the weights; steps of bfloat16 ones are rounded at random, so that small ones count.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, or ``auto`` for CUDA if there is one.
        context: ``C``, the most recent tokens that a forward pass is conditioned on.
        batch_tokens: tokens in one training forward, padding included; bounds memory, not results.
        gradient_checkpointing: keep only the inputs of layers for the backward pass, and compute the rest
            again; bounds memory, not results.
        activation_offload: let what the backward pass needs wait in the host's memory; bounds the device's,
            not results.
        adapter: train a low-rank adapter on frozen weights, which all roles of one model share.
        quantization: keep an adapter's frozen weights in 4 bits: ``nf4`` (Dettmers et al. 2023, QLoRA) or
            ``fp4``. The policy that training starts with is that of the rounded weights.
    """

    model: str
    tokenizer: str | None = None
    dtype: DType = "float32"
    device: str = "auto"
    context: int = Field(default=4096, ge=8, le=10**9)
    batch_tokens: int = Field(default=16384, ge=1, le=10**9)
    gradient_checkpointing: bool = False
    activation_offload: bool = False
    adapter: AdapterConfig | None = None
    quantization: Literal["nf4", "fp4"] | None = None
    optimization: Optimization = Optimization()

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not _DEVICE.fullmatch(value):
            raise ValueError("must be auto, cpu, cuda, cuda:N or mps")
        return value

    @model_validator(mode="after")
    def _only_frozen_weights_are_rounded(self) -> Self:
        if self.quantization is not None and self.adapter is None:
            raise ValueError("quantization is for frozen weights: set adapter too, or leave quantization out")
        if self.quantization is not None and self.device == "mps":
            raise ValueError("quantization has no kernels for mps: leave it out, or name another device")
        return self
