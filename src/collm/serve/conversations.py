"""What the team remembers of its last conversations, found again by the messages that clients send anew."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict

from collm.serve.episode import Episode
from collm.serve.stages import Stage
from collm.serve.voice import Messages


class Conversations:
    """Keeps an episode for each conversation; the one that was not used for longest goes first.

    Args:
        most: conversations that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, Episode] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, messages: Messages, answer: str, episode: Episode) -> None:
        """Remember what led to an answer."""
        key = _key([*messages, {"role": "assistant", "content": answer}], episode.stage)
        self._kept[key] = episode
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, messages: Messages, stage: Stage) -> Episode | None:
        """The episode behind messages that end with an answer of a stage; ``None`` if it is not kept."""
        key = _key(messages, stage)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)


def _key(messages: Messages, stage: Stage) -> str:
    """Two conversations by a protocol with the same messages are one: readers see no difference."""
    identity = [stage.protocol.type, *([message["role"], message["content"]] for message in messages)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()
