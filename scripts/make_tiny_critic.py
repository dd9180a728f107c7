"""Makes the tiny team's critic: player_1's lower layers, with the words that only critics read as tokens.

A critic reads both agents' observations and actions with their names, and the global information. Spelled
letter by letter these would double its histories; as phrases they are a few tokens. Its value head starts
at zero and is not part of the folder. Run ``python -m scripts.make_tiny_critic`` after the team is made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, AutoTokenizer

from collm.agents.views import critic_input
from collm.algorithms.base import CriticView
from collm.env import make_env
from collm.types import Action, Observation, Tree, Turn

TEAM = Path(__file__).resolve().parents[1] / "src/collm/assets/tiny_team"
LAYERS = 2


def critic_phrases(agents: tuple[str, ...], num_turns: int, reward_max: str) -> list[str]:
    """The fixed texts of :func:`collm.agents.views.critic_input` around observations and actions."""
    names = [f"[{agent} {kind}]\n" for agent in agents for kind in ("observation", "action")]
    turns = [
        "You are at turn = ",
        f" over a {num_turns}-turn episode.\n",
        f" over a {num_turns}-turn episode.\nYour last-turn reward is ",
    ]
    return [
        *names,
        *(f"\n{name}" for name in names),
        *turns,
        *(f"\n{turn}" for turn in turns[:1]),
        f" / {reward_max}.\n",
    ]


def make_critic(team: Path, seed: int) -> Path:
    """Write the folder ``critic`` beside the agents'."""
    env = make_env({"type": "housebuild"})
    tokenizer = AutoTokenizer.from_pretrained(team / "player_1")
    phrases = critic_phrases(env.agents, env.num_turns, f"{env.reward_range[1]:g}")
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(team / "player_1")
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.model.layers = model.model.layers[:LAYERS]
    model.config.num_hidden_layers = LAYERS
    model.config.layer_types = model.config.layer_types[:LAYERS]
    model.save_pretrained(team / "critic")
    tokenizer.save_pretrained(team / "critic")
    return team / "critic"


def example_view() -> str:
    """What a turn of a view looks like, to see how it is cut."""
    observations = {"player_1": Observation("<plan>"), "player_2": Observation("<plan>")}
    actions = {"player_1": Action("/kill"), "player_2": Action("/kill")}
    env = make_env({"type": "housebuild"})
    information = env.global_information(1, 0.5)
    turn = Turn(0, observations, actions, 0.0, 0.0, global_information=information, terminated=True)
    example = Tree(env.tasks("test")[0], 0, (turn, turn), (None, 0))
    return "".join(passage.text for passage in critic_input(example, CriticView()).passages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team", type=Path, default=TEAM)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = make_critic(arguments.team, arguments.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(example_view()).input_ids
    print(f"{folder}: {len(tokenizer)} tokens; an empty view of two turns is {len(ids)} tokens long:")
    print([tokenizer.decode([token]) for token in ids])


if __name__ == "__main__":
    main()
