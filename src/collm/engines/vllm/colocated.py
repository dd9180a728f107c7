"""A vLLM in this process, which takes weights over without copying them through a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from collm.data.rows import optional_module
from collm.engines.kinds.vllm import VllmKind
from collm.engines.vllm.backend import Adapter, Drawn, Job, Named
from collm.errors import CollmError
from collm.models.loading import model_source

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Sizes that vLLM keeps adapters in."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a vLLM in this process is opened for.

    Attributes:
        where: names the agent in errors.
        model: a folder or a hub id.
        dtype: of the weights.
        longest: tokens of a prompt and its completion.
        adapters: how many at most; 0 for none.
        rank: the largest of them.
    """

    where: str
    model: str
    dtype: str
    longest: int
    adapters: int
    rank: int


class Colocated:
    """vLLM in this process.

    Raises:
        CollmError: if it does not start, or fails.
        AbsentError: if it is not installed.
    """

    def __init__(self, kind: VllmKind, room: Room) -> None:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # weights are handed over by reference
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        self._where = room.where
        self._vllm: Any = optional_module("vllm", room.where, "vllm")
        with self._faults("does not start"):
            self._llm = self._vllm.LLM(**_settings(kind, room))

    def draw(self, jobs: Sequence[Job]) -> list[Drawn]:
        prompts = [{"prompt_token_ids": list(job.token_ids)} for job in jobs]
        params = [self._vllm.SamplingParams(**_params(job)) for job in jobs]
        adapters = [self._request(job.adapter) for job in jobs]
        with self._faults("cannot draw"):
            outputs = self._llm.generate(prompts, params, lora_request=adapters, use_tqdm=False)
        return [_drawn(output.outputs[0]) for output in outputs]

    def take_weights(self, weights: Named) -> None:
        with self._faults("does not take weights"):
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": weights})

    def take_adapter(self, adapter: Adapter, before: Adapter | None) -> None:
        with self._faults("does not take an adapter"):
            if before is not None:
                self._llm.llm_engine.remove_lora(before.number)
            self._llm.llm_engine.add_lora(self._request(adapter))

    def forget(self) -> None:
        with self._faults("does not forget prefixes"):
            if not self._llm.reset_prefix_cache():
                raise RuntimeError("its cache is in use")

    def sleep(self, level: int) -> None:
        with self._faults("does not sleep"):
            self._llm.sleep(level)

    def wake(self) -> None:
        with self._faults("does not wake"):
            self._llm.wake_up()

    def _request(self, adapter: Adapter | None) -> Any:
        if adapter is None:
            return None
        from vllm.lora.request import LoRARequest

        return LoRARequest(adapter.name, adapter.number, str(adapter.folder))

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        """One line for whatever vLLM raises."""
        try:
            yield
        except Exception as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            problem = f"vLLM {what}: {reason.strip()[:300]}"
            mend = "docs/engines.md says which models it serves; engine: {type: in_process} serves all."
            raise CollmError(f"{self._where}.engine", problem, mend) from error


def _settings(kind: VllmKind, room: Room) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``."""
    from vllm.platforms import current_platform

    settings: dict[str, Any] = {
        "model": model_source(room.model),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # nothing but what a job says decides how it is drawn
        "dtype": kind.dtype or room.dtype,
        "max_model_len": room.longest,
        "logprobs_mode": "processed_logprobs",  # of the distribution that is drawn from
        "enable_prefix_caching": True,
        "enforce_eager": kind.enforce_eager,
        "gpu_memory_utilization": kind.gpu_memory_utilization,
        "enable_sleep_mode": kind.sleep_level is not None,
        "disable_log_stats": True,
    }
    if current_platform.is_cpu():
        settings["enable_chunked_prefill"] = False  # with seeds, it kills the engine there
    if room.adapters:
        rank = next((size for size in _RANKS if size >= room.rank), room.rank)
        settings |= {"enable_lora": True, "max_loras": room.adapters, "max_lora_rank": rank}
    return settings


def _params(job: Job) -> dict[str, Any]:
    """Arguments of ``vllm.SamplingParams``. One draw each: ``n`` draws would take consecutive seeds."""
    sampling = job.sampling
    return {
        "n": 1,
        "seed": job.seed,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or 0,
        "max_tokens": sampling.max_tokens,
        "stop_token_ids": list(job.end_ids),
        "ignore_eos": True,  # the end tokens above are all there are
        "logprobs": 0,
        "detokenize": False,
    }


def _drawn(output: Any) -> Drawn:
    ids = tuple(output.token_ids)
    logprobs = tuple(float(known[token].logprob) for known, token in zip(output.logprobs, ids, strict=True))
    return Drawn(ids, logprobs, "stop" if output.finish_reason == "stop" else "length")
