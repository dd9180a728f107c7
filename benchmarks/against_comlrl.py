"""Updates a second of collm and of comlrl, the papers' own library, in one run on the same work.

Both train two models (Qwen3 and Qwen2 architecture, random weights) with MAGRPO, K = 4, single turn: the same
checkpoints, prompts, reward, sampling, number of tokens and of optimizer steps. The libraries take turns, so
a drifting machine hits both. Needs ``pip install comlrl datasets`` beside collm.

    python -m benchmarks.against_comlrl --width 256 --layers 4 --prompt-tokens 256 --new-tokens 64
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from collm.agents.team import load_team
from collm.base.seeding import derive
from collm.config.tree import make_config
from collm.env import Environment, Split, Transition
from collm.rollout import rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.training.schedule import resets_of
from collm.types import Observation, Observations
from tests.checkpoints import save_qwen2, save_qwen3

K = 4
_SENTENCE = "The two of them looked at the plan of the house and began to divide the work. "


@dataclass(frozen=True, slots=True)
class Prompt:
    """A task: one text for both agents."""

    id: str
    text: str


class Texts(Environment[Prompt, Prompt]):
    """One turn; the reward depends on the replies' letters, so siblings differ."""

    type: Literal["benchmark_texts"] = "benchmark_texts"
    prompt_tokens: int
    prompts: int

    @property
    def agents(self) -> tuple[str, ...]:
        return "first", "second"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Prompt]:
        return [Prompt(f"prompt_{i}", prompt_text(i, self.prompt_tokens)) for i in range(self.prompts)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Prompt:
        return Prompt(row["id"], row["text"])

    def reset(self, task: Prompt, seed: int) -> Prompt:
        return task

    def observe(self, state: Prompt) -> Observations:
        return dict.fromkeys(self.agents, Observation(state.text, raw=True))

    def step(self, state: Prompt, replies: Mapping[str, str]) -> Transition[Prompt]:
        return Transition(state, reward(*replies.values()), terminated=True)


def prompt_text(index: int, tokens: int) -> str:
    """Text of ``tokens`` bytes, which the byte tokenizers make as many tokens."""
    return (f"{index:04d} " + _SENTENCE * (tokens // len(_SENTENCE) + 1))[:tokens]


def reward(first: str, second: str) -> float:
    """The share of letters that both replies use."""
    one, two = set(first), set(second)
    return len(one & two) / max(1, len(one | two))


def collm_seconds(folder: Path, options: argparse.Namespace, tasks_per_update: int) -> float:
    """Seconds for one pass over the prompts, one optimizer step for each."""
    agent = {
        "context": options.prompt_tokens + 16,
        "history": "turn",
        "sampling": {"temperature": 1.0, "max_tokens": options.new_tokens},
        "optimization": {"max_grad_norm": None},
    }
    config = make_config(
        {
            "env": {
                "type": "benchmarks.against_comlrl:Texts",
                "prompt_tokens": options.prompt_tokens,
                "prompts": options.prompts,
            },
            "algorithm": {"type": "magrpo", "num_generations": K, "scale_by_std": True, "minibatch_size": K},
            "agents": {
                "first": {**agent, "model": str(folder / "first")},
                "second": {**agent, "model": str(folder / "second")},
            },
            "training": {"tasks_per_update": tasks_per_update},
        },
        "benchmark",
    )
    team, tasks = load_team(config.agents, None, ()), config.env.tasks("train")
    updates = len(tasks) // tasks_per_update
    began = time.perf_counter()
    for update in range(updates):
        resets = resets_of(config.training, tasks, derive(0, "benchmark"), update)
        trees = rollout(config.env, team.policies, resets, config.algorithm.branching).trees
        learn(config.algorithm, team.agents, team.critics, trees, Progress(0, update, updates))
    return time.perf_counter() - began


def comlrl_seconds(folder: Path, options: argparse.Namespace) -> float:
    """The same with comlrl's own trainer: its default loop, one prompt and one step at a time."""
    from comlrl.trainers.reinforce.magrpo import MAGRPOConfig, MAGRPOTrainer
    from datasets import Dataset

    folders = [folder / "first", folder / "second"]
    trainer = MAGRPOTrainer(
        agents=[AutoModelForCausalLM.from_pretrained(path) for path in folders],
        num_agents=2,
        tokenizer=[AutoTokenizer.from_pretrained(path) for path in folders],
        train_dataset=Dataset.from_list(
            [{"prompt": prompt_text(index, options.prompt_tokens)} for index in range(options.prompts)]
        ),
        reward_func=lambda ones, twos: [reward(one, two) for one, two in zip(ones, twos, strict=True)],
        formatters=[lambda item: item["prompt"]] * 2,
        args=MAGRPOConfig(
            num_train_epochs=1,
            num_turns=1,
            num_generations=K,
            max_new_tokens=options.new_tokens,
            temperature=1.0,
            top_p=1.0,
            top_k=None,
            eval_interval=0,
            rollout_buffer_size=1,
            early_termination_threshold=None,
        ),
    )
    trainer.verbose = False
    began = time.perf_counter()
    trainer.train()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    runs: dict[str, list[float]] = {"comlrl": [], "collm, one prompt at a time": [], "collm, batched": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_qwen3(folder / "first", width=options.width, layers=options.layers)
        save_qwen2(folder / "second", width=options.width, layers=options.layers)
        for _ in range(options.rounds + 1):
            runs["comlrl"].append(comlrl_seconds(folder, options))
            runs["collm, one prompt at a time"].append(collm_seconds(folder, options, 1))
            runs["collm, batched"].append(collm_seconds(folder, options, options.prompts))
    print(f"{options}, torch {torch.__version__}, {torch.get_num_threads()} threads; first round not counted")
    for label, seconds in runs.items():
        ratios = [theirs / ours for theirs, ours in zip(runs["comlrl"][1:], seconds[1:], strict=True)]
        per_update = statistics.median(seconds[1:]) / options.prompts
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"{label:<28} {per_update:.3f} s/update  {statistics.median(ratios):.2f} times comlrl ({spread})"
        )


if __name__ == "__main__":
    main()
