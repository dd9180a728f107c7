"""What the benchmarks train: two models with random weights that write short texts to each other.

Every character is a token for both models, so that the length of a text is its number of tokens.
"""

from __future__ import annotations

import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from collm.agents.team import Team, load_team
from collm.base.kept_memory import keep_freed_memory
from collm.base.seeding import derive
from collm.config.tree import RunConfig, make_config
from collm.env import Environment, Split, Transition
from collm.rollout import rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.training.schedule import resets_of
from collm.types import Observation, Observations, Tree
from tests.checkpoints import letter_tokenizer

Method = Literal["magrpo", "collm_dc", "collm_cc"]

AGENTS = ("first", "second")
_SENTENCE = "The two of them looked at the plan of the house and began to divide the work. "


@dataclass(frozen=True, slots=True)
class Size:
    """Models of ``width`` and ``layers``; tokens of the first prompt, of later ones, and of replies."""

    width: int = 320
    layers: int = 4
    prompt: int = 256
    feedback: int = 32
    reply: int = 64


@dataclass(frozen=True, slots=True)
class Case:
    """A method and how it samples and steps.

    Attributes:
        turns: of an episode.
        generations: samples at each history, of MAGRPO.
        minibatch: joint actions in an optimizer step; ``None`` for the whole buffer.
    """

    name: str
    method: Method
    turns: int
    minibatch: int | None
    generations: int = 1

    @property
    def samples(self) -> int:
        """Joint actions of a task's tree."""
        return sum(self.generations ** (t + 1) for t in range(self.turns))


CASES = (
    Case("CC, 1 turn", "collm_cc", 1, 1),
    Case("CC, 4 turns", "collm_cc", 4, 1),
    Case("DC, 1 turn", "collm_dc", 1, 1),
    Case("DC, 4 turns", "collm_dc", 4, 1),
    Case("MAGRPO, K = 4, 1 turn", "magrpo", 1, 4, 4),
    Case("MAGRPO, K = 4, 2 turns", "magrpo", 2, 4, 4),
    Case("CC, 4 turns, whole buffer", "collm_cc", 4, None),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of sampling and of learning, and what was sampled."""

    sampling: float
    learning: float
    trees: tuple[Tree, ...]

    @property
    def seconds(self) -> float:
        return self.sampling + self.learning

    @property
    def samples(self) -> int:
        """Joint actions."""
        return sum(len(tree.turns) for tree in self.trees)


@dataclass(frozen=True, slots=True)
class Opening:
    """A task: one text for both agents."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode is."""

    text: str
    turn: int = 0


class Texts(Environment[Opening, Place]):
    """The reward depends on the replies' letters, so siblings differ; feedback is a text of fixed length.

    Attributes:
        members: the agents.
    """

    type: Literal["benchmark_texts"] = "benchmark_texts"
    prompt_tokens: int
    feedback_tokens: int
    prompts: int
    members: tuple[str, ...] = AGENTS

    @property
    def agents(self) -> tuple[str, ...]:
        return self.members

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Opening]:
        return [Opening(f"task_{i}", prompt_text(i, self.prompt_tokens)) for i in range(self.prompts)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Opening:
        return Opening(row["id"], row["text"])

    def reset(self, task: Opening, seed: int) -> Place:
        return Place(task.text)

    def observe(self, state: Place) -> Observations:
        return dict.fromkeys(self.agents, Observation(state.text, raw=True))

    def step(self, state: Place, replies: Mapping[str, str]) -> Transition[Place]:
        turn = state.turn + 1
        later = Place(prompt_text(turn, self.feedback_tokens), turn)
        return Transition(later, reward(*replies.values()), terminated=turn == self.num_turns)


def prompt_text(index: int, tokens: int) -> str:
    """Text of so many characters, different for every index."""
    return (f"{index:04d} " + _SENTENCE * (tokens // len(_SENTENCE) + 1))[:tokens]


def reward(*replies: str) -> float:
    """The share of letters that all replies use."""
    letters = [set(reply) for reply in replies]
    return len(set.intersection(*letters)) / max(1, len(set.union(*letters)))


def save_models(folder: Path, size: Size) -> None:
    """Write the models of both agents, of two architectures; ``first`` is the critics' too."""
    _save(folder / "first", size, Qwen3Config, Qwen3ForCausalLM)
    _save(folder / "second", size, Qwen2Config, Qwen2ForCausalLM)


def _save(folder: Path, size: Size, config: Any, model: type[PreTrainedModel]) -> None:
    tokenizer: PreTrainedTokenizerFast = letter_tokenizer(string.printable)
    torch.manual_seed(0)
    shape = config(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=size.width // 2,
        intermediate_size=2 * size.width,
        initializer_range=0.08,
        tie_word_embeddings=True,
        max_position_embeddings=32768,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def recipe(case: Case, size: Size, folder: Path, tasks: int, together: int) -> RunConfig:
    """A recipe of ``tasks`` tasks, ``together`` of them in an update."""
    longest = size.prompt + case.turns * (size.reply + size.feedback + 2)
    agent = {
        "context": longest,
        "sampling": {"temperature": 1.0, "max_tokens": size.reply},
        "optimization": {"max_grad_norm": None},
    }
    kind = {"num_generations": case.generations} if case.method == "magrpo" else {}
    critic = {"model": str(folder / "first"), "context": 4 * longest, "global_information": False}
    return make_config(
        {
            "env": {
                "type": "benchmarks.cases:Texts",
                "prompt_tokens": size.prompt,
                "feedback_tokens": size.feedback,
                "prompts": tasks,
                "num_turns": case.turns,
            },
            "algorithm": {"type": case.method, "minibatch_size": case.minibatch, **kind},
            "agents": {name: {**agent, "model": str(folder / name)} for name in AGENTS},
            **(
                {}
                if case.method == "magrpo"
                else {"critic": {**critic, "optimization": agent["optimization"]}}
            ),
            "training": {"tasks_per_update": together},
        },
        "benchmark",
    )


def team_of(config: RunConfig) -> Team:
    """The team of a recipe, untrained, in a process that keeps freed memory as a run's does."""
    keep_freed_memory()
    return load_team(config.agents, config.critic, config.algorithm.critics(config.env.agents))


def clock() -> float:
    """Seconds; of this process's own work where it has one thread on a CPU, whatever others do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def warm_up(case: Case, size: Size, folder: Path, team: Team, together: int) -> None:
    """Train on one task first, or on as many as a step will hold: memory is slow when first written to."""
    tasks = 1 if case.minibatch is not None else together
    train(recipe(case, size, folder, tasks, tasks), team)


def train(config: RunConfig, team: Team) -> Timing:
    """One pass over the tasks, without logs and checkpoints."""
    tasks, grown = config.env.tasks("train"), list[Tree]()
    updates = len(tasks) // config.training.tasks_per_update
    sampling = learning = 0.0
    for update in range(updates):
        resets = resets_of(config.training, tasks, derive(0, "benchmark"), update)
        began = clock()
        trees = rollout(config.env, team.policies, resets, config.algorithm.branching).trees
        drawn = clock()
        learn(config.algorithm, team.agents, team.critics, trees, Progress(0, update, updates))
        sampling, learning = sampling + drawn - began, learning + clock() - drawn
        grown += trees
    return Timing(sampling, learning, tuple(grown))
