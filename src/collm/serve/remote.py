"""An agent behind another endpoint of the same style: a process of its own, vLLM, ``transformers serve``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import openai

from collm.agents.config import AgentConfig
from collm.agents.spoken import as_messages, as_text
from collm.engines.http.endpoint import called
from collm.serve.refusals import RefusedError, agent_unavailable
from collm.serve.voice import Draw, Messages, Reply, Tell
from collm.types import Action, FinishReason, History, Observation

_CONNECT_SECONDS = 10.0
_CHECK_SECONDS = 2.0
_PASSED_ON = (400, 429)
"""What the client did, not the agent."""


class Remote:
    """A voice behind a URL. It is found again as soon as it answers again.

    Args:
        name: the agent's.
        config: its sampling, and whether it reads its whole history.
        url: of the endpoint, such as ``http://host:8000/v1``.
        token: sent as its key; endpoints without one do not look at it.
        seconds: how long an answer may take.
    """

    def __init__(self, name: str, config: AgentConfig, url: str, token: str | None, seconds: float) -> None:
        self._name, self._config = name, config
        timeout = openai.Timeout(seconds, connect=_CONNECT_SECONDS)
        self._client = openai.AsyncOpenAI(
            base_url=url, api_key=token or "none", max_retries=0, timeout=timeout
        )
        self._model: str | None = None

    async def act(self, history: History, observation: Observation, draw: Draw, tell: Tell) -> Reply:
        if self._config.history == "turn":
            history = History()
        seen = (*history.observations, observation)
        if all(one.raw for one in seen):
            return await self.go_on(as_text(history, observation), draw, tell)
        if any(one.raw for one in seen):
            problem = "it reads chat and raw text in one history, which no endpoint takes; load it here."
            raise agent_unavailable(self._name, problem, 500)
        return await self.chat(as_messages(history, observation), draw, tell)

    async def chat(self, messages: Messages, draw: Draw, tell: Tell) -> Reply:
        return await self._ask(self._client.chat.completions, {"messages": list(messages)}, draw, tell)

    async def go_on(self, text: str, draw: Draw, tell: Tell) -> Reply:
        return await self._ask(self._client.completions, {"prompt": text}, draw, tell)

    async def check(self) -> None:
        with self._faults():
            self._model = await self._called(self._client.with_options(timeout=_CHECK_SECONDS))

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, resource: Any, prompt: dict[str, Any], draw: Draw, tell: Tell) -> Reply:
        with self._faults():
            self._model = self._model or await self._called(self._client)
            usage = {"stream_options": {"include_usage": True}}
            settings = self._settings(draw)
            stream = await resource.create(model=self._model, stream=True, **prompt, **usage, **settings)
            async with stream:
                return await self._heard(stream, tell)

    def _settings(self, draw: Draw) -> dict[str, Any]:
        sampling = draw.sampling(self._config.sampling)
        beyond = {} if sampling.top_k is None else {"extra_body": {"top_k": sampling.top_k}}
        own = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        return {**own, "max_tokens": sampling.max_tokens, "seed": draw.seed, **beyond}

    async def _heard(self, stream: AsyncIterator[Any], tell: Tell) -> Reply:
        text, ended, usage = "", None, None
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                piece = _piece(choice)
                text, ended = text + piece, choice.finish_reason or ended
                if piece:
                    tell(piece)
        if ended is None:
            raise agent_unavailable(self._name, "it hung up amid its reply.", 502)
        reason: FinishReason = "length" if ended == "length" else "stop"
        counts = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        return Reply(Action(text, finish_reason=reason), *counts)

    async def _called(self, client: openai.AsyncOpenAI) -> str:
        page = await client.models.list()
        names = [model.id for model in page.data]
        name = called(names, self._name)
        if name is not None:
            return name
        raise agent_unavailable(self._name, f"its endpoint serves {', '.join(names) or 'nothing'}.", 502)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Name the agent in whatever its endpoint does; the next request looks for it anew."""
        try:
            yield
        except openai.APIStatusError as error:
            self._model = None
            if error.status_code in _PASSED_ON:
                raise self._passed_on(error) from None
            problem = f"its endpoint answers with status {error.status_code}: {error.message}"
            raise agent_unavailable(self._name, problem, 502) from None
        except openai.APITimeoutError:
            self._model = None
            raise agent_unavailable(self._name, "its endpoint does not answer in time.") from None
        except openai.APIConnectionError as error:
            self._model = None
            raise agent_unavailable(self._name, f"no connection to {error.request.url}.") from None
        except RefusedError:
            self._model = None
            raise
        except Exception as error:  # the client's own faults, too, when an answer is not of its form
            self._model = None
            problem = f"its endpoint's answer cannot be read ({type(error).__name__}: {error})."
            raise agent_unavailable(self._name, problem, 502) from None

    def _passed_on(self, error: openai.APIStatusError) -> RefusedError:
        wait = error.response.headers.get("retry-after", "")
        seconds = int(wait) if wait.isdecimal() and len(wait) < 6 else None
        return RefusedError(
            error.status_code, f"the agent {self._name!r}: {error.message}", error.code, error.param, seconds
        )


def _piece(choice: Any) -> str:
    return (choice.text if hasattr(choice, "text") else choice.delta.content) or ""
