"""A hostile endpoint: it answers as it is told, slowly, wrongly, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = {"data": [{"id": "theirs"}]}


@dataclass
class Hostile:
    """An endpoint and what it was asked.

    Attributes:
        answers: one for each request, the last for all that follow: bytes, or a status and bytes, or a
            function that writes to the client by itself.
    """

    url: str
    answers: list[Any]
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def hostile(*answers: Any) -> Iterator[Hostile]:
    """Serve from threads until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps(MODELS).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            end.asked.append((self.path, json.loads(body)))
            end.keys.append(self.headers["Authorization"])
            answer = end.next()
            if callable(answer):
                answer(self.wfile.write)
            else:
                self._answer(*answer) if isinstance(answer, tuple) else self._answer(answer)

        def _answer(self, body: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    end = Hostile(f"http://127.0.0.1:{server.server_port}/v1", list(answers))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield end
    finally:
        server.shutdown()
        server.server_close()


def trickle(write: Callable[[bytes], Any]) -> None:
    """An answer that never ends, a byte at a time, so that the line is never silent."""
    try:
        write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(200):
            write(b" ")
            time.sleep(0.05)
    except OSError:
        pass


def chat(text: str | None, reason: str = "stop") -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": reason}]}).encode()


def drawn(ids: Sequence[Any], logprobs: Sequence[Any], reason: str = "stop") -> bytes:
    choice = {"token_ids": ids, "logprobs": {"token_logprobs": logprobs}, "finish_reason": reason, "text": ""}
    return json.dumps({"choices": [choice]}).encode()
