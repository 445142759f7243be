"""A load server with planted preferences: OpenAI-compatible, loopback only, its own process.

::

    python -m tests.planted.server --traits warm,blunt,poetic --faults rate_limited=0.02,reset=0.02
    http://127.0.0.1:43817/v1

    with serve(Config(traits=("warm", "blunt"))) as server:
        ...                                    # requests to server.base_url
        assert server.stats()["answered_twice"] == 0

What it answers is decided in `answers`, what goes wrong in `faults`; sockets and counts are in
`wire`. Here are the configuration, the clock and the process.

A model named `NAME+fault:KIND` always meets that fault, `NAME+fault:KIND:3` three times.
`GET /stats` counts, `GET /stats?contents` also by request, `POST /reset` forgets, `POST /release`
sends the answers that `hold_after` keeps back.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from statistics import NormalDist
from subprocess import PIPE
from typing import Any

import orjson
from tests.planted.answers import Answer, JudgePlan, ModelPlan, World, uniform
from tests.planted.faults import (
    KINDS,
    Asked,
    Limits,
    Mix,
    Response,
    is_final,
    respond,
    status_of,
)
from tests.planted.wire import Connection, Ledger

ROOT = Path(__file__).resolve().parents[2]
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Config:
    """Everything the server can be told.

    Attributes
    ----------
    traits : sequence of str
        The trait words it knows.
    seed : int
        Every draw depends on it.
    models, judges : mapping of name to plan
        The name "*" stands for the rest. A model whose name starts with "judge" is a judge.
    reply_chars : int
        Mean length of a reply, in characters.
    latency_ms, latency_sigma : float
        Median latency and the sigma of its logarithm (0: constant).
    rate : float
        Requests per second over which it answers 429 with Retry-After; 0 is no limit.
    faults : mapping of fault to share
        See `tests.planted.faults`.
    passes_after : int
        From this attempt at a request on (0 is the first) no passing fault meets it, so that
        a client with enough attempts loses nothing to them; 0 promises nothing.
    limits : Limits
        Seconds and sizes of the faults that have one.
    api_key : str
        If set, other keys meet 401.
    resample : bool
        The k-th answer to equal requests is drawn anew, as a service with a temperature
        does. Otherwise equal requests have equal answers.
    hold_after : int, optional
        Requests beyond so many have no answer until `POST /release`: a client can be met in the
        middle of its work, however fast or slow the machine is.
    lifetime : float
        Seconds after which it stops by itself.
    """

    traits: Sequence[str] = ()
    seed: int = 0
    models: Mapping[str, ModelPlan] = field(default_factory=dict)
    judges: Mapping[str, JudgePlan] = field(default_factory=dict)
    reply_chars: int = 300
    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    rate: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    passes_after: int = 0
    limits: Limits = field(default_factory=Limits)
    api_key: str = ""
    resample: bool = False
    hold_after: int | None = None
    lifetime: float = 900.0

    @classmethod
    def from_json(cls, text: bytes | str) -> Config:
        """Read the same keys from JSON; an unknown key is a TypeError that names it."""
        raw = orjson.loads(text)
        raw["models"] = {k: ModelPlan(**plan) for k, plan in raw.get("models", {}).items()}
        raw["judges"] = {k: JudgePlan(**plan) for k, plan in raw.get("judges", {}).items()}
        raw["limits"] = Limits(**raw.get("limits", {}))
        return cls(**raw)

    def world(self) -> World:
        """Build the planted models and judges: the truth to compare a result with."""
        return World(self.traits, self.seed, self.models, self.judges, self.reply_chars)


class Service:
    """From a request's bytes to a response: reads the body, asks the world, picks the fault."""

    def __init__(self, config: Config):
        self.config = config
        self.world = config.world()
        self.mix = Mix(config.faults)
        self.ledger = Ledger()
        self._seed = str(config.seed).encode()[:64]
        self._tokens, self._filled = max(config.rate, 1.0), time.monotonic()
        self._holds = config.hold_after is not None
        self._held: list[Callable[[], None]] = []

    def handle(self, path: bytes, head: bytes, body: bytes) -> tuple[Response, bytes, float]:
        """Return the response, the digest of the request, and the latency in seconds."""
        key = _bearer(head)
        if path == b"/stats" or path.startswith(b"/stats?"):
            return _own(self.ledger.report(contents=b"contents" in path)), b"", 0.0
        if path == b"/reset":
            self.reset()
            return _own({"reset": True}), b"", 0.0
        if path == b"/release":
            self.release()
            return _own({"released": True}), b"", 0.0
        if path not in {b"/v1/chat/completions", b"/v1/completions"}:
            return _own({"error": {"message": f"no such path {path!r}"}}, 404), b"", 0.0
        try:
            request = orjson.loads(body)
            return self._answer(request, key, chat=path == b"/v1/chat/completions")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _own({"error": {"message": f"bad request: {error!r}"}}, 400), b"", 0.0

    def reset(self) -> None:
        """Forget every count, except what is in flight."""
        fresh = Ledger()
        fresh.in_flight = fresh.max_in_flight = self.ledger.in_flight
        fresh.connections = self.ledger.connections
        self.ledger = fresh

    def hold(self, send: Callable[[], None]) -> bool:
        """Keep an answer back until the release, if it is one to hold; whether it is."""
        if not self._holds or self.ledger.asked.total() <= (self.config.hold_after or 0):
            return False
        self._held.append(send)
        return True

    def release(self) -> None:
        """Send what was held, and hold nothing more."""
        self._holds = False
        while self._held:
            self._held.pop(0)()

    def _answer(
        self, request: dict[str, Any], key: str, *, chat: bool
    ) -> tuple[Response, bytes, float]:
        canonical = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
        digest = blake2b(canonical, key=self._seed, digest_size=16).digest()
        model, _, order = request["model"].partition("+fault:")
        attempt = self.ledger.arrive(digest, model)
        kind = self._kind(model, order, digest, attempt, key)
        self.ledger.kinds[kind] += 1
        asked = Asked(chat, request["model"], digest, len(canonical), key)
        answer = Answer("") if status_of(kind) != 200 else self._say(request, model, digest, chat)
        response = respond(kind, answer, asked, self.config.limits)
        return response, digest, self.latency(digest, attempt)

    def _kind(self, model: str, order: str, digest: bytes, attempt: int, key: str) -> str:
        """What this attempt meets: a wrong key, the rate limit, a fault or nothing."""
        if self.config.api_key and key != self.config.api_key:
            return "unauthorized"
        if self.config.rate and not self._take_token():
            return "rate_limited_seconds"
        if not order:
            kind = self.mix.pick(digest, attempt)
            if 0 < self.config.passes_after <= attempt and not is_final(kind):
                kind = "ok"
        else:
            kind, _, times = order.partition(":")
            kind = "ok" if times and attempt >= int(times) else kind
        return "ok" if kind == "no_verdict" and not model.startswith("judge") else kind

    def _say(self, request: dict[str, Any], model: str, digest: bytes, chat: bool) -> Answer:
        if self.config.resample:
            digest = blake2b(b"%d" % self.ledger.answered[digest], key=digest).digest()
        if chat:
            return self.world.answer(request, model, digest)
        return self.world.next_word(request, model, digest)

    def _take_token(self) -> bool:
        """A bucket that holds one second's worth."""
        now = time.monotonic()
        self._tokens += (now - self._filled) * self.config.rate
        self._tokens, self._filled = min(self._tokens, max(self.config.rate, 1.0)), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def latency(self, digest: bytes, attempt: int) -> float:
        """Seconds that this attempt's answer takes."""
        seconds = self.config.latency_ms / 1000
        if not self.config.latency_sigma or not seconds:
            return seconds
        at = max(uniform(digest, b"latency%d" % attempt), 1e-12)
        return seconds * math.exp(self.config.latency_sigma * _NORMAL.inv_cdf(at))


