"""What an update adds to a run's counters, and its row of ``metrics.jsonl``."""

from __future__ import annotations

from dataclasses import replace

from collm.evaluation.measures import measures
from collm.rollout import Rollout
from collm.runs.folder import Counters
from collm.runs.records import UpdateRecord
from collm.training.memory import peak_memory_gib


def counted(counters: Counters, grown: Rollout, seconds: float) -> Counters:
    """The counters after one more update."""
    return replace(
        counters,
        update=counters.update + 1,
        env_steps=counters.env_steps + sum(len(tree.turns) for tree in grown.sound),
        episodes=counters.episodes + sum(1 for tree in grown.sound for _ in tree.episodes()),
        tokens=counters.tokens + sum(grown.tokens.values()),
        inference_calls=counters.inference_calls + grown.inference_calls,
        seconds=counters.seconds + seconds,
    )


def metrics_row(
    counters: Counters, grown: Rollout, record: UpdateRecord, rollout_seconds: float, learn_seconds: float
) -> dict[str, float]:
    """The counters, the clocks, what was played and what was learned."""
    return {
        "update": counters.update,
        "env_steps": counters.env_steps,
        "episodes": counters.episodes,
        "inference_calls": counters.inference_calls,
        "tokens": counters.tokens,
        "seconds": counters.seconds,
        "rollout_seconds": rollout_seconds,
        "learn_seconds": learn_seconds,
        "tokens_per_second": sum(grown.tokens.values()) / rollout_seconds,
        "peak_memory_gib": peak_memory_gib(),
        "failures": len(grown.trees) - len(grown.sound),
        **measures(grown.sound),
        **record.metrics,
    }
