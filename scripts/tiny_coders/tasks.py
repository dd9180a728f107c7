"""What a main function makes of the items once the helper has looked at each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """A way to put the items together.

    Attributes:
        needs: what the operation on an item must give; several are separated by ``|``.
        returns: the type in the signature.
        sentences: of the docstring, in ``{things}`` and ``{what}``.
        bodies: of main, in ``{x}``, ``{source}`` and ``{call}``, the operation on one item.
        after: bodies of main in ``{found}``, the list that a helper made of all items.
    """

    needs: str
    returns: str
    sentences: tuple[str, ...]
    bodies: tuple[str, ...]
    after: tuple[str, ...] = ()


TASKS = (
    Task(
        "test",
        "int",
        ("Count the {things} that {what}.", "Return how many of the {things} {what}."),
        (
            "return sum(1 for {x} in {source} if {call})",
            "return len([{x} for {x} in {source} if {call}])",
            "total = 0\nfor {x} in {source}:\n    if {call}:\n        total += 1\nreturn total",
        ),
        ("return len({found})", "found = {found}\nreturn len(found)"),
    ),
    Task(
        "test",
        "list",
        ("List the {things} that {what}.", "Return the {things} that {what}, in their order."),
        (
            "return [{x} for {x} in {source} if {call}]",
            "result = []\nfor {x} in {source}:\n    if {call}:\n        result.append({x})\nreturn result",
        ),
        ("found = {found}\nreturn list(found)",),
    ),
    Task(
        "test",
        "list",
        ("Leave out the {things} that {what}.", "Keep the {things} but for those that {what}."),
        (
            "return [{x} for {x} in {source} if not {call}]",
            "result = []\nfor {x} in {source}:\n    if not {call}:\n        result.append({x})\n"
            "return result",
        ),
    ),
    Task(
        "test",
        "str",
        ("Join the {things} that {what}.", "Return the text of the {things} that {what}."),
        (
            'return "".join(str({x}) for {x} in {source} if {call})',
            'result = ""\nfor {x} in {source}:\n    if {call}:\n        result += str({x})\nreturn result',
        ),
        ('found = {found}\nreturn "".join(map(str, found))',),
    ),
    Task(
        "test",
        "int",
        ("Return the position of the first of the {things} that {what}, or -1 if there is none.",),
        ("for index, {x} in enumerate({source}):\n    if {call}:\n        return index\nreturn -1",),
    ),
    Task(
        "number",
        "int",
        ("Add up the {what} of each of the {things}.", "Return the total of the {what} over the {things}."),
        (
            "return sum({call} for {x} in {source})",
            "total = 0\nfor {x} in {source}:\n    total += {call}\nreturn total",
        ),
        ("return sum({found})", "found = {found}\nreturn sum(found)"),
    ),
    Task(
        "number",
        "int",
        ("Find the largest {what} of the {things}, or 0.", "Return the highest {what} among the {things}."),
        (
            "return max(({call} for {x} in {source}), default=0)",
            "best = 0\nfor {x} in {source}:\n    best = max(best, {call})\nreturn best",
        ),
        ("return max({found}, default=0)",),
    ),
    Task(
        "number|text",
        "list",
        ("Return the {what} of each of the {things}.", "Turn each of the {things} into its {what}."),
        (
            "return [{call} for {x} in {source}]",
            "result = []\nfor {x} in {source}:\n    result.append({call})\nreturn result",
        ),
        ("found = {found}\nreturn list(found)",),
    ),
    Task(
        "number|text",
        "list",
        ("Sort the {things} by their {what}.", "Rank the {things} by {what}, lowest first."),
        ("return sorted({source}, key=lambda {x}: {call})",),
    ),
    Task(
        "number|text",
        "list",
        ("List the {what} of the {things} in ascending order.", "Return the sorted {what} of the {things}."),
        ("return sorted({call} for {x} in {source})",),
        ("return sorted({found})", "found = {found}\nreturn sorted(found)"),
    ),
    Task(
        "number|text",
        "dict",
        ("Map each of the {things} to its {what}.", "Return a dict from the {things} to the {what} of each."),
        (
            "return {{{x}: {call} for {x} in {source}}}",
            "result = {{}}\nfor {x} in {source}:\n    result[{x}] = {call}\nreturn result",
        ),
    ),
    Task(
        "number|text",
        "dict",
        ("Count the {things} by their {what}.", "Map every {what} to the number of {things} that have it."),
        (
            "result = {{}}\nfor {x} in {source}:\n    key = {call}\n"
            "    result[key] = result.get(key, 0) + 1\nreturn result",
        ),
    ),
    Task(
        "text",
        "str",
        ("Join the {what} of each of the {things}.", "Write the {what} of the {things} one after the other."),
        (
            'return "".join({call} for {x} in {source})',
            'result = ""\nfor {x} in {source}:\n    result += {call}\nreturn result',
        ),
        ('return "".join({found})',),
    ),
)
