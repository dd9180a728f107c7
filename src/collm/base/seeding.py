"""Seeds that depend only on what a random draw is for, never on what happened before it.

A run draws every random number from ``derive(seed, purpose, ...)``. Nothing has to be saved to resume
it, and neither batch size nor placement changes what a sample sees.
"""

from __future__ import annotations

import hashlib


def derive(seed: int, *parts: str | int) -> int:
    """Return a 63-bit seed for the purpose named by ``parts`` under the root ``seed``."""
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in parts)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
