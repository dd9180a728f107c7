"""Code by two demonstrators who know Python's looks but neither the rules of the format nor each other.

At times both treat one item at a time with a helper, at times the helper takes everything at once; who
does what is drawn for each of them alone. Either may forget the ``return``, slip in the syntax, misname the
function or talk around it; main may ignore the helper or only hand its result on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from scripts.tiny_coders.operations import OPERATIONS
from scripts.tiny_coders.practice import Practice, indented, inline, iterable

Writer = Callable[[Practice, random.Random], str]

_OPENINGS = ("Here is the function:", "This code should work:", "Sure, I can help with that.")
_CLOSINGS = ("This function solves the problem.", "I hope this helps.", "It handles all cases.")
_AUX_WAYS: Mapping[str, int] = {"item": 45, "whole": 25, "other": 30}
_MAIN_WAYS: Mapping[str, int] = {
    "item": 24,
    "whole": 14,
    "alone": 36,
    "wrapper": 14,
    "ignores": 6,
    "redefines": 6,
}
_FLAWS: Mapping[str, int] = {"none": 60, "no return": 20, "slip": 10, "prose": 6, "fence": 4}
_MISNAMED_SHARE = 0.15


def write_aux(practice: Practice, stream: random.Random) -> str:
    """A helper for one item or for all, at times with another operation than the one asked for."""
    way = _draw(_AUX_WAYS, stream)
    name = stream.choice(("helper", "help", "aux_function")) if stream.random() < _MISNAMED_SHARE else "aux"
    if way == "whole":
        code = f"def {name}({', '.join(practice.parameters)}):\n{indented(_whole(practice, stream))}"
    else:
        operation = stream.choice(OPERATIONS[practice.source.items]) if way == "other" else practice.operation
        if operation.bounded and not practice.bound:
            operation = practice.operation
        needed = [practice.item, *([practice.bound] if operation.bounded else [])]
        value = operation.code.format(x=practice.item, bound=practice.bound)
        code = f"def {name}({', '.join(needed)}):\n{indented(_returned(value, stream))}"
    return _flawed(code, stream)


def write_main(practice: Practice, stream: random.Random) -> str:
    """The function that is asked for, with the helper or without."""
    way = _draw(_MAIN_WAYS, stream)
    everything = f"aux({', '.join(practice.parameters)})"
    direct = _filled(stream.choice(practice.task.bodies), practice, inline(practice))
    bounded = f", {practice.bound}" if practice.bound else ""
    bodies: Mapping[str, str] = {
        "item": _filled(stream.choice(practice.task.bodies), practice, f"aux({practice.item}{bounded})"),
        "whole": stream.choice(practice.task.after or practice.task.bodies[:1]).format(
            found=everything, x=practice.item, source=iterable(practice), call=inline(practice)
        ),
        "alone": direct,
        "wrapper": stream.choice((f"return {everything}", f"result = {everything}\nreturn result")),
        "ignores": f"{everything}\n{direct}",
        "redefines": direct,
    }
    code = f"{practice.header}:\n{indented(bodies[way])}"
    if way == "redefines":
        code = f"def aux({practice.item}):\n{indented(f'return {practice.item}')}\n\n{code}"
    return _flawed(code, stream)


WRITERS: Mapping[str, Writer] = {"aux": write_aux, "main": write_main}


def _filled(body: str, practice: Practice, call: str) -> str:
    return body.format(x=practice.item, source=iterable(practice), call=call)


def _whole(practice: Practice, stream: random.Random) -> str:
    """A body that treats all items at once."""
    item, items, call = practice.item, iterable(practice), inline(practice)
    if practice.operation.gives == "test":
        kept = f"[{item} for {item} in {items} if {call}]"
    else:
        kept = f"[{call} for {item} in {items}]"
    return _returned(kept, stream)


def _returned(value: str, stream: random.Random) -> str:
    return stream.choice((f"return {value}", f"return {value}", f"result = {value}\nreturn result"))


def _flawed(code: str, stream: random.Random) -> str:
    """The code as it is, or with one flaw; prose and fences do no harm in themselves."""
    match _draw(_FLAWS, stream):
        case "no return":
            return _without_return(code, stream)
        case "slip":
            return _slipped(code, stream)
        case "prose":
            opening, closing = stream.choice(_OPENINGS), stream.choice(_CLOSINGS)
            return f"{opening}\n\n{code}" if stream.random() < 0.5 else f"{code}\n\n{closing}"
        case "fence":
            return f"```python\n{code}\n```"
    return code


def _without_return(code: str, stream: random.Random) -> str:
    *before, last = code.split("\n")
    value = last.strip().removeprefix("return ")
    return "\n".join([*before, stream.choice((f"    print({value})", f"    result = {value}"))])


def _slipped(code: str, stream: random.Random) -> str:
    """A colon is forgotten or a word is misspelt."""
    first, *others = code.split("\n")
    misspelt = code.replace("    return ", "    retrun ")
    return stream.choice(("\n".join([first.removesuffix(":"), *others]), misspelt))


def _draw(shares: Mapping[str, int], stream: random.Random) -> str:
    return stream.choices(list(shares), list(shares.values()))[0]
