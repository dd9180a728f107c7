"""Cuts the one reply of a single writer into the two texts that the reward compares."""

from __future__ import annotations

import re

DELIMITER = "[PARAGRAPH_SPLIT]"
_SECOND = re.compile(r"paragraph 2:", re.IGNORECASE)
_LABEL = re.compile(r"^\s*paragraph [12]:", re.IGNORECASE)


def two_paragraphs(reply: str) -> tuple[str, str]:
    """Cut at the delimiter, else before "Paragraph 2:", else after the first third; drop the labels.

    White space around the reply does not count in its third.
    """
    reply = reply.strip()
    if DELIMITER in reply:
        first, _, second = reply.partition(DELIMITER)
    else:
        label = _SECOND.search(reply)
        cut = label.start() if label else max(1, len(reply) // 3)
        first, second = reply[:cut], reply[cut:]
    return _unlabelled(first), _unlabelled(second)


def _unlabelled(paragraph: str) -> str:
    return _LABEL.sub("", paragraph, count=1).strip()
