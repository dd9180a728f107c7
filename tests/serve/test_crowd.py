"""Many clients at the same time: every one gets its own answer, whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from collm.agents.agent import Agent
from tests.serve.servers import Running
from tests.serve.test_app import drawn, said

QUESTIONS = [f"Fill from {n} 0 0 to {n + 2} 1 1 with block {n}." for n in range(5)]


def test_a_hundred_clients_get_their_own_answers(demo: Running, team: Mapping[str, Agent]) -> None:
    expected = {
        (name, text): drawn(agent, text, greedy=True) for name, agent in team.items() for text in QUESTIONS
    }
    asked = [key for key in expected for _ in range(10)]

    async def ask(client: Any, agent: str, text: str, stream: bool) -> str:
        answer = await client.chat.completions.create(
            model=f"team/{agent}", messages=said(text), temperature=0, stream=stream
        )
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    async def crowd() -> list[str]:
        async with demo.many() as client, asyncio.timeout(300):
            answers = (ask(client, *key, stream=number % 2 == 0) for number, key in enumerate(asked))
            return await asyncio.gather(*answers)

    assert len(asked) == 100
    assert asyncio.run(crowd()) == [expected[key] for key in asked]
    assert len(set(expected.values())) > 5
