"""The embedded critic reads a joint history in few tokens, and comes from the script in this repository."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from collm.agents.config import CriticConfig
from collm.agents.critic import Critic
from collm.agents.views import critic_input
from collm.algorithms.base import CriticView
from collm.env import make_env
from collm.types import Action, Observation, Tree, Turn
from scripts.make_tiny_critic import TEAM, example_view, make_critic

CONFIG = CriticConfig(model="collm:tiny_team/critic")


def test_names_and_global_information_are_whole_tokens() -> None:
    tokenizer = Critic(CONFIG, "central").tokenizer
    plain = "".join(example_view().split("<plan>"))
    assert len(tokenizer(plain).input_ids) < len(plain) / 10
    assert tokenizer.decode(tokenizer(plain).input_ids) == plain


def test_it_values_a_real_first_turn_at_zero_before_training() -> None:
    env = make_env({"type": "housebuild"})
    house = env.tasks("test")[0]
    observations = env.observe(env.reset(house, 0))
    actions = {agent: Action("/kill") for agent in env.agents}
    turn = Turn(
        0,
        observations,
        actions,
        0.0,
        0.0,
        global_information=env.global_information(0, None),
        terminated=True,
    )
    read = critic_input(Tree(house, 0, (turn,), (None,)), CriticView())
    values = Critic(CONFIG, "central").predict([read])
    assert values.by_passage[0].tolist() == [0.0]
    assert isinstance(observations["player_1"], Observation)


def test_the_script_makes_the_shipped_folder(tmp_path: Path) -> None:
    (tmp_path / "player_1").symlink_to(TEAM / "player_1")
    made = AutoModelForCausalLM.from_pretrained(make_critic(tmp_path, seed=0))
    shipped = AutoModelForCausalLM.from_pretrained(TEAM / "critic")
    for (name, one), (_, other) in zip(made.named_parameters(), shipped.named_parameters(), strict=True):
        assert torch.equal(one, other), name
