"""What the pages hold: their blocks, and the ``collm`` commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}

_HERE_DOCUMENT = re.compile(r"^cat > (\S+) <<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)
_OPERATORS = {"|", "||", "&&", ";", "<", ">", ">>", "&"}


@dataclass(frozen=True)
class Typed:
    """A ``collm`` command as a reader would type it, with what it reads, if the page says so."""

    arguments: tuple[str, ...]
    stdin: str | None = None

    def __str__(self) -> str:
        return shlex.join(self.arguments)


def blocks(page: str, language: str) -> list[str]:
    text = PAGES[page].read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def typed(page: str) -> list[Typed]:
    """Every command in the shell blocks of a page."""
    return [command for block in blocks(page, "bash") for command in _commands(block)]


def mentioned(page: str) -> list[Typed]:
    """Every command in the running text of a page, where arguments may be left out or stand for others."""
    text = re.sub(r"```.*?```", "", PAGES[page].read_text(encoding="utf-8"), flags=re.DOTALL)
    return [Typed(tuple(shlex.split(found))) for found in re.findall(r"`collm ([^`]+)`", text)]


def documents(block: str) -> dict[str, str]:
    """The files that a shell block writes, by name."""
    return dict(_HERE_DOCUMENT.findall(block))


def _commands(block: str) -> Iterator[Typed]:
    """The commands of one block; a shell's variables stand for 1."""
    files = documents(block)
    script = _HERE_DOCUMENT.sub("", block).replace("\\\n", " ")
    for line in re.sub(r"\$\w+", "1", script).splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        words.whitespace_split = True
        yield from _of_line(list(words), files)


def _of_line(words: list[str], files: dict[str, str]) -> Iterator[Typed]:
    said: str | None = None
    parts: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if word in _OPERATORS:
            parts.append((word, []))
        else:
            parts[-1][1].append(word)
    for number, (_, part) in enumerate(parts):
        if part[:1] == ["echo"]:
            said = part[1] + "\n"
        elif part[:1] == ["collm"]:
            read = [file for operator, (file, *_) in parts[number + 1 :] if operator == "<"]
            yield Typed(tuple(part[1:]), files.get(read[0]) if read else said)
