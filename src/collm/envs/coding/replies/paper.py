"""Reads replies by their AST, so that any valid way to write the function counts (paper appendix F.2).

Of each reply are kept the functions and classes at its top level and the statements that these need:
imports, constants, the loops that fill a table. Examples, printing and prose go. Text that is not Python
as a whole is searched for parts that are.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from collm.envs.coding.analysis.usage import AUX, Usage, analyse
from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.blocks import blocks
from collm.envs.coding.replies.fences import fenced, without_fences
from collm.envs.coding.replies.reading import Definition, Reading
from collm.envs.coding.replies.statements import Statement, needed_names, statements, without_repeats
from collm.envs.coding.source import MAX_CHARACTERS, Fault, parse
from collm.envs.coding.suite import prompt_preamble

_LONGEST_SIGNATURE = 10
_NONE = Definition()


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of one reply.

    Attributes:
        definition: the function that was asked for.
        broken: its text if it is not Python; only if no definition is.
    """

    statements: Sequence[Statement] = ()
    definition: Definition = _NONE
    broken: str = ""

    def source(self, names: Collection[str]) -> str:
        """Its functions and classes, and the statements that give the names their meaning."""
        kept = (s.source for s in self.statements if s.serves(names) and not s.of_the_future)
        return "\n\n".join(filter(None, [*kept, self.broken]))

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """How good the definition is."""
        defined = bool(self.definition.source)
        return defined and not self.broken, self.definition.complete, defined


def read(problem: Problem, main_reply: str, aux_reply: str | None) -> Reading:
    """The joint program: the prompt's own helpers, then aux's part, then main's."""
    preamble = list(statements(prompt_preamble(problem), limit=None))
    aux = Part() if aux_reply is None else extract(aux_reply, AUX, problem.entry_point)
    main = extract(main_reply, problem.entry_point, AUX)
    every = [*preamble, *aux.statements, *main.statements]
    names = needed_names(every, {AUX, problem.entry_point})
    future = dict.fromkeys(s.source for s in every if s.of_the_future)
    helpers = [s.source for s in preamble if not s.of_the_future]
    code = "\n\n".join(filter(None, ["\n".join(future), *helpers, aux.source(names), main.source(names)]))
    whole, module = parse(code, limit=None), parse(main.source(names), limit=None)
    usage = analyse(module, problem.entry_point) if isinstance(module, ast.Module) else Usage()
    together = aux_reply is not None
    fault = whole if isinstance(whole, Fault) else None
    return Reading(
        aux=aux.definition,
        main=main.definition,
        code=code,
        fault=fault,
        testable=fault is None and main.definition.complete,
        aux_called=together and usage.called,
        wrapper=together and usage.wrapper,
        aux_ignored=together and bool(usage.misuses),
        misuses=usage.misuses if together else (),
    )


def extract(reply: str, name: str, other: str) -> Part:
    """Read a reply for a function, without what it calls ``other``, which is another agent's to write."""
    text = reply[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
    ways = [list(fenced(text)), [without_fences(text)]]
    return max((_extract(texts, name, other) for texts in ways), key=lambda part: part.rank)


def _extract(texts: Iterable[str], name: str, other: str) -> Part:
    """What some texts define; a function that is broken stays only where there is no other."""
    parsed: list[Statement] = []
    broken: list[str] = []
    for block in (block for text in texts for block in _python(textwrap.dedent(text))):
        if isinstance(parse(block), ast.Module):
            parsed += statements(block)
        elif _declares(block, name):
            broken.append(block)
    kept = [s for s in without_repeats(parsed) if other not in s.sets and not (s.imports and name in s.sets)]
    own = [s for s in kept if s.function is not None and s.function.name == name]
    if own:
        return Part(kept, Definition(own[-1].source, own[-1].returns))
    if not broken:
        return Part(kept)
    best = max(broken, key=_looks_complete)
    return Part(kept, Definition(best, _looks_complete(best)), best)


def _python(text: str) -> Iterable[str]:
    return [text] if isinstance(parse(text), ast.Module) else blocks(text)


def _declares(text: str, name: str) -> bool:
    return re.search(rf"^(?:async\s+)?def\s+{re.escape(name)}\s*\(", text, re.MULTILINE) is not None


def _looks_complete(block: str) -> bool:
    return _has_signature(block) and _has_return(block)


def _has_signature(block: str) -> bool:
    """Whether the text up to a colon is a valid ``def``."""
    lines = block.split("\n")
    headers = ("\n".join(lines[:count]) + "\n    pass" for count in range(1, _LONGEST_SIGNATURE + 1))
    return any(isinstance(parse(header), ast.Module) for header in headers)


def _has_return(block: str) -> bool:
    return re.search(r"^[ \t]+return\b[ \t]*[^\s#]", block, re.MULTILINE) is not None
