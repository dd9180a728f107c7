from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import pytest

from collm.sandbox.inside import wire


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(fd)


@pytest.mark.parametrize("data", [b"", b"x", b"frame" * 1000])
def test_a_frame_arrives_whole(pipe: tuple[int, int], data: bytes) -> None:
    wire.send(pipe[1], data)
    assert wire.receive(pipe[0], len(data)) == data


def test_a_reader_waits_no_longer_than_its_deadline(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x09\0\0\0half")
    with pytest.raises(wire.LateError):
        wire.receive(pipe[0], 100, time.monotonic() + 0.05)


def test_a_writer_waits_no_longer_than_its_deadline(pipe: tuple[int, int]) -> None:
    with pytest.raises(wire.LateError):
        wire.send(pipe[1], b"x" * (1 << 22), time.monotonic() + 0.05)


def test_an_end_in_the_middle_of_a_frame_is_noticed(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x09\0\0\0half")
    os.close(pipe[1])
    with pytest.raises(wire.ClosedError):
        wire.receive(pipe[0], 100)


def test_a_frame_beyond_the_limit_is_refused_unread(pipe: tuple[int, int]) -> None:
    wire.send(pipe[1], b"12345")
    with pytest.raises(wire.TooLargeError):
        wire.receive(pipe[0], 4)


def test_writing_to_nobody_is_noticed(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with pytest.raises(wire.ClosedError):
        wire.send(pipe[1], b"x")
