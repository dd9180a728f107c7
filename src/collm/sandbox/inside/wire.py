"""Frames over file descriptors: a length, then so many bytes, each with a deadline."""

from __future__ import annotations

import os
import select
import struct
import time

_LENGTH = struct.Struct("<I")


class ClosedError(Exception):
    """The other side is gone."""


class LateError(Exception):
    """The deadline passed."""


class TooLargeError(Exception):
    """The frame is longer than the reader accepts."""


def send(fd: int, data: bytes, deadline: float | None = None) -> None:
    """Write one frame; ``deadline`` is on the monotonic clock, ``None`` waits for ever.

    Raises:
        ClosedError, LateError: the frame may have been sent in part.
    """
    if deadline is not None:
        os.set_blocking(fd, False)
    left = memoryview(_LENGTH.pack(len(data)) + data)
    while left:
        _wait(fd, select.POLLOUT, deadline)
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            continue
        except OSError as error:
            raise ClosedError(str(error)) from None


def receive(fd: int, limit: int, deadline: float | None = None) -> bytes:
    """Read one frame of at most ``limit`` bytes.

    Raises:
        ClosedError, LateError, TooLargeError: the stream is of no more use.
    """
    (length,) = _LENGTH.unpack(_read_exactly(fd, _LENGTH.size, deadline))
    if length > limit:
        raise TooLargeError(f"{length} bytes")
    return _read_exactly(fd, length, deadline)


def _read_exactly(fd: int, count: int, deadline: float | None) -> bytes:
    parts, left = [], count
    while left:
        _wait(fd, select.POLLIN, deadline)
        try:
            part = os.read(fd, min(left, 1 << 20))
        except BlockingIOError:
            continue
        except OSError as error:
            raise ClosedError(str(error)) from None
        if not part:
            raise ClosedError("end of stream")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _wait(fd: int, event: int, deadline: float | None) -> None:
    poller = select.poll()
    poller.register(fd, event)
    timeout = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
    if not poller.poll(timeout):
        raise LateError
