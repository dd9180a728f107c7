"""Measures the tiny writers before any reinforcement learning: ``python -m scripts.tiny_writers.measure``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import policies_of
from collm.envs.writing.tldr import TLDR
from collm.models.config import Sampling
from collm.rollout import Reset, rollout
from collm.types import Turn
from scripts.tiny_team.conversations import encode
from scripts.tiny_writers.demonstrations import WRITERS

TEAM = Path(__file__).resolve().parents[2] / "src/collm/assets/tiny_writers"
SHOWN = 4
_MEASURES = ("score", "length_ratio", "unique_word_ratio", "transition_categories", "jaccard")


def load_writers(folder: Path, max_tokens: int) -> dict[str, Agent]:
    """Open both agents, to sample at temperature 1."""
    sampling = Sampling(max_tokens=max_tokens)
    return {
        name: Agent(AgentConfig(model=str(folder / name), sampling=sampling, device="cpu"), name)
        for name in WRITERS
    }


def play(env: TLDR, writers: Mapping[str, Agent], greedy: bool) -> list[Turn]:
    """One episode on each test post."""
    resets = [Reset(task, seed) for seed, task in enumerate(env.tasks("test"))]
    return [tree.roots[0] for tree in rollout(env, policies_of(writers), resets, greedy=greedy).trees]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team", type=Path, default=TEAM)
    parser.add_argument("--max-tokens", type=int, default=96)
    arguments = parser.parse_args()
    env, writers = TLDR(), load_writers(arguments.team, arguments.max_tokens)
    for name, writer in writers.items():
        counts = [
            len(encode(writer.policy.context.tokenizer, _prompt(env, name, index))) for index in range(8)
        ]
        print(f"{name}: prompts of {min(counts)} to {max(counts)} tokens")
    for greedy in (False, True):
        turns = play(env, writers, greedy)
        ended = mean(a.finish_reason == "stop" for turn in turns for a in turn.joint_action.values())
        measures = {name: round(mean(turn.metrics[name] for turn in turns), 3) for name in _MEASURES}
        reward = mean(turn.raw_reward for turn in turns)
        print(f"\n{'greedy' if greedy else 'sampled'}: reward {reward:.3f}, ended {ended:.2f}, {measures}")
        for turn in turns[:SHOWN]:
            texts = "\n".join(f"  {name}: {action.text}" for name, action in turn.joint_action.items())
            print(f"{turn.raw_reward:.2f}\n{texts}")


def _prompt(env: TLDR, agent: str, index: int) -> str:
    return env.observe(env.reset(env.tasks("test")[index], 0))[agent].text


if __name__ == "__main__":
    main()
