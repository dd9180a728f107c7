"""StrBuild: a team writes a string in blocks with alternating textures (the authors' code alone)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from collm.env import Split, Transition
from collm.envs.minecraft.building import Building, BuildState, joint
from collm.envs.minecraft.commands import Command, Rules
from collm.envs.minecraft.lettering import Lettering, embedded_strings, parse_lettering
from collm.envs.minecraft.lettering_feedback import MODES, LetteringReview
from collm.envs.minecraft.lettering_prompts import first_lettering_prompt
from collm.envs.minecraft.lettering_readings import LETTERING_READINGS, LetteringReading
from collm.envs.minecraft.lettering_score import lowest_reward, palette_of, score
from collm.envs.minecraft.looks import ANY
from collm.envs.minecraft.setblock import parse_placements
from collm.envs.minecraft.world import World, build

_BEST = 2.0


class StrBuild(Building[Lettering]):
    """Agents with different blocks fill the letters of a string; each turn starts from an empty world.

    The raw reward is ``2 coverage - 1.5 extra - adjacent - 0.25 missing palettes``, at most 2: letters
    covered, background built on, neighbors of one texture, and agents whose blocks do not all appear.

    The paper does not treat this task. ``reference`` is the authors' code; ``paper`` repairs it
    (docs/strbuild.md): the first prompt tells what to write, and perfect feedback names blocks and
    leads to the best reward. A turn is always scored against its own task.

    Attributes:
        dataset: ``embedded`` for the ten strings of the reference, or rows of ``string, difficulty``.
        feedback: what agents hear after a turn.
        provide_graph: show the letters in the first prompt. The default is yes in the ``paper``
            reading and no in the ``reference`` one, where agents then learn the target at turn 2.
    """

    headline: ClassVar[tuple[str, ...]] = ("iou", "coverage")

    type: Literal["strbuild"] = "strbuild"
    reward_shift: float = -2.0
    max_commands: int = Field(default=300, ge=1)
    feedback: Literal["position_feedback", "perfect_feedback", "score_feedback"] = "position_feedback"
    provide_graph: bool | None = None

    @property
    def reward_range(self) -> tuple[float, float]:
        return lowest_reward(self.num_agents), _BEST

    @property
    def reading(self) -> LetteringReading:
        """What the variant decides."""
        return LETTERING_READINGS[self.variant]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Lettering:
        return parse_lettering(row, where)

    def task_of(self, text: str) -> Lettering:
        return parse_lettering({"string": text}, "task")

    def step(
        self, state: BuildState[Lettering], replies: Mapping[str, str]
    ) -> Transition[BuildState[Lettering]]:
        commands = self._commands(state.task, replies)
        applied = joint(commands)
        result = score(state.task, build(applied), self.num_agents)
        reward = sum(result.components.values())
        following = self._following(state, replies, commands, shown_reward=reward)
        return Transition(
            state=following,
            reward=reward,
            components=result.components,
            metrics={
                "iou": result.iou,
                "coverage": result.coverage,
                "extra_ratio": result.extra_ratio,
                "adjacent_same_ratio": result.adjacent_same_ratio,
                "missing_palettes": float(result.missing_palettes),
                "placements": float(len(applied)),
            },
            terminated=following.turn >= self.num_turns,
        )

    def _embedded(self, split: Split) -> Sequence[Lettering]:
        return embedded_strings(split)

    def _commands(self, task: Lettering, replies: Mapping[str, str]) -> dict[str, tuple[Command, ...]]:
        return {
            agent: parse_placements(replies[agent], self._rules(task, index))
            for index, agent in enumerate(self.agents)
        }

    def _target(self, task: Lettering) -> World:
        return dict.fromkeys(task.cells, ANY)

    def _opening(self, task: Lettering, index: int) -> str:
        graph = self.reading.provide_graph if self.provide_graph is None else self.provide_graph
        return first_lettering_prompt(task, index, self.num_agents, self.reading, graph)

    def _rules(self, task: Lettering, index: int) -> Rules:
        return Rules(
            low=(0, 0, 0),
            high=task.end,
            blocks=palette_of(index),
            limits={},
            max_commands=self._commands_allowed(index),
            damage_attacks=False,
        )

    def _follow_ups(
        self, state: BuildState[Lettering], openings: Mapping[str, str]
    ) -> Mapping[str, Sequence[str]]:
        world = state.world
        return {
            agent: self._parts(self._review(state, index, world), openings[agent], reply)
            for index, (agent, reply) in enumerate(state.replies)
        }

    def _review(
        self, state: BuildState[Lettering], index: int, world: Mapping[tuple[int, int, int], str]
    ) -> LetteringReview:
        return LetteringReview(
            task=state.task,
            reading=self.reading,
            index=index,
            num_agents=self.num_agents,
            turn=state.turn + 1,
            previous_reward=state.shown_reward,
            world=world,
            max_commands=self._commands_allowed(index),
        )

    def _parts(self, review: LetteringReview, opening: str, reply: str) -> list[str]:
        parts = ["\n".join(MODES[self.feedback](review))]
        if self._repeats_prompt:
            parts.append(opening)
        return [*parts, *self._repeated("commands", reply)]
