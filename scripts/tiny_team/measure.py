"""Measures the tiny team before any reinforcement learning: ``python -m scripts.tiny_team.measure``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.commands import command_lines
from collm.envs.minecraft.housebuild import HouseBuild
from scripts.tiny_team.conversations import encode
from scripts.tiny_team.strategies import fill_line
from scripts.tiny_team.texts import AGENTS, house_build

TEAM = Path(__file__).resolve().parents[2] / "src/collm/assets/tiny_team"


@dataclass(slots=True)
class Speaker:
    """An agent with its conversations, one for each house."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    histories: list[list[int]] = field(default_factory=list)
    messages: list[list[dict[str, str]]] = field(default_factory=list)

    def hear(self, texts: Sequence[str]) -> None:
        """Append one observation to each conversation as the chat template renders it."""
        self.histories = self.histories or [[] for _ in texts]
        self.messages = self.messages or [[] for _ in texts]
        for history, messages, text in zip(self.histories, self.messages, texts, strict=True):
            before = self._rendered(messages)
            messages.append({"role": "user", "content": text})
            after = self._rendered(messages, add_generation_prompt=True)
            history += encode(self.tokenizer, after[len(before) :])

    def speak(self, max_new_tokens: int, **sampling: Any) -> list[list[int]]:
        """Write one reply to each conversation; return their tokens."""
        length = max(len(history) for history in self.histories)
        pads = [length - len(history) for history in self.histories]
        end, pad = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
        ids = [[pad] * count + history for count, history in zip(pads, self.histories, strict=True)]
        mask = [[0] * count + [1] * (length - count) for count in pads]
        with torch.no_grad():
            output = self.model.generate(
                input_ids=torch.tensor(ids),
                attention_mask=torch.tensor(mask),
                max_new_tokens=max_new_tokens,
                eos_token_id=end,
                pad_token_id=pad,
                **sampling,
            )
        replies = [row[: row.index(end) + 1] if end in row else row for row in output[:, length:].tolist()]
        for history, messages, reply in zip(self.histories, self.messages, replies, strict=True):
            history += reply
            messages.append({"role": "assistant", "content": self.text(reply)})
        return replies

    def text(self, reply: Sequence[int]) -> str:
        """A reply without special tokens."""
        return str(self.tokenizer.decode(reply, skip_special_tokens=True))

    def _rendered(self, messages: list[dict[str, str]], add_generation_prompt: bool = False) -> str:
        """The template's text, up to the end token of the last reply."""
        if not messages:
            return ""
        text = str(
            self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        )
        end = self.tokenizer.eos_token
        return text if add_generation_prompt else text[: text.rindex(end) + len(end)]


def load_team(folder: Path) -> dict[str, Speaker]:
    """Open both agents."""
    return {
        agent: Speaker(
            AutoModelForCausalLM.from_pretrained(folder / agent, dtype=torch.float32).eval(),
            AutoTokenizer.from_pretrained(folder / agent),
        )
        for agent in AGENTS
    }


def measure(
    env: HouseBuild, houses: Sequence[Blueprint], folder: Path, max_new_tokens: int, **sampling: Any
) -> dict[str, float]:
    """Play one episode on each house, without early termination; averages over houses and turns."""
    team, states = load_team(folder), [env.reset(house, 0) for house in houses]
    rows: list[dict[str, float]] = []
    for _ in range(env.num_turns):
        observations = [env.observe(state) for state in states]
        tokens: dict[str, list[list[int]]] = {}
        for agent, speaker in team.items():
            speaker.hear([seen[agent].text for seen in observations])
            tokens[agent] = speaker.speak(max_new_tokens, **sampling)
        for index, house in enumerate(houses):
            replies = {agent: team[agent].text(tokens[agent][index]) for agent in AGENTS}
            transition = env.step(states[index], replies)
            states[index] = transition.state
            rows.append(
                {"return": env.num_turns * env.processed(transition.reward), **transition.metrics}
                | _reply_measures(house, replies.values())
                | {f"tokens of {agent}": len(tokens[agent][index]) for agent in AGENTS}
            )
    return {name: round(mean(row[name] for row in rows), 4) for name in rows[0]}


def _reply_measures(house: Blueprint, replies: Iterable[str]) -> dict[str, float]:
    """Of the fills, how many copy the plan; of the lines, how many are a fill or an attack."""
    plan = {fill_line(rectangle) for rectangle in house.rectangles()}
    lines = [line for reply in replies for line in command_lines(reply)]
    fills = [line for line in lines if line.startswith("/fill")]
    exact = sum(line in plan for line in fills)
    well_formed = sum(line == "/kill" or len(line.split()) == 8 for line in lines)
    return {"exact fills": exact / max(1, len(fills)), "well-formed lines": well_formed / max(1, len(lines))}


def prompt_tokens(env: HouseBuild, houses: Sequence[Blueprint], folder: Path) -> dict[str, list[int]]:
    """The fewest and most tokens of a first prompt, template included."""
    sizes: dict[str, list[int]] = {}
    for agent, speaker in load_team(folder).items():
        speaker.hear([env.observe(env.reset(house, 0))[agent].text for house in houses])
        counts = [len(history) for history in speaker.histories]
        sizes[agent] = [min(counts), round(mean(counts)), max(counts)]
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team", type=Path, default=TEAM)
    parser.add_argument("--dataset", type=Path, help="a JSON file of houses; the default are the test houses")
    parser.add_argument("--max-new-tokens", type=int, default=160)
    arguments = parser.parse_args()
    env = house_build()
    houses = env.tasks("test")
    if arguments.dataset:
        rows = json.loads(arguments.dataset.read_text())
        houses = [env.parse_task(row, str(arguments.dataset)) for row in rows]
    print("first prompt (least, mean, most tokens):", prompt_tokens(env, houses, arguments.team))
    torch.manual_seed(0)
    settings: dict[str, dict[str, Any]] = {
        "greedy": {"do_sample": False},
        "sampled": {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0},
    }
    for name, sampling in settings.items():
        result = measure(env, houses, arguments.team, arguments.max_new_tokens, **sampling)
        print(name, json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
