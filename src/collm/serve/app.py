"""The endpoint: what clients of OpenAI's chat completions ask for, and what an operator looks at."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from collm.serve.asked import ChatAsked, TextAsked, read
from collm.serve.desk import Desk, Heard
from collm.serve.refusals import RefusedError, refusal_of
from collm.serve.spoken import Kind, Outcome, Shape, event

_GONE = 499
"""The status of an answer that nobody waits for any more; nobody reads it either."""

News = str | Heard | None
"""A piece of an answer; ``None`` after the last one."""

Handler = Callable[[Request], Awaitable[Response]]
ResultT = TypeVar("ResultT")


def make_app(desk: Desk, hosts: Sequence[str], token: str | None) -> Starlette:
    """The endpoint as an ASGI application.

    Args:
        desk: what answers.
        hosts: names under which clients may ask; a request for another one is refused.
        token: what clients must show, if anything.
    """
    pages = _Pages(desk, None if token is None else token.encode())
    routes = [
        Route("/health", pages.health),
        Route("/metrics", pages.guarded(pages.metrics)),
        Route("/v1/models", pages.guarded(pages.models)),
        Route("/v1/models/{model:path}", pages.guarded(pages.model)),
        Route("/v1/chat/completions", pages.guarded(pages.chat), methods=["POST"]),
        Route("/v1/completions", pages.guarded(pages.text), methods=["POST"]),
    ]

    @asynccontextmanager
    async def open_while_serving(app: Starlette) -> AsyncIterator[None]:
        yield
        await desk.close()

    return Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)],
        exception_handlers={HTTPException: _no_page},
        lifespan=open_while_serving,
    )


class _Pages:
    """What each path answers."""

    def __init__(self, desk: Desk, token: bytes | None) -> None:
        self._desk, self._token = desk, token

    def guarded(self, handler: Handler) -> Handler:
        """A handler that asks for the token, counts, and turns every error into an answer."""

        async def answer(request: Request) -> Response:
            try:
                self._check_token(request)
                response = await handler(request)
            except Exception as error:
                response = _refused(refusal_of(error))
            self._desk.meters.requested(response.status_code)
            return response

        return answer

    async def health(self, request: Request) -> Response:
        faults = await self._desk.check()
        state = "degraded" if any(faults.values()) else "ok"
        agents = {agent: fault or "ok" for agent, fault in faults.items()}
        return _json({"status": state, "agents": agents}, 503 if any(faults.values()) else 200)

    async def metrics(self, request: Request) -> Response:
        await self._desk.check()
        return Response(self._desk.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def models(self, request: Request) -> Response:
        return _json({"object": "list", "data": [_model(name) for name in self._desk.models]})

    async def model(self, request: Request) -> Response:
        name = request.path_params["model"]
        if name not in self._desk.models:
            raise RefusedError(404, f"there is no model {name!r}.", "model_not_found", "model")
        return _json(_model(name))

    async def chat(self, request: Request) -> Response:
        return await self._completion(request, "chat", read(ChatAsked, await self._body(request)))

    async def text(self, request: Request) -> Response:
        return await self._completion(request, "text", read(TextAsked, await self._body(request)))

    async def _completion(self, request: Request, kind: Kind, asked: ChatAsked | TextAsked) -> Response:
        news: asyncio.Queue[News] = asyncio.Queue()
        task = self._desk.start(asked, news.put_nowait)
        shape = Shape(kind, asked.model)
        try:
            if not asked.stream:
                return _json(shape.whole(await _attended(request, task)))
            task.add_done_callback(lambda _: news.put_nowait(None))
            first = await _attended(request, asyncio.create_task(news.get()))
            if first is None:
                await task  # what fails before it has said anything has a status of its own
        except BaseException:
            task.cancel()
            raise
        return _Stream(task, _events(shape, asked.counts, task, news, first))

    def _check_token(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        if scheme.lower() != "bearer" or not right:
            problem = "the key is missing or wrong; send the server's token as a bearer token."
            raise RefusedError(401, problem, "invalid_api_key")

    async def _body(self, request: Request) -> bytes:
        most, body = self._desk.limits.body, bytearray()
        async with asyncio.timeout(self._desk.limits.seconds):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise RefusedError(413, f"the request is longer than {most} bytes.", "request_too_large")
        return bytes(body)


class _Stream(StreamingResponse):
    """Sends events; generation stops with it, however it ends."""

    def __init__(self, task: asyncio.Task[Outcome], events: AsyncIterator[bytes]) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._task.cancel()


async def _events(
    shape: Shape, counts: bool, task: asyncio.Task[Outcome], news: asyncio.Queue[News], piece: News
) -> AsyncIterator[bytes]:
    if shape.kind == "chat":
        yield event(shape.first())
    while piece is not None:
        yield event(_chunk(shape, piece))
        piece = await news.get()
    try:
        outcome = await task
    except Exception as error:
        yield event(refusal_of(error).body)
        return
    yield event(shape.last(outcome))
    if counts:
        yield event(shape.counted(outcome))
    yield event("[DONE]")


def _chunk(shape: Shape, piece: str | Heard) -> dict[str, Any]:
    if isinstance(piece, str):
        return shape.piece(piece)
    return shape.heard(piece.agent, piece.turn, piece.step, piece.text)


async def _attended(request: Request, work: asyncio.Task[ResultT]) -> ResultT:
    """The result of some work, which is cancelled if the client leaves before."""
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise RefusedError(_GONE, "the client has left.")
        return work.result()
    finally:
        gone.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "collm"}


async def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refused(RefusedError(error.status_code, f"{request.method} {request.url.path}: {error.detail}."))


def _refused(refusal: RefusedError) -> Response:
    return _json(refusal.body, refusal.status, refusal.headers)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """ASCII alone, so that no text of a model is a character that cannot be sent."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json")
