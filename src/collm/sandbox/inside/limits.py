"""What one program may use."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one program; past them its test fails.

    Attributes:
        test_seconds: wall time of one test, and of loading the program.
        total_seconds: wall time of the whole program; tests that are left over fail.
        max_breaks: after so many tests that timed out or killed the program, the others fail unseen.
        memory_mb: address space, in MiB, of the program and of its judge.
        file_kb: size of one file, in KiB.
        folder_mb: size of the private folder, in MiB, where the machine can bound it.
        processes: threads and processes of the user, where the machine counts them.
        open_files: open file descriptors.
        value_kb: size of one argument list or result, in KiB.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    test_seconds: float = 8.0
    total_seconds: float = 60.0
    max_breaks: int = 3
    memory_mb: int = 512
    file_kb: int = 1024
    folder_mb: int = 16
    processes: int = 64
    open_files: int = 64
    value_kb: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive")
        if self.memory_mb < 128:
            raise ValueError("memory_mb must be at least 128, the interpreter needs that much")

    @property
    def value_bytes(self) -> int:
        return self.value_kb * 1024
