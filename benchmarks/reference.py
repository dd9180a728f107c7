"""The same work in comlrl, the papers' own library, with its own trainers and their default loops.

Needs ``pip install comlrl wandb datasets`` beside collm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.cases import AGENTS, Case, Size, clock, prompt_text, reward

_SEPARATOR = "\n\n"


def train_reference(case: Case, size: Size, folder: Path, tasks: int) -> tuple[float, int]:
    """One pass over the tasks; seconds, and the number of joint samples."""
    counted: list[int] = []

    def rewards(*replies: Sequence[str]) -> list[float]:
        joint = list(zip(*replies, strict=True))
        counted.append(len(joint))
        return [reward(*texts) for texts in joint]

    trainer = _trainer(case, size, folder, tasks, rewards)
    trainer.verbose = False
    began = clock()
    trainer.train()
    return clock() - began, sum(counted)


def _trainer(case: Case, size: Size, folder: Path, tasks: int, rewards: Any) -> Any:
    from comlrl.trainers.actor_critic.iac import IACConfig, IACTrainer
    from comlrl.trainers.actor_critic.maac import MAACConfig, MAACTrainer
    from comlrl.trainers.reinforce.magrpo import MAGRPOConfig, MAGRPOTrainer
    from datasets import Dataset

    kinds: dict[str, tuple[Any, Any]] = {
        "magrpo": (MAGRPOTrainer, MAGRPOConfig),
        "collm_dc": (IACTrainer, IACConfig),
        "collm_cc": (MAACTrainer, MAACConfig),
    }
    trainer, config = kinds[case.method]
    first, second = ([_opened(folder / name) for name in names] for names in (AGENTS, ("first", "first")))
    critics: dict[str, Any] = {
        "magrpo": {},
        "collm_dc": {"critics": second},
        "collm_cc": {"critics": second[:1]},
    }
    return trainer(
        agents=first,
        tokenizer=[AutoTokenizer.from_pretrained(folder / name) for name in AGENTS],
        train_dataset=Dataset.from_list([{"prompt": prompt_text(i, size.prompt)} for i in range(tasks)]),
        reward_func=rewards,
        formatters=[_formatted] * 2,
        external_transition=_transition(size),
        args=config(**_arguments(case, size)),
        **critics[case.method],
    )


def _arguments(case: Case, size: Size) -> dict[str, Any]:
    """Its loop takes a task at a time; buffers hold as many samples as a step of ours."""
    shared = {
        "num_train_epochs": 1,
        "num_agents": 2,
        "num_turns": case.turns,
        "num_generations": case.generations,
        "max_new_tokens": size.reply,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": None,
        "eval_interval": 0,
        "early_termination_threshold": None,
        "external_prompt_passthrough": True,
        "rollout_buffer_size": 1,
        "advantage_normalization": False,
    }
    return shared if case.method != "magrpo" else {**shared, "advantage_normalization": True}


def _opened(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder)


def _formatted(item: dict[str, Any], external_prompts: Any = None) -> str:
    return str(item["prompt"])


def _transition(size: Size) -> Any:
    """Prompts of a later turn: the whole history, as :class:`benchmarks.cases.Texts` gives it."""

    def following(
        prompt: str,
        agent_completions: Sequence[str],
        num_agents: int,
        prompt_history_per_agent: Sequence[Sequence[str]],
        response_history_per_agent: Sequence[Sequence[str]],
    ) -> list[str]:
        return [
            prompts[-1] + reply + _SEPARATOR + prompt_text(len(prompts), size.feedback)
            for prompts, reply in zip(prompt_history_per_agent, agent_completions, strict=True)
        ]

    return following
