"""The server of the page: reads only, for browsers on this machine unless told otherwise."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collm.base.validation import validated
from collm.errors import CollmError
from collm.view import overview
from collm.view.episode import Place, read_episode, replies_of
from collm.view.follow import Follower
from collm.view.index import open_reader
from collm.view.panels import panel_of
from collm.view.query import Filter, listed, shared_tasks

STATIC = Path(__file__).parent / "static"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TICK = 0.5

Answer = Callable[[Request], Any]


class View:
    """What the answers stand on: the follower, and a reader of the index for each thread."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._own = threading.local()

    @property
    def reader(self) -> sqlite3.Connection:
        if not hasattr(self._own, "reader"):
            self._own.reader = open_reader(self.follower.index)
        reader: sqlite3.Connection = self._own.reader
        return reader

    def runs(self, request: Request) -> Any:
        return overview.runs(self.follower.seen.runs.values(), self.reader)

    def curves(self, request: Request) -> Any:
        values = request.query_params.getlist
        return overview.curves(self.follower.seen.runs, values("run"), values("key"))

    def episodes(self, request: Request) -> Any:
        return listed(self.reader, validated(Filter, _lists(request), "query"))

    def tasks(self, request: Request) -> Any:
        runs = request.query_params.getlist("run")
        if len(runs) != 2:
            raise CollmError("query.run", f"{len(runs)} runs are named.", "name two.")
        return shared_tasks(self.reader, (runs[0], runs[1]))

    def episode(self, request: Request) -> Any:
        place = validated(Place, request.query_params, "query")
        return read_episode(self.reader, dict(self.follower.seen.runs), place)

    def panel(self, request: Request) -> Any:
        params = dict(request.query_params)
        turn = params.pop("turn", "")
        place, runs = validated(Place, params, "query"), dict(self.follower.seen.runs)
        episode = read_episode(self.reader, runs, place)
        until = int(turn) + 1 if turn.isdecimal() and len(turn) < 7 else None
        return panel_of(runs[place.run], episode["summary"]["task"], replies_of(episode)[:until])

    async def events(self, request: Request) -> Response:
        return EventSourceResponse(self._changes(), ping=15)

    async def _changes(self) -> AsyncIterator[dict[str, str]]:
        """What the follower has seen, whenever it has seen something new."""
        told = None
        while True:
            seen = self.follower.seen
            news = json.dumps({"changes": dict(seen.changes), "waiting": seen.waiting})
            if news != told:
                told = news
                yield {"data": news}
            await anyio.sleep(_TICK)


class Headers:
    """Adds the headers that keep a page to itself to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
            await send(message)

        await self.app(scope, receive, told)


def make_app(follower: Follower, hosts: Sequence[str] = LOOPBACK) -> Starlette:
    """The page and what it asks for, below ``/api``; every route answers GET and HEAD alone.

    Args:
        hosts: names under which browsers may ask; a request for another one is refused.
    """
    view = View(follower)

    @asynccontextmanager
    async def following(app: Starlette) -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()

    names = ("runs", "curves", "episodes", "tasks", "episode", "panel")
    routes = [
        Route("/", lambda request: FileResponse(STATIC / "index.html")),
        Route("/api/events", view.events),
        *(Route(f"/api/{name}", _answer(getattr(view, name))) for name in names),
        Mount("/assets", StaticFiles(directory=STATIC / "assets", check_dir=False)),
    ]
    middleware = [
        Middleware(Headers),
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(GZipMiddleware, minimum_size=2000, compresslevel=3),
    ]
    return Starlette(routes=routes, middleware=middleware, lifespan=following)


def _answer(find: Answer) -> Callable[[Request], Response]:
    """A route that answers with JSON; bad input is told with status 400."""

    def answer(request: Request) -> Response:
        try:
            return _json(find(request))
        except CollmError as error:
            return _json({"error": str(error)}, 400)

    return answer


def _json(data: Any, status: int = 200) -> Response:
    """ASCII alone, so that no text of a model is a character that cannot be sent."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def _lists(request: Request) -> Mapping[str, Any]:
    """The query with repeated runs as a list."""
    params = request.query_params
    return {**params, "run": params.getlist("run")} if "run" in params else dict(params)
