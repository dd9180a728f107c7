"""An OpenAI-style endpoint: asked with a limit on time, again where it may help, never for ever."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from collm.contract.patience import HangingError, within
from collm.errors import CollmError
from collm.printable import printable

AnswerT = TypeVar("AnswerT", bound=BaseModel)
ResultT = TypeVar("ResultT")

AGENT_TOKEN = "COLLM_AGENT_TOKEN"
"""Holds what endpoints of agents want to be shown, if anything."""

_LONGEST_ANSWER = 64 * 2**20
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""What may be different the next time."""


class _FaultError(Exception):
    """One try has failed; ``again`` says whether another may help."""

    def __init__(self, problem: str, again: bool = True) -> None:
        super().__init__(problem)
        self.again = again


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and how patiently.

    Attributes:
        where: names the field in errors.
        url: its beginning, such as ``http://host:8000/v1``.
        seconds: how long one answer may take, whatever the endpoint sends meanwhile.
        attempts: how often it is asked before it counts as broken.
        pause: seconds before the second attempt; each later pause is twice as long.
    """

    where: str
    url: str
    seconds: float
    attempts: int = 3
    pause: float = 0.5

    def ask(self, path: str, body: Mapping[str, Any] | None, form: type[AnswerT]) -> AnswerT:
        """The answer to a request, in the form that it should have; ``GET`` without a body.

        Raises:
            CollmError: if no attempt gives one.
        """
        return self.tried(lambda: _read(form, self._sent(path, body)))

    def tell(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """A request whose answer says nothing but that it is done.

        Raises:
            CollmError: if no attempt succeeds.
        """
        self.tried(lambda: self._sent(path, body or {}))

    def tried(self, attempt: Callable[[], ResultT]) -> ResultT:
        """What the first attempt gives that succeeds."""
        for number in range(1, self.attempts + 1):
            try:
                return attempt()
            except _FaultError as error:
                if number == self.attempts or not error.again:
                    mend = (
                        f"see that it runs and serves this agent; {AGENT_TOKEN} holds its key, if it has one."
                    )
                    raise CollmError(self.where, f"{self.url}: {error}", mend) from None
                time.sleep(self.pause * 2 ** (number - 1))
        raise AssertionError

    def _sent(self, path: str, body: Mapping[str, Any] | None) -> bytes:
        request = urllib.request.Request(
            self.url.rstrip("/") + path,
            None if body is None else json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {os.environ.get(AGENT_TOKEN) or 'none'}",
            },
        )
        try:  # the socket's own limit is one of silence: an endpoint that trickles would pass it for ever
            return within(self.seconds, lambda: _received(request, self.seconds))
        except HangingError:
            raise _FaultError(f"no answer within {self.seconds:g} s.") from None


def _received(request: urllib.request.Request, seconds: float) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return _bounded(answer.read(_LONGEST_ANSWER + 1))
    except urllib.error.HTTPError as error:
        said = printable(error.read(2000).decode(errors="replace"))[:300]
        raise _FaultError(f"it answers with status {error.code}: {said}", error.code in _AGAIN) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _FaultError(
            f"no connection ({type(error).__name__}: {printable(str(reason))[:200]})."
        ) from None


def _bounded(body: bytes) -> bytes:
    if len(body) > _LONGEST_ANSWER:
        raise _FaultError("its answer has no end.")
    return body


def _read(form: type[AnswerT], body: bytes) -> AnswerT:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "it"
        raise _FaultError(f"its answer cannot be read: {field}: {first['msg']}.") from None


def called(names: Sequence[str], agent: str) -> str | None:
    """What an endpoint that serves some models calls an agent: ``team/NAME``, ``NAME``, or its only model."""
    for name in (f"team/{agent}", agent):
        if name in names:
            return name
    return names[0] if len(names) == 1 else None
