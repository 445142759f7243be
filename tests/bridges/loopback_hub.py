"""A hub on the loopback: takes repositories and commits as huggingface.co does, and keeps them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """A running hub: what was made, uploaded and committed, and with which keys it was asked."""

    url: str = ""
    refuse: int = 0
    made: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """Answer one POST."""
        if self.refuse:
            return self.refuse, {"error": "You don't have the rights to create a dataset"}
        if path == "/api/repos/create":
            self.made.append(json.loads(body))
            name = f"{self.made[-1]['organization']}/{self.made[-1]['name']}"
            return 200, {"url": f"{self.url}/datasets/{name}", "name": name, "id": name}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/preupload/" in path:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            return 200, {"files": files}
        if path.endswith("/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [*map(self._place, _objects(body))]}
        if "/commit/" in path:
            self._commit(body)
            name = path.removeprefix("/api/datasets/").partition("/commit/")[0]
            url = f"{self.url}/datasets/{name}/commit/{'1' * 40}"
            return 200, {"commitUrl": url, "commitOid": "1" * 40, "success": True}
        return 404, {"error": f"no {path}"}

    def _place(self, wanted: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.url}/objects/{wanted['oid']}"
        return {**wanted, "actions": {"upload": {"href": href}}}

    def _commit(self, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.files[value["path"]] = self.objects[value["oid"]]


def _objects(body: bytes) -> list[dict[str, Any]]:
    return list(json.loads(body)["objects"])


@contextmanager
def loopback_hub(*, refuse: int = 0) -> Iterator[Hub]:
    """Serve a hub while the block runs; with `refuse`, it answers everything with that status."""
    hub = Hub(refuse=refuse)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Know no page."""
            self._send(404, {"error": "not found"})

        def do_POST(self) -> None:
            """Answer as the hub does."""
            hub.asked.append(self.path)
            hub.keys.add(self.headers.get("Authorization", ""))
            path = self.path.partition("?")[0]
            self._send(*hub.answer(path, self._body()))

        def do_PUT(self) -> None:
            """Keep an object."""
            hub.objects[self.path.rpartition("/")[2]] = self._body()
            self._send(200, {})

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def _send(self, status: int, data: Any) -> None:
            sent = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
