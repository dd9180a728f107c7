"""What the two coders read when they may see each other's code, as the reference code's scripts ask."""

from __future__ import annotations

from collections.abc import Mapping

_HELPER = (
    "You have access to this helper function that has already been implemented:\n\n{aux}\n\n"
    "- Make sure to use the aux() function effectively"
)
_MAIN = "This main function will use your helper function:\n\n{main}"
_BETTER_AUX = (
    "Improve your helper function based on how it's being used by the main function.\n\n"
    "Your helper function:\n{aux}\n\nThe main function:\n{main}"
)
_BETTER_MAIN = (
    "Improve your main function implementation based on the helper function provided.\n\n"
    "Your main function:\n{main}\n\nThe helper function:\n{aux}"
)


def informed_prompt(prompt: str, agent: str, codes: Mapping[str, str]) -> str:
    """The prompt of ``aux`` or ``main`` with code below it.

    Args:
        prompt: what the agent reads when it sees no code.
        agent: who reads.
        codes: by agent; the agent's own among them if it is to improve it.
    """
    again = {"aux": _BETTER_AUX, "main": _BETTER_MAIN}
    first = {"aux": _MAIN, "main": _HELPER}
    return f"{prompt}\n\n{(again if agent in codes else first)[agent].format(**codes)}\n"
