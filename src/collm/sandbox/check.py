"""An ordinary program is run once before all others, so that settings that fail every program are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, replace

from collm.errors import CollmError, InfrastructureError
from collm.sandbox.config import SandboxConfig
from collm.sandbox.inside.limits import Limits
from collm.sandbox.program import Program, Step
from collm.sandbox.slot import Slot, SlotDiedError
from collm.sandbox.trial import Trial

_CODE = """
import collections, csv, json

def ordinary(numbers):
    table = [row for row in csv.reader(["a,b", "c,d"])]
    counted = collections.Counter(json.dumps(number % 7) for number in numbers)
    return sum(number * number % 7 for number in range(1000 * len(numbers))), counted["3"], table
"""
ORDINARY = Program(
    _CODE,
    "ordinary",
    (
        Step("assert candidate(list(range(70))) == (140000, 10, [['a', 'b'], ['c', 'd']])"),
        Step("assert candidate([]) == (0, 0, [['a', 'b'], ['c', 'd']])"),
    ),
)
"""Imports, reads a module from disk, takes and returns plain data, and computes for some milliseconds."""
_TRIES = 3
"""A busy machine may be late once."""


def proven_slot(config: SandboxConfig) -> Slot:
    """Start a slot in which an ordinary program passes.

    Raises:
        CollmError: naming the setting with which none passes.
        InfrastructureError: if none passes whatever the settings.
    """
    try:
        return _proven(config)
    except InfrastructureError as error:
        raise _blamed(config) or error from None


def _proven(config: SandboxConfig) -> Slot:
    slot = Slot(config)
    message = ""
    for _ in range(_TRIES):
        trial = Trial(ORDINARY, config.limits)
        with suppress(SlotDiedError):
            while not trial.over:
                trial.attempt(slot)
        if trial.verdict().all_passed:
            return slot
        message = next((result.message for result in trial.verdict().results if not result.passed), message)
        if slot.closed:
            slot = Slot(config)
    slot.close()
    raise InfrastructureError(f"an ordinary program fails in the sandbox: {message or 'it has no end'}.")


def _blamed(config: SandboxConfig) -> CollmError | None:
    """The first limit, or else all, whose default lets the program pass; ``None`` if that does not help."""
    for limits, names in _relaxed(config.limits):
        with suppress(InfrastructureError):
            _proven(config.model_copy(update={"limits": limits})).close()
            where = ", ".join(f"sandbox.limits.{name}" for name in names)
            values = ", ".join(f"{getattr(config.limits, name):g}" for name in names)
            defaults = ", ".join(f"{getattr(limits, name):g}" for name in names)
            problem = f"with {values} not even an ordinary program passes."
            return CollmError(where, problem, f"allow more; the default is {defaults}.")
    return None


def _relaxed(limits: Limits) -> Iterator[tuple[Limits, list[str]]]:
    """The limits with one of them at its default, each in turn, and then with all."""
    default = Limits()
    changed = [f.name for f in fields(Limits) if getattr(limits, f.name) != getattr(default, f.name)]
    for name in changed:
        yield replace(limits, **{name: getattr(default, name)}), [name]
    if len(changed) > 1:
        yield default, changed
