"""Make the two writers that ship with the package, from nothing but a seed.

Run from the repository's root: ``python -m scripts.make_tiny_writers``. Everything they learn from is
generated; ``python -m scripts.tiny_writers.measure`` measures them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from transformers import GenerationConfig

from collm.base.seeding import derive
from scripts.tiny_team.conversations import batches
from scripts.tiny_team.vocabulary import train_tokenizer
from scripts.tiny_team.warm_start import first_model, fit, parameter_count, second_model
from scripts.tiny_writers.lessons import example, lessons
from scripts.tiny_writers.wordings import WORDINGS

MODELS = {"summary": first_model, "elaboration": second_model}
OUTPUT = Path(__file__).resolve().parents[1] / "src/collm/assets/tiny_writers"
LESSONS = 30_000
TOKENIZER_LESSONS = 4_000
TOKENS_PER_BATCH = 2048


def make_agent(agent: str, seed: int, output: Path, count: int = LESSONS) -> None:
    """Train one writer and write its folder."""
    torch.set_num_threads(1)
    torch.manual_seed(derive(seed, agent))
    corpus = lessons(agent, TOKENIZER_LESSONS, derive(seed, "tokenizer"))
    tokenizer = train_tokenizer(
        WORDINGS[agent], [text for one in corpus for text in (one.prompt, one.text)], []
    )
    model = MODELS[agent](tokenizer)
    tokenizer.chat_template = None
    print(f"{agent}: {len(tokenizer)} tokens, {parameter_count([model])[0]} parameters", flush=True)
    pool = [example(tokenizer, lesson) for lesson in lessons(agent, count, seed)]
    fit(model, list(batches(pool, TOKENS_PER_BATCH, int(tokenizer.pad_token_id or 0), seed)), agent)
    model.generation_config = GenerationConfig(
        do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.to(torch.bfloat16).save_pretrained(output / agent)
    tokenizer.save_pretrained(output / agent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--agents", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--lessons", type=int, default=LESSONS)
    arguments = parser.parse_args()
    started = time.monotonic()
    for agent in arguments.agents:
        make_agent(agent, arguments.seed, arguments.output, arguments.lessons)
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
