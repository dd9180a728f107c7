"""HouseBuild: a team builds a house from its plan while spiders attack (paper section 5.1, E.3, F.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from collm.env import Split, Transition
from collm.envs.minecraft.blueprint import Blueprint, parse_blueprint
from collm.envs.minecraft.building import Building, BuildState, joint
from collm.envs.minecraft.commands import Attack, Command, Fill, Rules, parse_commands
from collm.envs.minecraft.feedback import MODES, Review
from collm.envs.minecraft.house_readings import HOUSE_READINGS, HouseReading
from collm.envs.minecraft.houses import generate_houses
from collm.envs.minecraft.prompts import first_prompt, limits_text
from collm.envs.minecraft.spiders import Spiders
from collm.envs.minecraft.world import World, build, iou, match, resource_limits

FeedbackMode = Literal[
    "score_feedback",
    "perfect_feedback",
    "position_feedback",
    "position_modification",
    "rect_modification",
    "resource_schedule",
]
_LIMITS_BEFORE_MODE = {"perfect_feedback", "position_modification", "rect_modification", "resource_schedule"}
_ORIGINAL_FIRST = {"position_modification", "rect_modification", "resource_schedule"}
_RAW_OUTPUT_TITLE = {"rect_modification", "resource_schedule"}


class HouseBuild(Building[Blueprint]):
    """Agents fill a box of blocks from its layers; each turn starts from an empty world.

    The raw reward is ``match - penalty``: the share of the box's cells, air included, that are right,
    less ``penalty_weight * min(1, damage / hp)`` if nobody attacks the spiders.

    ``variant`` names the reading where the paper and its reference code differ (docs/housebuild.md);
    :class:`~collm.envs.minecraft.house_readings.HouseReading` holds what it decides.

    Attributes:
        dataset: ``embedded`` for our own generated houses, or rows in the dataset's schema.
        limited_resource: limit each agent's cells of every block, so that none can build alone.
        feedback: what agents hear after a turn.
        include_air: list air rectangles in the plan too.
        list_limit: longest list of suggestions.
        penalty_weight: weight of the spiders' damage; the default is the variant's.
        pay: ``each`` turn gives the reward that it earned, or the last one gives all of them at the ``end``.
    """

    headline: ClassVar[tuple[str, ...]] = ("iou", "hp")

    type: Literal["housebuild"] = "housebuild"
    reward_shift: float = -1.0
    max_commands: int = Field(default=600, ge=1)
    limited_resource: bool = True
    feedback: FeedbackMode = "score_feedback"
    include_air: bool = False
    list_limit: int = Field(default=20, ge=1)
    penalty_weight: float | None = Field(default=None, ge=0)
    spiders: Spiders = Spiders()
    pay: Literal["each", "end"] = "each"

    @model_validator(mode="after")
    def _consistent(self) -> HouseBuild:
        if self.feedback == "resource_schedule" and not self.limited_resource:
            raise ValueError("feedback resource_schedule needs limited_resource: true")
        return self

    @property
    def reward_range(self) -> tuple[float, float]:
        turns = self.num_turns if self.pay == "end" else 1
        return -self._penalty_weight * turns, float(turns)

    def parse_task(self, row: Mapping[str, Any], where: str) -> Blueprint:
        return parse_blueprint(row, where)

    def step(
        self, state: BuildState[Blueprint], replies: Mapping[str, str]
    ) -> Transition[BuildState[Blueprint]]:
        commands = self._commands(state.task, replies)
        applied = joint(commands)
        target, world = state.task.target(), build(applied)
        matched, lost = match(target, world), self.spiders.damage_share(applied)
        harm = self._penalty_weight * lost
        spared = self.reading.spares_single_agent and self.num_agents == 1
        penalty = 0.0 if spared else harm
        following = self._following(state, replies, commands, shown_reward=matched - harm)
        ended, earned = following.turn >= self.num_turns, state.unpaid + matched - penalty
        paid = ended or self.pay == "each"
        return Transition(
            state=following if paid else replace(following, unpaid=earned),
            reward=earned if paid else 0.0,
            components={"match": matched, "spiders": -penalty or 0.0},  # never -0.0
            metrics={
                "match": matched,
                "iou": iou(target, world),
                "iou_block_aware": iou(target, world, block_aware=True),
                "hp": 1.0 - lost,
                "fills": float(sum(isinstance(command, Fill) for command in applied)),
                "attacks": float(sum(isinstance(command, Attack) for command in applied)),
            },
            terminated=ended,
        )

    @property
    def reading(self) -> HouseReading:
        """What the variant decides."""
        return HOUSE_READINGS[self.variant]

    @property
    def _penalty_weight(self) -> float:
        return self.reading.penalty_weight if self.penalty_weight is None else self.penalty_weight

    def _limits(self, blueprint: Blueprint) -> dict[str, int] | None:
        return resource_limits(blueprint, self.num_agents) if self.limited_resource else None

    def _embedded(self, split: Split) -> Sequence[Blueprint]:
        return generate_houses(split)

    def _commands(self, task: Blueprint, replies: Mapping[str, str]) -> dict[str, tuple[Command, ...]]:
        limits = self._limits(task)
        return {
            agent: parse_commands(replies[agent], self._rules(task, index, limits))
            for index, agent in enumerate(self.agents)
        }

    def _target(self, task: Blueprint) -> World:
        return task.target()

    def _opening(self, task: Blueprint, index: int) -> str:
        return first_prompt(
            task,
            index + 1,
            self.num_agents,
            self.reading,
            self.spiders,
            self._limits(task),
            self.include_air,
        )

    def _rules(self, blueprint: Blueprint, index: int, limits: Mapping[str, int] | None) -> Rules:
        return Rules(
            low=blueprint.origin,
            high=blueprint.end,
            blocks=blueprint.blocks,
            limits=limits or {},
            max_commands=self._commands_allowed(index),
            damage_attacks=self.reading.damage_attacks,
        )

    def _reviews(self, state: BuildState[Blueprint], limits: Mapping[str, int] | None) -> Iterator[Review]:
        world = state.world
        for index, (agent, commands) in enumerate(state.commands):
            yield Review(
                blueprint=state.task,
                reading=self.reading,
                agent=agent,
                number=index + 1,
                num_agents=self.num_agents,
                turn=state.turn + 1,
                previous_reward=state.shown_reward,
                world=world,
                commands=commands,
                limits=limits,
                max_commands=self._commands_allowed(index),
                list_limit=self.list_limit,
            )

    def _follow_ups(
        self, state: BuildState[Blueprint], openings: Mapping[str, str]
    ) -> Mapping[str, Sequence[str]]:
        replies, limits = dict(state.replies), self._limits(state.task)
        return {
            review.agent: self._parts(review, openings[review.agent], replies[review.agent])
            for review in self._reviews(state, limits)
        }

    def _parts(self, review: Review, opening: str, reply: str) -> list[str]:
        """A later observation in the order of the mode."""
        mode = "\n".join(MODES[self.feedback](review))
        parts = [mode]
        if self._repeats_prompt:
            parts = [opening, mode] if self.feedback in _ORIGINAL_FIRST else [mode, opening]
        elif review.limits is not None and self.feedback in _LIMITS_BEFORE_MODE:
            parts = [limits_text(review.limits), mode]
        title = "raw output" if self.feedback in _RAW_OUTPUT_TITLE else "commands"
        return [*parts, *self._repeated(title, reply)]
