from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.base.validation import validated
from collm.engines.base import Completion, Engine, Prompt
from collm.errors import CollmError
from collm.placement.base import LostWorkerError
from collm.placement.engine import RemoteEngine, portions
from collm.placement.hosts import EngineHost, LearnerHost, Opening
from collm.placement.travelling import Travelling
from tests.placement.seats import HereCrew, HereSeat

BATCH_ROWS = 3


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=12),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_portions_hold_every_sample_once_in_whole_batches(
    samples: list[int], batch_rows: int, replicas: int, first: int
) -> None:
    prompts = [Prompt((number,), tuple(range(count))) for number, count in enumerate(samples)]
    everything = [(prompt.token_ids, seed) for prompt in prompts for seed in prompt.seeds]
    dealt = portions(prompts, batch_rows, replicas, first)
    assert sorted(number for portion in dealt.values() for number in portion.numbers) == list(
        range(len(everything))
    )
    for portion in dealt.values():
        own = [(prompt.token_ids, seed) for prompt in portion.prompts for seed in prompt.seeds]
        assert own == [everything[number] for number in portion.numbers]
        batches = [portion.numbers[i : i + batch_rows] for i in range(0, len(own), batch_rows)]
        assert all(len({number // batch_rows for number in batch}) == 1 for batch in batches)


def test_an_agents_first_batch_goes_to_the_replica_that_is_asked_for() -> None:
    assert list(portions([Prompt((1,), (0,))], 8, 3, first=4)) == [1]


@pytest.fixture(scope="module")
def config(qwen3: Path) -> AgentConfig:
    values = {"model": str(qwen3), "device": "cpu", "batch_rows": BATCH_ROWS, "sampling": {"max_tokens": 5}}
    return validated(AgentConfig, values, "agent")


def remote(config: AgentConfig, replicas: int) -> tuple[RemoteEngine, list[HereSeat], HereSeat]:
    opening, crew = Opening({"one": Travelling.of(config, None)}, 0), HereCrew()
    learner, _ = crew.hold("learner", LearnerHost, opening)
    seats = [crew.hold(f"engine {number}", EngineHost, opening)[0] for number in range(replicas)]
    return RemoteEngine("one", learner, seats, BATCH_ROWS, 1), seats, learner


def two_turns(engine: Engine, config: AgentConfig) -> list[list[tuple[Completion, ...]]]:
    """Samples of seven histories, which then go on in another order, each second one twice."""
    first = [Prompt((5, 6, 7 + number), (number, 100 + number)) for number in range(7)]
    drawn = engine.submit(first, config.sampling, True).result()
    pasts = [
        prompt.token_ids + completion.token_ids
        for prompt, several in zip(first, drawn, strict=True)
        for completion in several
    ]
    second = [
        Prompt((*past, 9), (number, 50) if number % 2 else (number,), len(past))
        for number, past in reversed(list(enumerate(pasts)))
    ]
    return [drawn, engine.submit(second, config.sampling, False).result()]


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_replicas_draw_what_one_engine_draws_to_the_last_bit(config: AgentConfig, replicas: int) -> None:
    engine, seats, _ = remote(config, replicas)
    expected = two_turns(Agent(config, "one").policy.engine, config)
    assert two_turns(engine, config) == expected
    assert all("submit" in seat.asked for seat in seats)
    assert any("lend" in seat.asked for seat in seats) == (replicas > 1)


def test_after_a_release_histories_are_read_again_as_in_one_engine(config: AgentConfig) -> None:
    alone, (engine, _, _) = Agent(config, "one").policy.engine, remote(config, 2)
    for one in (alone, engine):
        one.submit([Prompt((5, 6), (1,))], config.sampling, True).result()
        one.release()
    again: Sequence[Prompt] = [Prompt((5, 6, 7), (1,), 2)]
    assert (
        engine.submit(again, config.sampling, False).result()
        == alone.submit(again, config.sampling, False).result()
    )


def test_weights_travel_once_for_each_version(config: AgentConfig) -> None:
    engine, seats, learner = remote(config, 2)
    engine.refresh(1)
    for _ in range(2):
        (completions,) = engine.submit([Prompt((5,), (1,))], config.sampling, False).result()
        assert completions[0].version == 1
    assert learner.asked == ["weights"]
    assert [seat.asked.count("take") for seat in seats] == [1, 1]


def test_weights_that_did_not_arrive_are_noticed(config: AgentConfig) -> None:
    engine, (seat,), _ = remote(config, 1)
    engine.refresh(3)
    engine.submit([Prompt((5,), (1,))], config.sampling, False).result()
    seat.host._engine("one").refresh(2)
    with pytest.raises(CollmError, match="version 2 of the weights, not 3"):
        engine.submit([Prompt((5,), (1,))], config.sampling, False).result()


def test_a_lost_replica_is_told_when_its_answer_is_awaited(config: AgentConfig) -> None:
    engine, seats, _ = remote(config, 2)
    seats[0].lost = True
    with pytest.raises(LostWorkerError, match="engine 0"):
        engine.submit([Prompt((5,), (1, 2, 3, 4))], config.sampling, False).result()
