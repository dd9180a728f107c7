"""Makes text of others safe to print: a reply or a reward's message must not command the terminal."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but newline and tab, DEL, C1: escape sequences begin with these
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of writing
    "\u2028\u2029"  # end a line for some readers and not for others
    "\ud800-\udfff]"  # cannot be encoded
)


def printable(text: str) -> str:
    r"""The text with what a terminal would obey, or could not show, as visible ``\uXXXX``.

    JSON stays JSON of the same value: its own escapes have that form, and it has no raw C0 characters.
    """
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
