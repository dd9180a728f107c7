"""Finds the code blocks of a reply that is written in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPENS = re.compile(r"([ \t]*)[^`]*`{3,}[^`]*")
_CLOSES = re.compile(r"([ \t]*)`{3,}([^`]*)")
_CLOSES_BEHIND_CODE = re.compile(r"([^`]*[^`\s])`{3,}\s*")
_FENCE_LINE = re.compile(r"^[ \t]*```.*$", re.MULTILINE)


def fenced(reply: str) -> Iterator[str]:
    """The code blocks. A fence that is indented more than the block's own stands in a docstring."""
    block: list[str] | None = None
    indent = 0
    for line in reply.split("\n"):
        closing, behind = _CLOSES.fullmatch(line), _CLOSES_BEHIND_CODE.fullmatch(line)
        if block is None:
            opening = _OPENS.fullmatch(line)
            if opening is not None:
                block, indent = [], len(opening[1])
        elif closing is not None and len(closing[1]) <= indent:
            yield "\n".join(block)
            block = [] if closing[2].strip() else None
        elif behind is not None:
            yield "\n".join([*block, behind[1]])
            block = None
        else:
            block.append(line)
    if block is not None:
        yield "\n".join(block)


def without_fences(reply: str) -> str:
    """The whole reply but the lines that are fences."""
    return _FENCE_LINE.sub("", reply)
