"""Measures the peak of memory of each phase on a CPU, and holds ``collm estimate`` against it.

``python -m benchmarks.memory`` prints one JSON object a phase: bytes measured, bytes estimated, their
ratio. Each phase runs in a process of its own at some 100 M parameters with random weights; what counts is
how far the resident size rises above that of the process before it opened a model.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

WIDTH, LAYERS, VOCABULARY = 768, 8, 32768
PROMPT, REPLY, ROWS = 448, 64, 2
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "scoring": ("score", {}),
    "scoring, top_p": ("score", {"sampling": {"max_tokens": REPLY, "top_p": 0.6}}),
    "update": ("update", {}),
    "update, checkpointing": ("update", {"gradient_checkpointing": True}),
    "update, adapter": ("update", {"adapter": {}}),
    "update, adapter and checkpointing": ("update", {"adapter": {}, "gradient_checkpointing": True}),
    "update, 8 bits": ("update", {"optimization": {"optimizer": "adamw_8bit"}}),
    "update, bfloat16": ("update", {"dtype": "bfloat16"}),
    "update, bfloat16, checkpointing and 8 bits": (
        "update",
        {
            "dtype": "bfloat16",
            "gradient_checkpointing": True,
            "optimization": {"optimizer": "adamw_8bit"},
        },
    ),
    "critic": ("critic", {}),
    "sampling": ("sample", {}),
    "checkpoint": ("checkpoint", {}),
}


def main() -> None:
    names = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        _child("save", folder, "")
        for name in names:
            print(_child("measure", folder, name), flush=True)


def _child(verb: str, folder: str, case: str) -> str:
    """Run in a process whose large blocks of memory go back to the system when they are freed."""
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", "--child", verb, folder, case]
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def save(folder: str) -> None:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from tests.checkpoints import CHATML, byte_tokenizer

    tokenizer = byte_tokenizer(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>", CHATML)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=WIDTH // 64,
        num_key_value_heads=WIDTH // 192,
        head_dim=64,
        intermediate_size=4 * WIDTH,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)


def measure(folder: str, case: str) -> dict[str, Any]:
    """One phase: warmed up libraries, then the model, then the phase."""
    phase, settings = CASES[case]
    import torch

    from collm.agents import team  # noqa: F401
    from collm.models.config import AdapterConfig  # noqa: F401

    torch.set_num_threads(1)
    before = _status("VmRSS")
    run = PHASES[phase](folder, settings)
    Path("/proc/self/clear_refs").write_text("5")
    run()
    measured = _status("VmHWM") - before
    estimated = _estimate(folder, phase, settings)
    return {
        "case": case,
        "measured": measured,
        "estimated": estimated,
        "ratio": round(estimated / measured, 3),
    }


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _agent(folder: str, settings: dict[str, Any]) -> Any:
    from collm.agents.agent import Agent

    return Agent(_config(folder, settings), "one")


def _config(folder: str, settings: dict[str, Any], critic: bool = False) -> Any:
    from collm.agents.config import AgentConfig, CriticConfig

    values = {"model": folder, "device": "cpu", "context": PROMPT, "batch_tokens": ROWS * (PROMPT + REPLY)}
    if critic:
        return CriticConfig.model_validate({**values, "context": PROMPT + REPLY, **settings})
    return AgentConfig.model_validate({**values, "sampling": {"max_tokens": REPLY}, **settings})


def _samples() -> list[Any]:
    from collm.agents.learner import Sample

    ids = [tuple((7 * k + 11 * row) % 250 for k in range(PROMPT + REPLY)) for row in range(ROWS)]
    return [Sample(one[:PROMPT], one[PROMPT:], None, 1.0) for one in ids]


def _score(folder: str, settings: dict[str, Any]) -> Callable[[], Any]:
    agent = _agent(folder, settings)
    pairs = [(one.prompt_ids, one.token_ids) for one in _samples()]
    return partial(agent.learner.logprobs, pairs)


def _update(folder: str, settings: dict[str, Any]) -> Callable[[], Any]:
    from collm.agents.learner import Step
    from collm.algorithms.magrpo import MAGRPO

    agent = _agent(folder, settings)
    step = Step(tuple(_samples()), MAGRPO().policy_losses, False, 0, 2)
    agent.update(step)  # the moments are made at the first step
    return partial(agent.update, step)


def _critic(folder: str, settings: dict[str, Any]) -> Callable[[], Any]:
    import torch

    from collm.agents.critic import Critic
    from collm.agents.views import CriticInput, Passage

    critic = Critic(_config(folder, settings, critic=True), "one")
    inputs = [CriticInput((Passage("x" * (PROMPT + REPLY)),), (0,), (None,), (None,))] * ROWS

    def step() -> None:
        values = critic.predict(inputs)
        critic.update(inputs, values, [torch.ones(1)] * ROWS, 1.0, 0, 2)

    step()
    return step


def _sample(folder: str, settings: dict[str, Any]) -> Callable[[], Any]:
    from collm.engines.base import Prompt

    agent = _agent(folder, settings)
    agent.policy.engine._end_ids = frozenset()
    prompts = [Prompt(one.prompt_ids, (0, 1), 0) for one in _samples()]
    return lambda: agent.policy.engine.submit(prompts, agent.config.sampling, False).result()


def _checkpoint(folder: str, settings: dict[str, Any]) -> Callable[[], Any]:
    step = _update(folder, settings)
    agent = step.func.__self__  # type: ignore[attr-defined]
    target = Path(tempfile.mkdtemp(dir=folder))

    def save() -> None:
        agent.save(target / "agent")
        agent.save_optimizer(target / "optimizer.pt")

    return save


PHASES: dict[str, Callable[[str, dict[str, Any]], Callable[[], Any]]] = {
    "score": _score,
    "update": _update,
    "critic": _critic,
    "sample": _sample,
    "checkpoint": _checkpoint,
}


def _estimate(folder: str, phase: str, settings: dict[str, Any]) -> int:
    from collm.report.estimate import Work, footprint, steady

    work = Work(rows=2 * ROWS, kept=0, siblings=2, episodes=ROWS, turns=1, reference=False)
    if phase != "sample":
        work = Work(rows=ROWS, kept=0, siblings=1, episodes=ROWS, turns=1, reference=False)
    critic = phase == "critic"
    found = footprint(
        _config(folder, settings, critic), "critic one" if critic else "agent one", "model", work
    )
    held = steady([found]) - (found.moments if phase in ("score", "sample") else 0)
    if phase == "checkpoint":
        return held
    passing = {"score": "scoring", "sample": "sampling", "critic": "update"}.get(phase, phase)
    return held + int(getattr(found, passing))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _, _, verb, folder, case = sys.argv
        if verb == "save":
            save(folder)
        else:
            print(json.dumps(measure(folder, case)))
    else:
        main()
