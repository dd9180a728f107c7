from __future__ import annotations

import errno
import os
import types
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from collm.errors import CollmError
from collm.runs.faults import faults_told, is_out_of_memory, told_fault

FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk_is_told_in_one_line(error: Exception) -> None:
    told = told_fault(error, "runs/demo")
    assert str(told) == (
        "runs/demo: the disk is full; what was written before is kept. "
        "To mend it: make room there; a run goes on with --resume."
    )


def test_a_device_without_room_is_a_full_disk() -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no device /dev/full")
    with pytest.raises(CollmError, match="the disk is full"), faults_told("run"):
        os.write(os.open("/dev/full", os.O_WRONLY), b"row")


def raised_in(module: str) -> MemoryError:
    """What comes of memory that runs out in a module of that name."""
    place = types.ModuleType(module)
    exec("def work():\n    raise MemoryError", place.__dict__)
    with pytest.raises(MemoryError) as caught:
        place.work()
    return caught.value


@pytest.mark.parametrize(
    ("module", "setting"),
    [
        ("collm.rollout", "agents.*.batch_rows"),
        ("collm.training.learning", "agents.*.batch_tokens"),
        ("collm.agents.critic", "critic.batch_tokens"),
        ("elsewhere", "critic.batch_tokens, agents.*.batch_rows, agents.*.batch_tokens"),
    ],
)
def test_memory_that_runs_out_names_the_setting_of_the_work_that_failed(module: str, setting: str) -> None:
    told = told_fault(raised_in(module), "run")
    assert told is not None
    assert told.problem == "memory ran out (MemoryError); what was written before is kept."
    assert told.mend == f"lower {setting}; a run goes on with --resume."


def test_pytorchs_ways_to_say_it_are_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))


@pytest.mark.parametrize(
    "error", [ValueError("x"), OSError(errno.EACCES, "no"), RuntimeError("shape")], ids=str
)
def test_other_faults_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, faults_told("run"):
        raise error
    assert caught.value is error
