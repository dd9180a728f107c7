"""What a server is asked; ``tests/vllm`` asks a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.base.validation import validated
from collm.engines.http.endpoint import Endpoint
from collm.engines.vllm.backend import Adapter, Drawn, Job
from collm.engines.vllm.served import Served
from collm.errors import CollmError
from collm.models.config import Sampling
from tests.engines.endpoints import drawn, hostile

SAMPLING = Sampling(max_tokens=4, temperature=0.7, top_p=0.9, top_k=5)


def served(url: str, folder: Path) -> Served:
    return Served(Endpoint("agents.b.engine", url, 20, 1), "base", folder / "b.safetensors")


def test_jobs_are_asked_for_one_by_one_with_all_that_decides_them(tmp_path: Path) -> None:
    adapter = Adapter("b-1", 1, tmp_path)
    jobs = [Job((1, 2), 7, SAMPLING, (9,), None), Job((3,), 8, SAMPLING, (9,), adapter)]
    with hostile(drawn([4, 9], [-0.5, -0.25])) as end:
        assert served(end.url, tmp_path).draw(jobs) == [Drawn((4, 9), (-0.5, -0.25), "stop")] * 2
        bodies = sorted((body for _, body in end.asked), key=lambda body: int(body["seed"]))
    assert [(body["model"], body["prompt"], body["seed"]) for body in bodies] == [
        ("base", [1, 2], 7),
        ("b-1", [3], 8),
    ]
    decided: dict[str, Any] = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 5,
        "max_tokens": 4,
        "stop_token_ids": [9],
    }
    assert bodies[0].items() >= decided.items()


def test_a_new_state_of_an_adapter_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old, new = Adapter("b-1", 1, tmp_path / "b-1"), Adapter("b-2", 2, tmp_path / "b-2")
    with hostile(b"done") as end:
        one = served(end.url, tmp_path)
        one.take_adapter(new, old)
        one.forget()
        assert end.asked == [
            ("/v1/load_lora_adapter", {"lora_name": "b-2", "lora_path": str(new.folder)}),
            ("/v1/unload_lora_adapter", {"lora_name": "b-1"}),
            ("/reset_prefix_cache", {}),
        ]


def test_full_weights_lie_in_a_file_that_the_server_is_told_of(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    with hostile(b"{}") as end:
        served(end.url, tmp_path).take_weights([("embed", weight), ("head", weight), ("turned", weight.T)])
        body = {"method": "take_weights_from", "args": [str(tmp_path / "b.safetensors")]}
        assert end.asked == [("/collective_rpc", body)]
    found = load_file(tmp_path / "b.safetensors")
    assert found.keys() == {"embed", "head", "turned"}
    assert torch.equal(found["head"], weight)
    assert torch.equal(found["turned"], weight.T)


def test_a_server_that_is_not_there_ends_a_run_before_it_begins(qwen3: Path, tmp_path: Path) -> None:
    engine = {"type": "vllm", "url": "http://127.0.0.1:9/v1", "sync_folder": str(tmp_path)}
    agent = Agent(validated(AgentConfig, {"model": str(qwen3), "device": "cpu", "engine": engine}), "b")
    with pytest.raises(CollmError, match=r"agents\.b\.engine: http://127\.0\.0\.1:9/v1: no connection"):
        agent.policy.engine.ready()  # type: ignore[attr-defined]
