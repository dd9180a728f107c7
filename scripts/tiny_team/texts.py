"""Every text that HouseBuild shows its agents: the corpus of the tokenizers and the episodes behind it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from collm.base.seeding import derive
from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.housebuild import FeedbackMode, HouseBuild
from scripts.tiny_team.practice_houses import Kind, practice_houses
from scripts.tiny_team.strategies import draw_strategy, next_strategy, reply

AGENTS = ("player_1", "player_2")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one agent read and wrote at a turn."""

    observation: str
    reply: str


Conversation = tuple[Exchange, ...]


def house_build() -> HouseBuild:
    """The environment with its defaults, which the tiny team is made for."""
    return HouseBuild()


def training_houses(count: int, seed: int, shares: Mapping[Kind, float]) -> tuple[Blueprint, ...]:
    """Houses unlike any of the environment's own; ``shares`` says how often each kind comes."""
    env = house_build()
    return practice_houses(count, seed, shares, exclude=(*env.tasks("train"), *env.tasks("test")))


def play(env: HouseBuild, house: Blueprint, turns: int, seed: int) -> dict[str, Conversation]:
    """One episode of two demonstrators who follow strategies of their own."""
    stream, state = random.Random(seed), env.reset(house, 0)
    strategies = {agent: draw_strategy(stream) for agent in AGENTS}
    history: dict[str, list[Exchange]] = {agent: [] for agent in AGENTS}
    for _ in range(turns):
        observations = env.observe(state)
        replies = {agent: reply(house, strategies[agent], stream) for agent in AGENTS}
        for agent in AGENTS:
            history[agent].append(Exchange(observations[agent].text, replies[agent]))
        strategies = {agent: next_strategy(strategies[agent], stream) for agent in AGENTS}
        state = env.step(state, replies).state
    return {agent: tuple(exchanges) for agent, exchanges in history.items()}


def default_texts(houses: tuple[Blueprint, ...], seed: int) -> Iterator[str]:
    """Observations and replies under the default configuration."""
    yield from _texts(house_build(), houses, seed)


def all_texts(houses: tuple[Blueprint, ...], seed: int) -> Iterator[str]:
    """Observations, system messages and replies under every variant and feedback mode."""
    for variant in ("paper", "reference"):
        for mode in get_args(FeedbackMode):
            config = {"variant": variant, "feedback": mode, "include_air": True}
            yield from _texts(HouseBuild.model_validate(config), houses, seed)


def _texts(env: HouseBuild, houses: tuple[Blueprint, ...], seed: int) -> Iterator[str]:
    for index, house in enumerate(houses):
        yield from (seen.system or "" for seen in env.observe(env.reset(house, 0)).values())
        for exchanges in play(env, house, 2, derive(seed, "texts", index)).values():
            for exchange in exchanges:
                yield exchange.observation
                yield exchange.reply
