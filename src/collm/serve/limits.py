"""What one server bears."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on clients.

    Attributes:
        requests: answered at the same time; more are refused with status 429.
        seconds: that one answer may take, waiting included.
        body: bytes of a request.
        conversations: with the team, that are remembered.
    """

    requests: int = 64
    seconds: float = 120.0
    body: int = 2**18
    conversations: int = 256
