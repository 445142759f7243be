"""A service of one function: what it answers is the test's to say; what it was asked is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Service:
    """A running service: where it is, and all that it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


def chat(text: str | None, **more: Any) -> dict[str, Any]:
    """Return a chat completion with a text."""
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more.pop("choice", {})}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return {"model": "m", "choices": [choice], "usage": usage, **more}


def good(asked: Asked) -> Answer:
    """Answer as a service should: a reply to a trial, the first word to a judging."""
    question = asked.body["messages"][-1]["content"]
    if "Which word fits" not in question:
        return 200, chat("A short and friendly answer.")
    word = question.rpartition("better: ")[2].partition(" or ")[0]
    return 200, chat(f"It reads so. <answer>{word}</answer>")


def refused(words: str, status: int = 400) -> Answer:
    """Return an error in the usual shape."""
    return status, {"error": {"message": words, "type": "invalid_request_error"}}


@contextmanager
def service(answer: Callable[[Asked], Answer]) -> Iterator[Service]:
    """Serve on the loopback while the block runs."""
    running = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Know no page."""
            self._send(404, {"detail": "Not Found"}, {})

        def do_POST(self) -> None:
            """Answer as the test says."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            running.asked.append(asked)
            status, data, *headers = answer(asked)
            self._send(status, data, headers[0] if headers else {})

        def _send(self, status: int, data: Any, headers: dict[str, str]) -> None:
            sent = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(sent))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
