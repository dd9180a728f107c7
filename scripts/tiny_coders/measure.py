"""Measures the tiny coders before any reinforcement learning: ``python -m scripts.tiny_coders.measure``."""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import policies_of
from collm.envs.coding.coding import Coding
from collm.envs.coding.problem import Problem
from collm.models.config import Sampling
from collm.rollout import Reset, rollout
from collm.types import Turn
from scripts.tiny_coders.practice import draw
from scripts.tiny_team.conversations import encode

TEAM = Path(__file__).resolve().parents[2] / "src/collm/assets/tiny_coders"
SHOWN = 4
_MEASURES = ("pass_rate", "syntax_valid_rate", "collab_aux_usage", "collab_non_wrapper")


def load_coders(folder: Path, max_tokens: int) -> dict[str, Agent]:
    """Open both agents, to sample as in the recipe."""
    sampling = Sampling(temperature=0.7, max_tokens=max_tokens)
    return {
        name: Agent(AgentConfig(model=str(folder / name), sampling=sampling, device="cpu"), name)
        for name in Coding().agents
    }


def play(coders: Mapping[str, Agent], problems: Sequence[Problem], greedy: bool) -> list[Turn]:
    """The first turn on each problem."""
    resets = [Reset(problem, seed) for seed, problem in enumerate(problems)]
    trees = rollout(Coding(num_turns=1), policies_of(coders), resets, greedy=greedy).trees
    return [tree.roots[0] for tree in trees]


def report(name: str, turns: Sequence[Turn]) -> None:
    """Print means over the turns and a few replies."""
    ended = mean(action.finish_reason == "stop" for turn in turns for action in turn.joint_action.values())
    measures = {key: round(mean(turn.metrics[key] for turn in turns), 3) for key in _MEASURES}
    print(f"\n{name}: reward {mean(t.raw_reward for t in turns):.3f}, ended {ended:.2f}, {measures}")
    for turn in turns[:SHOWN]:
        texts = "\n".join(f"{action.text}" for action in turn.joint_action.values())
        print(f"# {turn.raw_reward:.2f}\n{texts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team", type=Path, default=TEAM)
    parser.add_argument("--max-tokens", type=int, default=96)
    arguments = parser.parse_args()
    env, coders = Coding(), load_coders(arguments.team, arguments.max_tokens)
    known, stream = env.tasks("test"), random.Random(0)
    for name, coder in coders.items():
        counts = [
            len(encode(coder.policy.context.tokenizer, env.observe(env.reset(task, 0))[name].text))
            for task in known
        ]
        print(f"{name}: first prompts of {min(counts)} to {max(counts)} tokens")
    practice = [draw(stream).problem for _ in range(100)]
    for kind, problems in (("test problems", known), ("practice problems", practice)):
        for greedy in (False, True):
            report(f"{kind}, {'greedy' if greedy else 'sampled'}", play(coders, problems, greedy))


if __name__ == "__main__":
    main()