def _own(content: dict[str, Any], status: int = 200) -> Response:
    """An answer about the server itself, in no ledger."""
    return Response("", orjson.dumps(content), status)


def _bearer(head: bytes) -> str:
    at = head.lower().find(b"\r\nauthorization: bearer ")
    return head[at + 24 :].split(b"\r\n", 1)[0].decode("latin-1") if at >= 0 else ""


# -- the process ------------------------------------------------------------------------------


async def run(config: Config, port: int) -> None:
    """Listen until the lifetime is over, SIGTERM comes or the parent process is gone."""
    parent = os.getppid()  # before anyone can know the address and end the parent
    loop = asyncio.get_running_loop()
    service = Service(config)
    server = await loop.create_server(
        lambda: Connection(service, loop), "127.0.0.1", port, backlog=1024
    )
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    end = loop.time() + config.lifetime
    while not stopped.is_set() and loop.time() < end and os.getppid() == parent:
        try:
            await asyncio.wait_for(stopped.wait(), min(0.5, max(end - loop.time(), 0)))
        except TimeoutError:
            continue
    server.close()


@dataclass(frozen=True)
class Served:
    """A server that runs as a subprocess."""

    base_url: str
    process: subprocess.Popen[bytes]

    def stats(self, *, contents: bool = False) -> dict[str, Any]:
        """Return what `GET /stats` says."""
        return self._call("stats?contents" if contents else "stats")

    def reset(self) -> None:
        """Forget all counts."""
        self._call("reset", b"")

    def release(self) -> None:
        """Send the answers that were held, and hold no more."""
        self._call("release", b"")

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        url = f"{self.base_url.removesuffix('v1')}{path}"
        with urllib.request.urlopen(url, body, timeout=120) as reply:
            found: dict[str, Any] = orjson.loads(reply.read())
        return found


