from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import pytest

from collm.agents.agent import Agent
from collm.agents.learner import Sample, Step
from collm.algorithms.base import Branching
from collm.algorithms.magrpo import MAGRPO
from collm.config.tree import EvaluationConfig
from collm.engines.base import Completion, Deferred, Prompt
from collm.engines.in_process import InProcess
from collm.env import AnyEnvironment
from collm.envs.probes import CreditProbe, ObservationProbe
from collm.evaluation.evaluate import evaluate
from collm.models.config import Sampling
from collm.rollout import Reset, rollout
from tests.engines.table import table_policy
from tests.tiny_agents import MakeAgent

SAMPLING = Sampling(max_tokens=6)


def engine_of(agent: Agent) -> InProcess:
    return cast(InProcess, agent.policy.engine)


def kept(engine: InProcess) -> set[tuple[int, ...]]:
    """The contexts whose keys and values are in memory."""
    return set(engine._kept)


def draw(engine: InProcess, *prompts: Prompt, keep: bool = True) -> list[tuple[Completion, ...]]:
    return engine.submit(prompts, SAMPLING, keep).result()


def continued(ids: tuple[int, ...], drawn: Completion, seed: int) -> Prompt:
    """A prompt that goes on after a completion."""
    past = ids + drawn.token_ids
    return Prompt((*past, 7, 8), (seed,), len(past))


def same(one: Completion, other: Completion) -> bool:
    return one.token_ids == other.token_ids and one.token_logprobs == pytest.approx(
        other.token_logprobs, abs=1e-4
    )


# What is kept


def test_known_prefixes_are_found_and_dropped(make_agent: MakeAgent) -> None:
    engine = engine_of(make_agent())
    ids = (10, 20, 30)
    ((one, other),) = draw(engine, Prompt(ids, (1, 2)))
    assert kept(engine) == {ids + one.token_ids, ids + other.token_ids}
    following = continued(ids, one, seed=3)
    assert engine._cached(following) is not None, "the prefix is found"
    ((after,),) = draw(engine, following)
    assert kept(engine) == {ids + other.token_ids, following.token_ids + after.token_ids}


def test_a_known_prefix_changes_the_work_alone(make_agent: MakeAgent) -> None:
    engine, forgetful = engine_of(make_agent()), engine_of(make_agent())
    ids = (10, 20, 30)
    ((one,),) = draw(engine, Prompt(ids, (1,)))
    following = continued(ids, one, seed=3)
    ((expected,),) = draw(forgetful, following)
    ((found,),) = draw(engine, following)
    assert same(found, expected), "what was forgotten is read again"


def test_siblings_go_on_from_one_prefix(make_agent: MakeAgent) -> None:
    engine, forgetful = engine_of(make_agent()), engine_of(make_agent())
    ids = (10, 20, 30)
    ((one,),) = draw(engine, Prompt(ids, (1,)))
    past = ids + one.token_ids
    prompt = Prompt((*past, 7), (3, 4, 5), len(past))
    found, expected = draw(engine, prompt)[0], draw(forgetful, prompt)[0]
    assert all(map(same, found, expected))
    assert len({one.token_ids for one in found}) == 3


def test_nothing_is_kept_that_nobody_asked_for_or_after_a_release(make_agent: MakeAgent) -> None:
    engine = engine_of(make_agent())
    draw(engine, Prompt((10, 20), (1,)), keep=False)
    assert kept(engine) == set()
    draw(engine, Prompt((10, 20), (1,)))
    assert kept(engine) != set()
    engine.release()
    assert kept(engine) == set()


