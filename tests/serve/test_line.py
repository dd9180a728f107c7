"""Requests for one model are drawn together, and nobody draws for who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Lock
from typing import cast

import pytest

from collm.engines.base import Completion, Prompt
from collm.engines.in_process import InProcess
from collm.models.config import Sampling
from collm.serve.line import Line
from tests.tiny_agents import MakeAgent

LONG, SHORT = Sampling(max_tokens=200), Sampling(max_tokens=5)
PROMPTS = [Prompt((10, 20, 30 + number), (number,)) for number in range(6)]


@pytest.fixture(scope="module")
def engine(make_agent: MakeAgent) -> InProcess:
    return cast(InProcess, make_agent().policy.engine)


def ignore(tokens: Sequence[int]) -> None:
    pass


def test_each_gets_its_own_completion_and_all_its_tokens(engine: InProcess) -> None:
    expected = [engine.submit([prompt], SHORT, False).result()[0][0] for prompt in PROMPTS]
    told: list[list[int]] = [[] for _ in PROMPTS]

    async def ask(line: Line) -> list[Completion]:
        return await asyncio.gather(
            *(line.draw(prompt, SHORT, tokens.extend) for prompt, tokens in zip(PROMPTS, told, strict=True))
        )

    line = Line(engine, most=4, weights=Lock())
    drawn = asyncio.run(ask(line))
    line.close()
    assert [one.token_ids for one in drawn] == [one.token_ids for one in expected]
    assert told == [list(one.token_ids) for one in expected]


def test_whoever_leaves_is_drawn_no_further_and_holds_up_nobody(engine: InProcess) -> None:
    told: list[int] = []

    async def ask(line: Line) -> Completion:
        begun = asyncio.Event()

        def tell(tokens: Sequence[int]) -> None:
            told.extend(tokens)
            begun.set()

        slow = asyncio.create_task(line.draw(PROMPTS[0], LONG, tell))
        waiting = asyncio.create_task(line.draw(PROMPTS[1], SHORT, ignore))
        await begun.wait()
        waiting.cancel()
        slow.cancel()
        return await line.draw(PROMPTS[2], SHORT, ignore)

    line = Line(engine, most=4, weights=Lock())
    after = asyncio.run(ask(line))
    line.close()
    assert after == engine.submit([PROMPTS[2]], SHORT, False).result()[0][0]
    assert len(told) < 200


def test_what_the_model_raises_reaches_all_who_wait_and_the_line_goes_on(engine: InProcess) -> None:
    wrong = Prompt((10**6,), (0,))

    async def ask(line: Line) -> list[Completion | BaseException]:
        first = await asyncio.gather(line.draw(wrong, SHORT, ignore), return_exceptions=True)
        return [*first, await line.draw(PROMPTS[0], SHORT, ignore)]

    line = Line(engine, most=4, weights=Lock())
    failed, after = asyncio.run(ask(line))
    assert isinstance(failed, IndexError)
    assert isinstance(after, Completion)
    assert line.works
    line.close()


def test_a_watched_engine_drops_rows_and_draws_the_others_as_ever(engine: InProcess) -> None:
    seen: dict[int, list[int]] = {number: [] for number in range(len(PROMPTS))}

    def watch(drawn: dict[int, int]) -> list[int]:
        for number, token in drawn.items():
            seen[number].append(token)
        return [0, 4] if len(seen[0]) == 2 else []

    drawn = engine.complete(PROMPTS, SHORT, watch)  # type: ignore[arg-type]
    alone = [engine.submit([prompt], SHORT, False).result()[0][0] for prompt in PROMPTS]
    for number, (one, other) in enumerate(zip(drawn, alone, strict=True)):
        kept = other.token_ids[:2] if number in (0, 4) else other.token_ids
        assert one.token_ids == kept
        assert seen[number] == list(kept)
