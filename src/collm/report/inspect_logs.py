"""Writes a run's episodes as logs that Inspect's viewer opens (inspect.aisi.org.uk): ``inspect view``.

The format is Inspect's JSON log of version 2. A sample is an episode; those of one task differ in the epoch,
since the viewer shows one sample for each task and epoch. Run folders keep no times of single turns, so a
turn's time is its number in seconds after the file was written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Any

from collm.errors import AbsentError
from collm.runs.files import write_json
from collm.runs.leaves import Row, episodes_of
from collm.runs.run import Run

Json = dict[str, Any]


def export_logs(folder: Path, out: Path, names: Sequence[str] = ()) -> Iterator[Path]:
    """Write one log for each update or evaluation.

    Args:
        folder: a run.
        out: where the logs go, as ``inspect view --log-dir`` takes it.
        names: of episodes, such as ``update-000001``; by default all evaluations.

    Raises:
        CollmError: if there is no run, or no such episodes.
    """
    run = Run(folder)
    chosen = names or [name for name in run.episodes if name.startswith("evaluation-")]
    if not chosen:
        raise AbsentError(
            str(folder), "there are no evaluations yet.", "let the run begin, or name episodes."
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        rows = run.rows(name)
        written = datetime.fromtimestamp(run.layout.episodes(name).stat().st_mtime, UTC)
        log = log_of(rows, f"{run.path.name}-{name}", written, run.config)
        file = out / f"{written:%Y-%m-%dT%H-%M-%S}+00-00_{run.path.name}-{name}_{log['eval']['eval_id']}.json"
        write_json(file, log)
        yield file


def log_of(rows: Sequence[Row], name: str, written: datetime, config: Mapping[str, Any]) -> Json:
    """One log as plain data.

    Args:
        rows: the turns of one update or evaluation.
        name: what the viewer calls it.
        written: when the rows were.
        config: the run's, which the viewer shows beside it.
    """
    epochs: Counter[str] = Counter()
    samples = list[Json]()
    for turns in episodes_of(rows):
        task = turns[0]["task"]
        epochs[task] += 1
        samples.append(_sample(turns, epochs[task], written))
    identity = hashlib.sha256(f"{name} {written}".encode()).hexdigest()[:22]
    times = {"started_at": written.isoformat(), "completed_at": written.isoformat()}
    return {
        "version": 2,
        "status": "success",
        "eval": _about(name, identity, written, config, epochs),
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": _results([sample["scores"] for sample in samples]),
        "stats": {**times, "model_usage": {}},
        "samples": samples,
    }


def _about(
    name: str, identity: str, written: datetime, config: Mapping[str, Any], epochs: Counter[str]
) -> Json:
    return {
        "eval_id": identity,
        "run_id": identity,
        "task_id": identity,
        "created": written.isoformat(),
        "task": name,
        "dataset": {"samples": len(epochs), "sample_ids": list(epochs), "shuffled": False},
        "model": "collm/team",
        "config": {"epochs": max(epochs.values(), default=1)},
        "metadata": {"config": dict(config)},
    }


def _results(scores: Sequence[Mapping[str, Json]]) -> Json:
    names = dict.fromkeys(name for each in scores for name in each)
    means = {name: _mean([float(each[name]["value"]) for each in scores if name in each]) for name in names}
    return {
        "total_samples": len(scores),
        "completed_samples": len(scores),
        "scores": [
            {"name": name, "scorer": name, "metrics": {"mean": {"name": "mean", "value": mean}}}
            for name, mean in means.items()
        ],
    }


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _sample(turns: Sequence[Row], epoch: int, written: datetime) -> Json:
    first, last = turns[0], turns[-1]
    messages = [message for turn in turns for message in _messages(turn)]
    agents = ", ".join(last["replies"])
    closing = "\n\n".join(f"{agent}:\n{reply}" for agent, reply in last["replies"].items())
    return {
        "id": first["task"],
        "epoch": epoch,
        "input": "\n\n".join(f"{agent}:\n{text}" for agent, text in first["observations"].items()),
        "target": "",
        "messages": messages,
        "output": _output(agents, closing, "stop"),
        "scores": {name: {"value": value} for name, value in _scores(turns)},
        "metadata": {"tree": first["tree"], "path": last["path"]},
        "events": [event for turn in turns for event in _events(turn, written)],
    }


def _scores(turns: Sequence[Row]) -> Iterator[tuple[str, float]]:
    yield "return", fsum(turn["reward"] for turn in turns)
    yield from turns[-1]["metrics"].items()


def _messages(turn: Row) -> Iterator[Json]:
    """The turn for the viewer's list of messages, which has no place for names of agents."""
    for agent, reply in turn["replies"].items():
        yield {"role": "user", "content": f"{agent} reads:\n\n{turn['observations'][agent]}"}
        yield {"role": "assistant", "content": f"{agent} says:\n\n{reply}", "model": agent}


def _events(turn: Row, written: datetime) -> Iterable[Json]:
    """The turn as a span that holds a span for each agent, then the reward."""
    place = f"turn-{turn['turn']}"
    time = {"timestamp": (written + timedelta(seconds=turn["turn"])).isoformat(), "working_start": 0.0}

    def begin(identity: str, parent: str | None, name: str, kind: str) -> Json:
        span = {"event": "span_begin", "id": identity, "span_id": identity, "parent_id": parent}
        return {**span, "type": kind, "name": name, **time}

    def end(identity: str) -> Json:
        return {"event": "span_end", "id": identity, "span_id": identity, **time}

    yield begin(place, None, f"turn {turn['turn']}", "turn")
    for agent in turn["replies"]:
        own = f"{place}-{agent}"
        yield begin(own, place, agent, "agent")
        yield {**_model_event(turn, agent), "span_id": own, **time}
        yield end(own)
    yield {"event": "info", "source": "reward", "data": _told(turn), "span_id": place, **time}
    yield end(place)


def _model_event(turn: Row, agent: str) -> Json:
    cut = turn["finish_reasons"][agent] == "length"
    return {
        "event": "model",
        "model": agent,
        "role": agent,
        "input": [{"role": "user", "content": turn["observations"][agent]}],
        "tools": [],
        "tool_choice": "none",
        "config": {},
        "output": _output(agent, turn["replies"][agent], "max_tokens" if cut else "stop"),
    }


def _output(model: str, text: str, stop_reason: str) -> Json:
    message = {"role": "assistant", "content": text, "model": model, "source": "generate"}
    return {"model": model, "choices": [{"message": message, "stop_reason": stop_reason}]}


def _told(turn: Row) -> Json:
    """What came of the turn, as far as the row says."""
    keys = (
        "reward",
        "raw_reward",
        "agent_rewards",
        "components",
        "metrics",
        "values",
        "targets",
        "advantages",
    )
    return {key: turn[key] for key in keys if turn.get(key)}
