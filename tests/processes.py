"""Several processes of this machine that compute together over gloo."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

from collm.models.process_group import Meeting, meeting_store, met

HOST = "127.0.0.1"
SECONDS = 240.0


def together(count: int, work: Callable[..., Any], folder: Path, *args: Any) -> list[Any]:
    """What ``work(*args)`` gives in each of several processes with a process group; their errors are ours.

    Args:
        work: a function of a module.
        folder: an empty one, for what they give.
    """
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_run, (count, port, work, folder, args), nprocs=count)  # type: ignore[attr-defined,no-untyped-call]
    return [torch.load(folder / f"{number}.pt", weights_only=False) for number in range(count)]


def _run(number: int, count: int, port: int, work: Callable[..., Any], folder: Path, args: Any) -> None:
    torch.set_num_threads(1)
    store = meeting_store(HOST, port, number == 0, SECONDS)
    with met(Meeting(store, number, count, SECONDS)):
        found = work(*args)
    torch.save(found, folder / f"{number}.pt")
