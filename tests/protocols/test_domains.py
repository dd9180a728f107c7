"""What the domains put into the prompts of protocols, and a real tiny team that plays each of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from collm.agents.policy import Policy
from collm.agents.team import load_agents, policies_of
from collm.config.recipes import load_recipe
from collm.env import AnyEnvironment, make_env
from collm.envs.minecraft.prompts import limits_text
from collm.envs.minecraft.world import resource_limits
from collm.protocols.base import make_protocol, protocols
from collm.protocols.discussion import Discussion
from collm.protocols.pipeline import Pipeline
from collm.protocols.playing import play
from collm.protocols.single import Single
from collm.rollout import Reset
from tests.protocols.scripted import Heard, Say, played, team

AUX = "def aux(n):\n    return n + 1"


def heard_by(protocol: Any, env: AnyEnvironment, **says: Say) -> list[tuple[str, str]]:
    heard: Heard = []
    played(protocol, env, team(heard, **says))
    return heard


def test_the_second_writer_of_a_pipeline_expands_the_summary() -> None:
    env = make_env({"type": "tldr"})
    post = env.tasks("test")[0].text
    (_, first), (_, second) = heard_by(
        Pipeline(), env, summary=lambda t: "Brief.", elaboration=lambda t: "Long."
    )
    assert first.startswith("Create a concise summary")
    assert second == (
        "Create a detailed summary that expands on the following concise summary.\n\n"
        f"Original Query:\n{post}\n\nConcise Summary (from another agent):\nBrief.\n\n"
        "IMPORTANT INSTRUCTIONS:\n- Build upon and expand the concise summary\n- Use more unique words\n"
        "- Use some transition words to improve flow\n- Make it 2-3 times longer than the concise summary\n"
    )


def test_writers_of_a_discussion_refine_their_own_text_by_the_others() -> None:
    env = make_env({"type": "tldr"})
    heard = heard_by(Discussion(), env, summary=lambda t: "Brief.", elaboration=lambda t: "Long.")
    summary, elaboration = (text for _, text in heard[2:])
    assert summary.startswith("Refine your concise summary based on the detailed version.")
    assert "Your previous concise summary:\nBrief." in summary
    assert "Detailed summary (from another agent):\nLong." in summary
    assert elaboration.startswith("Refine your detailed summary now that you can see the concise version.")
    assert "Your previous detailed summary:\nLong." in elaboration
    assert "Concise summary (from another agent):\nBrief." in elaboration


def test_the_other_half_of_an_introduction_is_shown() -> None:
    env = make_env({"type": "arxiv"})
    says: dict[str, Say] = {"background": lambda t: "Why.", "method": lambda t: "How."}
    assert "The other agent's text:\nWhy." in heard_by(Pipeline(), env, **says)[1][1]
    again = heard_by(Discussion(), env, **says)[2][1]
    assert "The other agent's text:\nHow.\n\nYour previous text:\nWhy." in again


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_main_gets_the_helpers_code_without_the_talk_around_it(variant: str) -> None:
    env = make_env({"type": "coding", "variant": variant, "num_turns": 1})
    talk = f"Sure! Here it is.\n```python\n{AUX}\n```\n"
    (_, first), (_, second) = heard_by(Pipeline(), env, aux=lambda t: talk, main=lambda t: "no idea")
    assert "already been implemented" not in first
    assert second.endswith(
        "You have access to this helper function that has already been implemented:\n\n"
        f"{AUX}\n\n- Make sure to use the aux() function effectively\n"
    )


def test_coders_improve_what_they_wrote_by_the_others_code() -> None:
    env = make_env({"type": "coding"})
    heard = heard_by(Discussion(), env, aux=lambda t: AUX, main=lambda t: "no idea {at all}")
    aux, main = (text for _, text in heard[2:])
    assert aux.endswith(
        "Improve your helper function based on how it's being used by the main function.\n\n"
        f"Your helper function:\n{AUX}\n\nThe main function:\nno idea {{at all}}\n"
    )
    assert main.endswith(
        "Improve your main function implementation based on the helper function provided.\n\n"
        f"Your main function:\nno idea {{at all}}\n\nThe helper function:\n{AUX}\n"
    )


@pytest.mark.parametrize("kind", ["housebuild", "strbuild"])
@pytest.mark.parametrize(("variant", "title"), [("paper", "Player"), ("reference", "Agent")])
def test_players_see_each_others_commands(kind: str, variant: str, title: str) -> None:
    env = make_env({"type": kind, "variant": variant, "num_turns": 2})
    says: dict[str, Say] = {"player_1": lambda t: "/one", "player_2": lambda t: "/two"}
    heard = heard_by(Pipeline(), env, **says)
    assert [name for name, _ in heard] == ["player_1", "player_2"] * 2
    given = f"{title} 1 has given these commands:\n/one\n\nGive the commands that the build still needs."
    assert all(text.endswith(given) for name, text in heard if name == "player_2")
    again = heard_by(Discussion(), env, **says)[3][1]
    assert f"{title} 1's commands so far:\n/one\n\nYour commands so far:\n/two\n\nGive all of your" in again


@pytest.mark.parametrize(
    ("kind", "player", "opening"),
    [
        ("tldr", "elaboration", "Please provide a summary of this Reddit post in exactly two paragraphs"),
        ("arxiv", "method", "Based on the following scientific abstract"),
        ("coding", "main", "Solve this coding problem"),
        ("housebuild", "player_1", "You are Player 1 in a 1-person"),
        ("strbuild", "player_1", "You are Player 1 in a 1-person"),
    ],
)
def test_a_single_model_plays_the_domains_own_form(kind: str, player: str, opening: str) -> None:
    env = make_env({"type": kind})
    heard: Heard = []
    players = team(heard, other=str, **{player: str})
    (episode,) = played(Single(agent=player), env, players)
    ((name, text),) = heard
    assert name == player
    assert text.startswith(opening)
    assert (len(episode.tree.turns), episode.tree.turns[0].terminated) == (1, True)


def test_a_single_coder_has_the_shift_and_the_best_reward_of_one() -> None:
    alone = make_env({"type": "coding", "variant": "reference", "feedback": "plain"}).for_one_agent()
    assert alone == make_env({"type": "coding", "variant": "reference", "feedback": "plain", "num_agents": 1})


def test_a_single_builder_has_the_limits_of_one() -> None:
    alone = make_env({"type": "housebuild", "feedback": "perfect_feedback"}).for_one_agent()
    assert alone is not None
    assert alone.agents == ("player_1",)
    task = alone.tasks("test")[0]
    (seen,) = alone.observe(alone.reset(task, 0)).values()
    assert limits_text(resource_limits(task, 1)) in seen.text


@cache
def tiny(recipe: str) -> tuple[AnyEnvironment, Mapping[str, Policy]]:
    config = load_recipe(recipe, ["agents.*.sampling.max_tokens=12"], learns=False)
    return config.env, policies_of(load_agents(config.agents))


@pytest.mark.parametrize("recipe", ["tldr/tiny", "coding/tiny", "demo"])
@pytest.mark.parametrize("name", sorted(protocols()))
def test_a_tiny_team_plays_every_domain_by_every_protocol(recipe: str, name: str) -> None:
    env, policies = tiny(recipe)
    settings = {"planning": 1, "rounds": 2} if name == "task_graph" else {}
    protocol = make_protocol({"type": name, **settings})
    (episode,) = play(protocol, env, policies, [Reset(env.tasks("test")[0], 1)])
    assert episode.tree.failure is None
    low, high = env.reward_range
    for turn, messages in zip(episode.tree.turns, episode.messages, strict=True):
        assert low <= turn.raw_reward <= high
        assert all(0 < len(message.action.token_ids) <= 12 for message in messages)
        assert all(message.action.prompt_ids for message in messages)
