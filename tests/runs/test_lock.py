from __future__ import annotations

import multiprocessing
import os
import socket
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.runs.lock import locked


def hold(folder: Path, told: Connection) -> None:
    """Hold a folder until something is said, in a process of its own."""
    with locked(folder):
        told.send(os.getpid())
        told.recv()


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "run", there))
    process.start()
    pid = here.recv()
    message = rf"run: process {pid} on {socket.gethostname()} is working on this run"
    with pytest.raises(CollmError, match=message), locked(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / ".lock").is_file()
    process.kill()
    process.join()
    with locked(tmp_path / "run"):  # a dead holder holds nothing
        assert (tmp_path / "run" / ".lock").read_text().startswith(f"process {os.getpid()} on ")


def test_one_process_holds_a_folder_once(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(CollmError, match=f"process {os.getpid()} on .* is working on this run"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass


def test_a_start_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a" / "b" / "run"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_stays_without_the_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        (tmp_path / "run" / "config.yaml").write_text("seed: 0")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.yaml"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with locked(empty):
        pass
    assert empty.is_dir(), "a folder that was there before is left"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CollmError, match="this is a file"), locked(tmp_path / "file"):
        pass
