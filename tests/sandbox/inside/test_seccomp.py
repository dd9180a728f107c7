"""The filter is run here by a small interpreter of its own, for both machines."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from collm.sandbox.inside import seccomp
from collm.sandbox.inside.syscalls import CHANGES_FOLDERS, CHECKED, FREE, numbers

ALLOW, DENY, KILL, MISSING = 0x7FFF0000, 0x50000 | errno.EPERM, 0x80000000, 0x50000 | errno.ENOSYS
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OWN_PID = 77


def verdict(machine: str, number: int, *arguments: int, may_write: bool = True, architecture: int = 0) -> int:
    """Interpret the filter on one system call."""
    data = struct.pack("<IIQ", number, architecture or ARCHITECTURE[machine], 0)
    data += struct.pack("<6Q", *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine, OWN_PID, may_write)))
    at, value = 0, 0
    while True:
        operation, when_true, when_false, operand = code[at]
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:
            return int(operand)
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
            at += when_true if holds else when_false


machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


@machines
@pytest.mark.parametrize("may_write", [True, False])
def test_exactly_the_listed_calls_pass(machine: str, may_write: bool) -> None:
    allowed = set(numbers(FREE, machine).values())
    if may_write:
        allowed |= set(numbers(CHANGES_FOLDERS, machine).values())
    for number in sorted(set(range(700)) - set(numbers(CHECKED, machine).values())):
        expected = ALLOW if number in allowed else DENY
        assert verdict(machine, number, may_write=may_write) == expected, number


@machines
def test_calls_of_another_architecture_kill(machine: str) -> None:
    assert verdict(machine, 0, architecture=0x40000003) == KILL


def test_calls_of_the_x32_interface_are_denied() -> None:
    assert verdict("x86_64", 0x40000000) == DENY


@machines
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x10000 | 0x100,), ALLOW),
        ("clone", (17,), DENY),
        ("clone3", (), MISSING),
        ("kill", (OWN_PID, 9), ALLOW),
        ("kill", (OWN_PID + 1, 9), DENY),
        ("kill", (0xFFFFFFFF, 9), DENY),
        ("tgkill", (OWN_PID, 5, 9), ALLOW),
        ("tgkill", (1, 1, 9), DENY),
        ("prctl", (15,), ALLOW),
        ("prctl", (1,), DENY),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), DENY),
        ("fcntl", (0, 3), ALLOW),
        ("fcntl", (0, 8), DENY),
        ("prlimit64", (0,), ALLOW),
        ("prlimit64", (1,), DENY),
    ],
)
def test_arguments_decide(machine: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert verdict(machine, numbers(CHECKED, machine)[name], *arguments) == expected


@machines
@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_RDWR | os.O_APPEND])
def test_files_open_for_writing_only_where_writes_are_contained(machine: str, flags: int) -> None:
    number = numbers(CHECKED, machine)["openat"]
    assert verdict(machine, number, 0, 0, flags) == ALLOW
    assert verdict(machine, number, 0, 0, flags, may_write=False) == DENY
    assert verdict(machine, number, 0, 0, os.O_RDONLY | os.O_CLOEXEC, may_write=False) == ALLOW
