"""Token ids in, token ids and log-probabilities out, over HTTP."""

from __future__ import annotations

from typing import Any

from collm.engines.http.answers import DrawnAnswer, Models
from collm.engines.http.endpoint import Endpoint, called
from collm.errors import CollmError
from collm.models.config import Sampling
from collm.types import FinishReason, Ids

Completed = tuple[Ids, tuple[float, ...], FinishReason]


def completed(
    endpoint: Endpoint, model: str, prompt: Ids, seed: int, sampling: Sampling, end_ids: Ids = ()
) -> Completed:
    """One completion of a prompt: its tokens, their log-probabilities and why it ended.

    Raises:
        CollmError: if the endpoint gives none, or speaks no token ids.
    """
    ends = {"stop_token_ids": list(end_ids), "ignore_eos": True} if end_ids else {}
    body = {
        **settings(sampling, seed),
        **ends,
        "model": model,
        "prompt": list(prompt),
        "logprobs": 0,
        "return_token_ids": True,
    }
    (first, *_) = endpoint.ask("/completions", body, DrawnAnswer).choices
    return tuple(first.token_ids), tuple(first.logprobs.token_logprobs), first.reason


def settings(sampling: Sampling, seed: int) -> dict[str, Any]:
    """How to draw, in the words of such endpoints."""
    beyond = {} if sampling.top_k is None else {"top_k": sampling.top_k}
    own = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return {**own, **beyond, "max_tokens": sampling.max_tokens, "seed": seed}


def name_of(endpoint: Endpoint, agent: str) -> str:
    """What an endpoint calls an agent.

    Raises:
        CollmError: if it serves nothing that can be the agent.
    """
    served = endpoint.ask("/models", None, Models).data
    names = [model.id for model in served]
    name = called(names, agent) or called([model.id for model in served if model.parent is None], agent)
    if name is None:
        problem = f"{endpoint.url} serves {', '.join(names[:8]) or 'nothing'}, and none of them is {agent}."
        raise CollmError(endpoint.where, problem, "name one of them as engine.model_name.")
    return name
