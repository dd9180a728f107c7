"""Many clients of a served team for a while, with one agent killed and started again meanwhile.

    python benchmarks/serve.py --clients 100 --seconds 60

Every agent of the demo is a process of its own behind a front. Clients ask the team and both agents,
greedily, and stream half of the answers; what they get is compared with what the team said before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import openai

from collm.envs.minecraft.houses import generate_houses

AGENTS = ("player_1", "player_2")
LIMIT = ["--limit", "256"]
SETTINGS = ["env.num_turns=1", "agents.*.sampling.max_tokens=48"]


def started(*options: str) -> tuple[subprocess.Popen[str], str]:
    """A server and its URL."""
    command = [
        sys.executable,
        "-u",
        "-c",
        "from collm.cli.app import main; main()",
        "serve",
        "demo",
        *SETTINGS,
        *LIMIT,
        *options,
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().split()[-1]


def questions() -> list[tuple[str, str]]:
    """Model and message of everything that is asked."""
    chats = [(f"team/{agent}", f"Fill from {n} 0 0 to 9 1 1.") for agent in AGENTS for n in range(4)]
    rows = []
    for house in generate_houses("test")[:4]:
        layers = [{"y": y, "rows": list(rows)} for y, rows in enumerate(house.layers)]
        row = {"task_id": house.id, "inventory": dict(house.inventory), "target_spec": {"layers": layers}}
        rows.append(("team", json.dumps(row)))
    return chats + rows


async def ask(client: openai.AsyncOpenAI, model: str, text: str, stream: bool) -> str:
    messages: list[Any] = [{"role": "user", "content": text}]
    answer: Any = await client.chat.completions.create(
        model=model, messages=messages, temperature=0, stream=stream
    )
    if not stream:
        return str(answer.choices[0].message.content)
    pieces = [chunk.choices[0].delta.content or "" async for chunk in answer]
    return "".join(pieces)


async def crowd(url: str, clients: int, seconds: float, agent: Any, port: str) -> None:
    expected: dict[tuple[str, str], str] = {}
    ends: Counter[str] = Counter()
    times: list[float] = []
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=180) as client:
        for model, text in questions():
            expected[model, text] = await ask(client, model, text, False)
        over = time.monotonic() + seconds

        async def one(number: int) -> None:
            turn = number
            while time.monotonic() < over:
                model, text = questions()[turn % len(expected)]
                began = time.monotonic()
                try:
                    answer = await ask(client, model, text, turn % 2 == 0)
                    ends["right" if answer == expected[model, text] else "wrong"] += 1
                except openai.APITimeoutError:
                    ends["hung"] += 1
                except openai.APIError as error:
                    ends["names the agent" if "player_2" in error.message else f"other: {error.message}"] += 1
                    await asyncio.sleep(0.5)
                times.append(time.monotonic() - began)
                turn += 1

        async def killer() -> None:
            await asyncio.sleep(seconds / 3)
            agent.kill()
            ends["agents killed"] += 1
            again, _ = await asyncio.to_thread(started, "--only", "player_2", "--port", port)
            back = time.monotonic()
            while time.monotonic() < over + 60:
                try:
                    await ask(client, "team/player_2", "hello", False)
                    print(f"found again {time.monotonic() - back:.1f} s after it listened")
                    break
                except openai.APIError:
                    await asyncio.sleep(0.2)
            restarted.append(again)

        restarted: list[Any] = []
        await asyncio.gather(killer(), *(one(number) for number in range(clients)))
        for again in restarted:
            again.terminate()
    times.sort()
    print(dict(ends))
    print(f"{len(times)} requests; median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with ExitStack() as stack:
        urls, servers = {}, {}
        for name in AGENTS:
            servers[name], urls[name] = started("--only", name, "--port", "0")
            stack.callback(servers[name].terminate)
        front, url = started("--port", "0", *(f"--agent={name}={urls[name]}" for name in AGENTS))
        stack.callback(front.terminate)
        port = urls["player_2"].rpartition(":")[2].removesuffix("/v1")
        asyncio.run(crowd(url, options.clients, options.seconds, servers["player_2"], port))


if __name__ == "__main__":
    main()
