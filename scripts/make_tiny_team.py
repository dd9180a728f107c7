"""Make the two models that ship with the package, from nothing but a seed.

Run from the repository's root: ``python -m scripts.make_tiny_team``. Everything they learn from is generated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast

from collm.base.seeding import derive
from scripts.tiny_team.builders import first_builder, second_builder
from scripts.tiny_team.texts import AGENTS, all_texts, default_texts, training_houses
from scripts.tiny_team.vocabulary import first_wording, second_wording, train_tokenizer
from scripts.tiny_team.warm_start import Schedule, Stage, parameter_count, warm_start

WORDINGS = dict(zip(AGENTS, (first_wording, second_wording), strict=True))
MODELS = dict(zip(AGENTS, (first_builder, second_builder), strict=True))
OUTPUT = Path(__file__).resolve().parents[1] / "src/collm/assets/tiny_team"

SCHEDULE = Schedule(
    stages=(
        Stage(10_000, turns=1, large_turns=1, shares={"jumble": 1.0}),
        Stage(10_000, turns=1, large_turns=1, shares={"jumble": 0.2, "small": 0.65, "large": 0.15}),
        Stage(9_000, turns=4, large_turns=2, shares={"jumble": 0.1, "small": 0.8, "large": 0.1}),
    )
)


def make_tokenizer(agent: str, seed: int) -> PreTrainedTokenizerFast:
    """Train an agent's tokenizer on generated texts."""
    houses = training_houses(400, derive(seed, "tokenizer"), {"small": 0.6, "large": 0.4})
    texts, rare = list(default_texts(houses, seed)), list(all_texts(houses[:10], seed))
    return train_tokenizer(WORDINGS[agent](texts), texts, rare)


def make_agent(agent: str, seed: int, output: Path, schedule: Schedule = SCHEDULE) -> None:
    """Train one agent and write its folder."""
    torch.set_num_threads(1)
    torch.manual_seed(derive(seed, agent))
    tokenizer = make_tokenizer(agent, seed)
    model = MODELS[agent](tokenizer)
    print(f"{agent}: {len(tokenizer)} tokens, {parameter_count([model])[0]} parameters", flush=True)
    warm_start(model, tokenizer, agent, schedule, seed)
    model.generation_config = GenerationConfig(
        do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(output / agent)
    tokenizer.save_pretrained(output / agent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=AGENTS)
    arguments = parser.parse_args()
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=make_agent, args=(agent, arguments.seed, arguments.output))
        for agent in arguments.agents
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("an agent failed; its error is above.")
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
