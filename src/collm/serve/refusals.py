"""What a client is told when it gets no answer, in the form that clients of OpenAI's endpoint read."""

from __future__ import annotations

import logging
from typing import Any

from collm.contract.boundary import BrokenPromiseError
from collm.errors import CollmError, InfrastructureError

_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """An error with its HTTP status.

    Args:
        status: of the answer.
        message: for a person.
        code: for a program.
        param: the field of the request at fault.
        retry_after: seconds after which to ask again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The answer as JSON-like data."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def agent_unavailable(agent: str, problem: str, status: int = 503) -> RefusedError:
    """The refusal for an agent that does not answer."""
    return RefusedError(
        status, f"the agent {agent!r} is unavailable: {problem}", "agent_unavailable", "model"
    )


def refusal_of(error: BaseException) -> RefusedError:
    """What to tell of any error; what is nobody's input is told without its insides, and logged."""
    match error:
        case RefusedError():
            return error
        case TimeoutError():
            return RefusedError(504, "the answer took too long.", "timeout")
        case InfrastructureError():
            return RefusedError(503, str(error), "environment_unavailable")
        case BrokenPromiseError():
            return RefusedError(500, str(error), "environment_failed")
        case CollmError():
            return RefusedError(400, str(error), "invalid_task", "messages")
    _log.error("a request failed", exc_info=error)
    return RefusedError(500, "the server failed; its log says why.", "internal_error")
