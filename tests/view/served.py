"""A viewer that runs in a thread of the test, on a free port, and three small studies for it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.planted.simulated_store import HOSTILE, fill_store

TRAITS = ("warm", "blunt", "poetic", "playful", "calm", "wry", "dry", "bold")


def fill_studies(folder: Path) -> Path:
    """Two studies that were asked alike, and one of fewer traits."""
    fill_store(
        folder / "one.db",
        traits=TRAITS,
        models=("alpha", "beta"),
        judges=("first", "second"),
        flips={"second": 0.3},
        replies={0: HOSTILE, 1: "A zebra crossed the caf\u00e9."},
        study="The first study",
    )
    fill_store(
        folder / "two.db", traits=TRAITS, models=("alpha",), judges=("first",), study="The second"
    )
    fill_store(folder / "few.db", traits=TRAITS[:5], models=("delta",), study="Fewer traits")
    return folder


@dataclass(frozen=True)
class Served:
    """A running viewer: its links in order, and plain requests to it."""

    links: tuple[str, ...]

    @property
    def root(self) -> str:
        """The address without path and token."""
        return self.links[0].split("/?")[0]

    @property
    def host(self) -> str:
        """Name and port."""
        return urlsplit(self.root).netloc

    def ask(
        self, path: str, *, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Send one request; returns status, headers and text."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text

    def cookie(self, link: int = 0) -> str:
        """Open a link and return the cookie that it gives."""
        _, headers, _ = self.ask(self.links[link].removeprefix(self.root))
        return headers["set-cookie"].split(";")[0]


@contextmanager
def serve(paths: Sequence[str | Path], cache: Path, **options: object) -> Iterator[Served]:
    """Serve studies until the end of the block."""
    from ethogram.api.view import serve_view

    said: list[str] = []
    servers: list[object] = []
    thread = threading.Thread(
        target=serve_view,
        args=(paths,),
        kwargs={"note": said.append, "cache": cache, "ready": servers.append, **options},
        daemon=True,
    )
    thread.start()
    until = time.monotonic() + 60
    while not (servers and servers[0].started):
        assert thread.is_alive(), "the viewer ended"
        assert time.monotonic() < until
        time.sleep(0.02)
    yield Served(tuple(text.split()[-1] for text in said))
    servers[0].should_exit = True
    thread.join(30)