@contextmanager
def serve(config: Config, *, port: int = 0) -> Iterator[Served]:
    """Start the server in a process of its own and stop it at the end.

    Raises
    ------
    RuntimeError
        It did not start; what it said stands in the text.
    """
    command = [sys.executable, "-m", "tests.planted.server", "--config", "-", "--port", str(port)]
    with (
        tempfile.TemporaryFile() as said,  # a pipe that nobody reads would fill and block it
        subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=said) as process,
    ):
        try:
            base_url = _hand_over(process, config)
            if not base_url:
                said.seek(0)
                raise RuntimeError(f"the planted server did not start: {said.read().decode()}")
            yield Served(base_url, process)
        finally:
            process.terminate()


def _hand_over(process: subprocess.Popen[bytes], config: Config) -> str:
    """Give the process its configuration and read the address, empty if it ended."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the planted server was started without its pipes")
    with process.stdin as stdin:
        stdin.write(orjson.dumps(config))
    return process.stdout.readline().decode().strip()


def _config(arguments: argparse.Namespace) -> Config:
    """The configuration file (or standard input), with the options put over it."""
    text = b"{}"
    if arguments.config == "-":
        text = sys.stdin.buffer.read()
    elif arguments.config:
        text = Path(arguments.config).read_bytes()
    raw = orjson.loads(text)
    given = {f.name: getattr(arguments, f.name, None) for f in fields(Config)}
    raw |= {name: value for name, value in given.items() if value is not None}
    if arguments.traits:
        raw["traits"] = _traits(arguments.traits)
    if arguments.faults:
        raw["faults"] = _shares(arguments.faults)
    if not raw.get("traits"):
        raise ValueError("no traits; give --traits word,word,... or the name or file of a set")
    return Config.from_json(orjson.dumps(raw))


def _traits(text: str) -> Sequence[str]:
    """Words with commas between them, or a trait set by its name or file."""
    if "," in text:
        return text.split(",")
    from ethogram.stimuli.traits import load_traits  # only here: the server itself needs no package

    return load_traits(text).names


def _shares(text: str) -> dict[str, float]:
    """`kind=share,kind=share`; a share left out is 0.02."""
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {kind: float(share or 0.02) for kind, _, share in pairs}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests.planted.server", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--config", help="JSON file with the keys of Config; - is standard input")
    parser.add_argument("--traits", help="word,word,... or a set by name or file")
    parser.add_argument("--faults", help=f"KIND=SHARE,...; kinds: {' '.join(KINDS)}")
    for name in ("seed", "reply_chars", "passes_after"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    for name in ("latency_ms", "latency_sigma", "rate", "lifetime"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float)
    parser.add_argument("--api-key")
    parser.add_argument("--resample", action="store_true", default=None)
    return parser


def main() -> None:
    """Run the server until it is stopped."""
    arguments = _parser().parse_args()
    try:
        config = _config(arguments)
        Mix(config.faults)
    except (OSError, TypeError, ValueError) as error:
        raise SystemExit(f"tests.planted.server: {error}") from None
    asyncio.run(run(config, arguments.port))


if __name__ == "__main__":
    main()