def test_nothing_is_kept_after_the_last_turn_of_a_rollout(make_agent: MakeAgent) -> None:
    agent = make_agent()
    engine = engine_of(agent)
    sizes = []
    submit = engine.submit

    def watched(prompts: Sequence[Prompt], sampling: Sampling, keep: bool) -> Deferred[Any]:
        sizes.append((len(kept(engine)), [prompt.known for prompt in prompts], keep))
        return submit(prompts, sampling, keep)

    engine.submit = watched  # type: ignore[method-assign]
    env = CreditProbe()
    rollout(env, {"a": agent.policy, "b": agent.policy}, [Reset(env.tasks("train")[0], 0)], Branching(2))
    assert [keep for _, _, keep in sizes] == [True, True, False, False]
    assert all(known > 0 for _, knowns, _ in sizes[2:] for known in knowns)
    assert kept(engine) == set()


# Versions


def step_once(agent: Agent, drawn: Completion, prompt: tuple[int, ...]) -> None:
    sample = Sample(prompt, drawn.token_ids, drawn.token_logprobs, 1.0)
    agent.update(Step((sample,), MAGRPO().policy_losses, False, 0, 1))


def test_what_is_drawn_after_an_update_carries_the_next_version(make_agent: MakeAgent) -> None:
    agent = make_agent()
    engine = engine_of(agent)
    versions = []
    for _ in range(3):
        ((one,),) = draw(engine, Prompt((10, 20), (1,)))
        versions.append(one.version)
        step_once(agent, one, (10, 20))
        assert kept(engine) == set(), "old keys and values say nothing of new weights"
    assert versions == [0, 1, 2]
    assert agent.learner.version == 3


def test_a_loaded_agent_goes_on_with_its_version(make_agent: MakeAgent, tmp_path: Any) -> None:
    agent = make_agent()
    ((one,),) = draw(engine_of(agent), Prompt((10, 20), (1,)))
    step_once(agent, one, (10, 20))
    agent.save(tmp_path / "agent")
    agent.save_optimizer(tmp_path / "agent.pt")
    resumed = make_agent(weights=tmp_path / "agent")
    resumed.load_optimizer(tmp_path / "agent.pt")
    ((after,),) = draw(engine_of(resumed), Prompt((10, 20), (1,)))
    assert (resumed.learner.version, after.version) == (1, 1)


def test_work_is_done_once_and_when_it_is_asked_for() -> None:
    left = [2, 1]
    pending = Deferred(left.pop)
    assert left == [2, 1]
    assert (pending.result(), pending.result(), left) == (1, 1, [2])


# Another engine behind the same door


def readers(env: AnyEnvironment) -> dict[str, Any]:
    """Agents that repeat the bit they are shown: A counts as 0, B as 1."""
    return {name: table_policy({"0": ["A"], "1": ["B"]}, "01AB") for name in env.agents}


def test_an_engine_of_ones_own_drives_a_rollout() -> None:
    env = ObservationProbe()
    resets = [Reset(task, seed) for seed, task in enumerate(env.tasks("train"))]
    found = rollout(env, readers(env), resets, Branching(2))
    assert [turn.reward for tree in found.trees for turn in tree.turns] == [1.0] * 8
    action = found.trees[1].turns[0].joint_action["b"]
    assert (action.text, action.finish_reason, action.version) == ("B", "stop", 0)
    assert (len(action.prompt_ids), len(action.token_ids)) == (1, 2)


def test_an_engine_of_ones_own_drives_an_evaluation() -> None:
    env = ObservationProbe()
    assert evaluate(env, readers(env), EvaluationConfig(), 0).measures["return_mean"] == 1.0
    silent = {name: table_policy({}, "01AB") for name in env.agents}
    assert evaluate(env, silent, EvaluationConfig(), 0).measures["return_mean"] == 0.5


def test_an_engine_of_ones_own_says_how_likely_its_completions_are() -> None:
    policies = {name: table_policy({"0": ["A", "B"], "1": ["A", "B"]}, "01AB") for name in "ab"}
    env = ObservationProbe()
    found = rollout(env, policies, [Reset(env.tasks("train")[0], 0)], Branching(8))
    actions = [turn.joint_action["a"] for turn in found.trees[0].turns]
    assert {action.text for action in actions} == {"A", "B"}
    assert {action.logprob for action in actions} == {-math.log(2)}
