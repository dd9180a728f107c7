"""Cuts a text that is not Python as a whole into parts that may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from collm.envs.coding.source import parse

_CONTINUES = re.compile(r"#|[)\]}]|(?:else|elif|except|finally)\b")
_DEFINES = re.compile(r"(?:async\s+def|def|class|from|import)\b|@")
_HOLDS_LINES = re.compile(r"(?:async|def|class|try|for|while|if|with)\b|@")
_STARTS_CODE = re.compile(
    r"(?:async|def|class|from|import|try|for|while|if|with)\b|@|[A-Za-z_][^\n=]*=|[A-Za-z_][\w.\[\]]*\.\w+\("
)
_LONGEST_BLOCK, _MOST_PIECES = 6, 200


def blocks(text: str) -> Iterator[str]:
    """Runs of lines that start a statement at the margin, each as long as it takes to be Python."""
    pieces = list(islice(_pieces(text.split("\n")), _MOST_PIECES))
    at = 0
    while at < len(pieces):
        if not _STARTS_CODE.match(pieces[at]):
            at += 1
            continue
        lengths = range(1, min(_LONGEST_BLOCK, len(pieces) - at) + 1)
        candidates = ((n, "\n".join(pieces[at : at + n])) for n in lengths)
        length, block = next(
            ((n, block) for n, block in candidates if isinstance(parse(block), ast.Module)), (1, pieces[at])
        )
        yield block.rstrip()
        at += length


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Each line at the margin with the indented, blank, closing and comment lines after it.

    The margin is that of the first line; amid prose a definition may have one of its own.
    """
    piece: list[str] = []
    margin = 0
    for line in lines:
        own = line.lstrip()
        indent = len(line) - len(own)
        if piece and own and _starts_anew(own, indent, margin, piece):
            yield "\n".join(piece)
            piece = []
        if not piece:
            margin = indent if _STARTS_CODE.match(own) else 0
        if piece or own:
            piece.append(line[min(margin, indent) :])
    yield "\n".join(piece)


def _starts_anew(own: str, indent: int, margin: int, piece: list[str]) -> bool:
    if indent > margin:
        return _DEFINES.match(own) is not None and not _HOLDS_LINES.match(piece[0])
    return not _CONTINUES.match(own) and not piece[-1].startswith("@")
