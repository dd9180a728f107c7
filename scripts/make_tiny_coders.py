"""Make the two coders that ship with the package, from nothing but a seed.

Run from the repository's root: ``python -m scripts.make_tiny_coders``. Everything they learn from is
generated; ``python -m scripts.tiny_coders.measure`` measures them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import GenerationConfig

from collm.base.seeding import derive
from scripts.tiny_coders.lessons import Lesson, drills, lessons
from scripts.tiny_coders.wordings import wordings
from scripts.tiny_team.conversations import Batch, batches, example
from scripts.tiny_team.vocabulary import train_tokenizer
from scripts.tiny_team.warm_start import first_model, fit, parameter_count, second_model

MODELS = {"aux": first_model, "main": second_model}
OUTPUT = Path(__file__).resolve().parents[1] / "src/collm/assets/tiny_coders"
DRILLS = 30_000
LESSONS = 24_000
TOKENIZER_LESSONS = 4_000
TOKENS_PER_BATCH = (1024, 1536)
"""Of drills and of lessons."""


def make_agent(agent: str, stages: Sequence[Sequence[Lesson]], seed: int, output: Path) -> None:
    """Train one coder on one stage after the other and write its folder."""
    torch.manual_seed(derive(seed, agent))
    tokenizer = train_tokenizer(wordings()[agent], _texts(stages[-1][:TOKENIZER_LESSONS]), [])
    model = MODELS[agent](tokenizer)
    print(f"{agent}: {len(tokenizer)} tokens, {parameter_count([model])[0]} parameters", flush=True)
    pad, course = int(tokenizer.pad_token_id or 0), list[Batch]()
    for stage, budget in zip(stages, TOKENS_PER_BATCH, strict=True):
        examples = [example(tokenizer, lesson[agent]) for lesson in stage]
        course += batches(examples, budget, pad, seed)
    fit(model, course, agent)
    model.generation_config = GenerationConfig(
        do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=pad
    )
    model.to(torch.bfloat16).save_pretrained(output / agent)
    tokenizer.save_pretrained(output / agent)


def _texts(pool: Sequence[Lesson]) -> list[str]:
    """What both agents read and write."""
    talks = (talk for lesson in pool for talk in lesson.values())
    return [text for talk in talks for each in talk for text in (each.observation, each.reply)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--agents", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--lessons", type=int, default=LESSONS)
    arguments = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(1)
    stages = (list(drills(DRILLS, arguments.seed)), list(lessons(arguments.lessons, arguments.seed)))
    for agent in arguments.agents:
        make_agent(agent, stages, arguments.seed, arguments.output)
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
