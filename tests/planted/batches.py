"""A planted batch server: the batches of six services, their faults, and a ledger of what is paid.

::

    with serve_batches(Plan(traits=(...), faults={"lost_create": 0.3})) as server:
        study_text(server.url("openai"), ...)
        assert server.ledger()["paid_twice"] == 0

Loopback only, its own process; it lives on while clients are killed. Answers are those of
`tests.planted.answers`, equal to the live server's for equal requests and seeds. Each batch draws
its faults from its number and the seed:

    lost_create    the batch is made, and the connection closes without an answer
    no_create      the connection closes, and nothing was made
    refused        taken at first, refused in validation
    full           taken at first, refused because too much is enqueued
    expired        ended before the last third of its lines was asked
    flap           its state goes forth and back once
    unknown        404 at the first look
    duplicate      every seventh line comes twice
    missing        every fortieth line does not come
    errors         every thirtieth line fails, once
    vanish         its results are gone
    no_id          the answer to its creation has no id
    html           the answer to its creation is a page of HTML
    strange        its state is a word that nobody knows, for ever
    upper          names of lines come back in capitals
    error_first    every seventh line comes as a failure first, and then well
    foreign        another study's lines are among its results
    cut            its results end after half of the lines, the first time
    bare           its metadata is lost
    denied         401 at its results, the first time
    unlisted       not on the first list that is asked for after it was made
    late           ended, and its results are not there yet when they are first read
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from tests.planted.answers import JudgePlan, ModelPlan, World

ROOT = Path(__file__).resolve().parents[2]
ALL_OR_NOTHING = ("openrouter", "gemini")  # what expires there leaves no results
SERVICES = ("openai", "together", "mistral", "openrouter", "anthropic", "gemini")


@dataclass(frozen=True)
class Plan:
    """All that the server can be told.

    Attributes
    ----------
    traits : sequence of str
    seed : int
    models, judges : mapping of name to plan
    seconds, first_seconds : float
        From a batch's creation to its end; of the first one, where that is another.
    faults : mapping of fault to share of batches
    poll_429 : float
        Share of looks that are answered with 429.
    create_seconds : float
        From a batch's creation to the answer that says so.
    most : int
        Lines of a batch at most; more are refused at once.
    lists : bool
        Whether batches can be listed.
    lifetime : float
        Seconds after which it stops by itself.
    """

    traits: Sequence[str]
    seed: int = 0
    models: Mapping[str, ModelPlan] = field(default_factory=dict)
    judges: Mapping[str, JudgePlan] = field(default_factory=dict)
    seconds: float = 0.3
    first_seconds: float | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    fault_seed: int = 0
    poll_429: float = 0.0
    create_seconds: float = 0.0
    most: int = 50_000
    lists: bool = True
    lifetime: float = 900.0


@dataclass
class Batch:
    """A batch at the service."""

    id: str
    number: int
    service: str
    lines: list[dict[str, Any]]  # {"custom_id", "model", "body"}, the body as a live call has it
    mark: dict[str, Any]
    created: float
    faults: set[str]
    looks: int = 0
    cancelled: bool = False
    results: list[dict[str, Any]] | None = None


class Server:
    """State and behaviour; what each service calls things is in `Routes`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = World(plan.traits, plan.seed, plan.models, plan.judges, 300)
        self.seed = str(plan.seed).encode()[:64]
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.paid: Counter[str] = Counter()  # by request, answers that are charged
        self.failed_once: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.random = random.Random(plan.seed)

    def draw(self, number: int, service: str = "") -> set[str]:
        """Return the faults of a batch."""
        rng = random.Random(f"{self.plan.fault_seed}/{number}")
        found = {kind for kind, share in self.plan.faults.items() if rng.random() < share}
        return found if service in ("openai", "gemini") else found - {"full"}  # others have no code

    def make(self, service: str, lines: list[dict[str, Any]], mark: dict[str, Any]) -> Batch:
        """Make a batch."""
        number = len(self.batches) + 1
        batch = Batch(
            f"batch_{service}_{number}",
            number,
            service,
            lines,
            mark,
            time.time(),
            self.draw(number, service),
        )
        self.batches[batch.id] = batch
        self.counts["batches"] += 1
        return batch

    def state(self, batch: Batch) -> str:
        """Return waiting, ended, expired, cancelled or refused; answers are made at the end."""
        age = time.time() - batch.created
        if "refused" in batch.faults or "full" in batch.faults:
            return "refused" if age > self.plan.seconds / 3 else "waiting"
        first = self.plan.first_seconds
        seconds = self.plan.seconds if first is None or batch.number > 1 else first
        if age < seconds and not batch.cancelled:
            return "waiting"
        if batch.results is None:
            batch.results = self.work(batch)
        if "flap" in batch.faults and batch.looks % 3 == 1:
            return "waiting"
        if batch.cancelled:
            return "cancelled"
        return "expired" if "expired" in batch.faults else "ended"

    def work(self, batch: Batch) -> list[dict[str, Any]]:
        """Answer the lines: {"custom_id", "http", "body"}; http 0 was never asked."""
        cut = len(batch.lines)
        if batch.cancelled or "expired" in batch.faults:
            cut = 0 if batch.service in ALL_OR_NOTHING else cut * 2 // 3
        found = []
        for place, line in enumerate(batch.lines):
            name = line["custom_id"]
            if place >= cut:
                found.append({"custom_id": name, "http": 0, "body": None})
            elif "errors" in batch.faults and place % 30 == 7 and name not in self.failed_once:
                self.failed_once.add(name)
                error = {"message": "The server had an error.", "type": "server_error"}
                found.append({"custom_id": name, "http": 500, "body": {"error": error}})
            else:
                self.paid[name] += 1
                found.append({"custom_id": name, "http": 200, "body": self.answer(line["body"])})
        return found

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer as the live server does."""
        canonical = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
        digest = blake2b(canonical, key=self.seed, digest_size=16).digest()
        if "prompt" in request:
            said = self.world.next_word(request, request["model"], digest)
            choice = {"text": said.text, "logprobs": said.logprobs, "finish_reason": "length"}
            usage = {"prompt_tokens": 100, "completion_tokens": 1}
            return {"model": request["model"], "choices": [choice], "usage": usage}
        said = self.world.answer(request, request["model"], digest)
        return {
            "id": digest.hex(),
            "model": request["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": said.text},
                    "finish_reason": "stop",
                    **({"logprobs": said.logprobs} if said.logprobs else {}),
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50},
        }

    def sent(self, batch: Batch) -> list[dict[str, Any]]:
        """Return the results as they are sent: out of order, some twice, some not at all."""
        assert batch.results is not None
        lines = list(batch.results)
        if "missing" in batch.faults:
            gone = lines[11::40]
            for line in gone:  # nobody is charged for what does not come
                self.paid[line["custom_id"]] -= line["http"] == 200 and not batch.mark.get("gone")
            batch.mark["gone"] = True
            lines = [line for line in lines if line not in gone]
        random.Random(batch.number).shuffle(lines)
        if "duplicate" in batch.faults:
            lines += lines[::7]
        if "error_first" in batch.faults:
            error = {"error": {"message": "tried again", "type": "server_error"}}
            lines[:0] = [{**line, "http": 500, "body": error} for line in lines[::7]]
        if "foreign" in batch.faults:
            lines[:0] = [
                {**line, "custom_id": f"b2-{place:064x}"[:64]}
                for place, line in enumerate(lines[:5])
            ]
        if "upper" in batch.faults:
            lines = [{**line, "custom_id": line["custom_id"].upper()} for line in lines]
        if "cut" in batch.faults and self.first(batch, "cut"):
            lines = lines[: len(lines) // 2]
        return lines

    def first(self, batch: Batch, what: str) -> bool:
        """Whether something happens to a batch for the first time."""
        return self.count(batch, what) == 1

    def count(self, batch: Batch, what: str) -> int:
        """Return how often something has happened to a batch by now."""
        self.counts[f"{what} {batch.id}"] += 1
        return self.counts[f"{what} {batch.id}"]

    def ledger(self) -> dict[str, Any]:
        """Return what was paid, and how often batches were made."""
        return {
            "paid": sum(self.paid.values()),
            "requests": sum(n > 0 for n in self.paid.values()),
            "paid_twice": sum(n > 1 for n in self.paid.values()),
            "batches": self.counts["batches"],
            "lines": [len(batch.lines) for batch in self.batches.values()],
            "looks": sum(batch.looks for batch in self.batches.values()),
            "faults": dict(Counter(f for batch in self.batches.values() for f in batch.faults)),
        }


class Lost(Exception):
    """The connection closes without an answer."""


class Routes:
    """What the services call things."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=1 << 29, middlewares=[_lose])
        add = app.router.add_route
        for service, batches in (
            ("openai", "batches"),
            ("together", "batches"),
            ("mistral", "batch/jobs"),
        ):
            root = f"/{service}/v1"
            add("POST", f"{root}/files", self.upload)
            add("GET", f"{root}/files", self.list_files)
            add("GET", root + "/files/{file}", self.show_file)
            add("GET", root + "/files/{file}/content", self.download)
            add("POST", f"{root}/{batches}", self.create_from_file)
            add("GET", f"{root}/{batches}", self.list_batches)
            add("GET", f"{root}/{batches}" + "/{batch}", self.look)
            add("POST", f"{root}/{batches}" + "/{batch}/cancel", self.cancel)
        add("POST", "/openai/v1/chat/completions", self.live)
        for service, batches in (("openrouter", "batches"), ("anthropic", "messages/batches")):
            root = f"/{service}/v1/{batches}"
            add("POST", root, self.create_inline)
            add("GET", root, self.list_batches)
            add("GET", root + "/{batch}", self.look)
            add("GET", root + "/{batch}/results", self.results)
            add("POST", root + "/{batch}/cancel", self.cancel)
        root = "/gemini/v1beta"
        add("POST", "/upload/gemini/v1beta/files", self.upload_google)
        add("POST", root + "/models/{model}", self.create_google)
        add("GET", f"{root}/batches", self.list_batches)
        add("GET", root + "/batches/{batch}", self.look)
        add("POST", root + "/batches/{batch}", self.cancel)
        add("GET", "/download/gemini/v1beta/files/{file}", self.download)
        add("GET", "/ledger", self.ledger)
        return app

    async def ledger(self, request: web.Request) -> web.Response:
        """Say what was paid."""
        return _json(self.server.ledger())

    async def live(self, request: web.Request) -> web.Response:
        """Answer a live call; it is paid for under its content."""
        body = await request.json()
        self.server.paid[str(body)] += 1
        return _json(self.server.answer(body))

    # -- files ---------------------------------------------------------------------------------

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file; its lines are not read before validation."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        wanted = "batch-api" if _service(request) == "together" else "batch"
        if form.get("purpose") != wanted:
            return _error(400, f"purpose must be {wanted}")
        name = f"file-{len(self.server.files) + 1}"
        self.server.files[name] = (file.filename, file.file.read())
        return _json({"id": name, "object": "file", "filename": file.filename})

    async def upload_google(self, request: web.Request) -> web.Response:
        """Take a file in one piece."""
        name = f"files/{len(self.server.files) + 1}"
        self.server.files[name] = ("", await request.read())
        return _json({"file": {"name": name}})

    async def list_files(self, request: web.Request) -> web.Response:
        """List files by name."""
        files = [{"id": k, "filename": name} for k, (name, _) in self.server.files.items()]
        return _json({"data": files})

    async def show_file(self, request: web.Request) -> web.Response:
        """Show a file's name."""
        name = request.match_info["file"]
        if name not in self.server.files:
            return _error(404, "No such File object")
        return _json({"id": name, "filename": self.server.files[name][0]})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Send the results of a batch."""
        name = request.match_info["file"].removesuffix(":download")
        kind, _, number = name.rpartition("-")
        batch = self.server.batches.get(number)
        if batch is None or "vanish" in batch.faults:
            return _error(404, "No such File object")
        if "denied" in batch.faults and self.server.first(batch, "denied"):
            return _error(401, "Incorrect API key provided")
        service = _service(request)
        lines = self.server.sent(batch)
        if service != "gemini":  # answers in one file, everything else in the other
            lines = [line for line in lines if (line["http"] == 200) == (kind == "out")]
        return await _stream(request, [_line(service, line) for line in lines])

    # -- creation ------------------------------------------------------------------------------

    async def create_from_file(self, request: web.Request) -> web.Response:
        """Make a batch of an uploaded file."""
        order = await request.json()
        service = _service(request)
        named = order["input_files"][0] if service == "mistral" else order["input_file_id"]
        content = self.server.files[named][1]
        read = [orjson.loads(line) for line in content.splitlines()]
        lines = [
            {"custom_id": line["custom_id"], "body": {**_model(order), **line["body"]}}
            for line in read
        ]
        if service == "openai" and any(
            (line.get("method"), line.get("url")) != ("POST", order["endpoint"]) for line in read
        ):
            return _error(400, "a line of another address")
        mark = {"metadata": order.get("metadata"), "file": named}
        return await self._created(request, lines, mark)

    async def create_inline(self, request: web.Request) -> web.Response:
        """Make a batch of the requests in the call."""
        raw = await request.read()
        order = orjson.loads(raw)
        if _service(request) == "anthropic":
            if (
                request.headers.get("x-api-key") is None
                or "anthropic-version" not in request.headers
            ):
                return _error(401, "x-api-key header is required")
            lines = [
                {"custom_id": one["custom_id"], "body": _from_anthropic(one["params"])}
                for one in order["requests"]
            ]
        else:
            head = raw[: raw.index(b'"requests"')]
            if b'"model"' not in head or b'"endpoint"' not in head:
                return _error(400, "model and endpoint must come before requests")
            lines = [
                {"custom_id": one["custom_id"], "body": {"model": order["model"], **one["body"]}}
                for one in order["requests"]
            ]
        return await self._created(request, lines, {"model": order.get("model")})

    async def create_google(self, request: web.Request) -> web.Response:
        """Make a batch of an uploaded file."""
        order = (await request.json())["batch"]
        content = self.server.files[order["input_config"]["file_name"]][1]
        model = request.match_info["model"].removesuffix(":batchGenerateContent")
        lines = [
            {"custom_id": line["key"], "body": _from_google(line["request"], model)}
            for line in map(orjson.loads, content.splitlines())
        ]
        return await self._created(request, lines, {"name": order["display_name"]})

    async def _created(
        self, request: web.Request, lines: list[dict[str, Any]], mark: dict[str, Any]
    ) -> web.Response:
        """Make a batch, unless the connection is lost first; it may be lost after."""
        if len(lines) > self.server.plan.most:
            return _error(413, "too many requests in this batch")
        names = [line["custom_id"] for line in lines]
        if len({*names}) != len(names) or any(len(name) > 64 or ":" in name for name in names):
            return _error(400, "custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'")
        if "no_create" in self.server.draw(-1 - self.server.counts["asked"]):
            self.server.counts["asked"] += 1
            raise Lost
        self.server.counts["asked"] += 1
        batch = self.server.make(_service(request), lines, mark)
        await asyncio.sleep(self.server.plan.create_seconds)
        if "lost_create" in batch.faults:
            raise Lost
        if "html" in batch.faults:
            return web.Response(text="<html>Just a moment</html>", content_type="text/html")
        shown = _shown(batch, self.server)
        if "no_id" in batch.faults:
            shown.pop("id")
            shown["name"] = None
        if batch.service == "together":
            shown = {"job": shown, "warning": ""}
        return _json(shown, 202 if batch.service == "openrouter" else 200)

    # -- looking -------------------------------------------------------------------------------

    async def list_batches(self, request: web.Request) -> web.Response:
        """List the newest batches of a service."""
        if not self.server.plan.lists:
            return _error(404, "Not Found")
        service = _service(request)
        found = [
            batch
            for batch in self.server.batches.values()
            if batch.service == service
            and not ("unlisted" in batch.faults and self.server.first(batch, "unlisted"))
        ][::-1]
        shown = [_shown(batch, self.server) for batch in found]
        for one in shown:
            one.pop("results", None)
        if service == "together":
            return _json(shown)
        if service == "gemini":
            return _json({"operations": shown})
        size = int(request.query.get("limit") or request.query.get("page_size") or 20)
        after = request.query.get("after") or request.query.get("after_id")
        start = next((i + 1 for i, one in enumerate(shown) if one["id"] == after), 0)
        start += int(request.query.get("page", 0)) * size
        page = shown[start : start + size]
        return _json({"data": page, "has_more": start + size < len(shown)})

    async def look(self, request: web.Request) -> web.Response:
        """Show a batch."""
        server = self.server
        batch = server.batches.get(request.match_info["batch"])
        if batch is None:
            return _error(404, "no such batch")
        batch.looks += 1
        if server.random.random() < server.plan.poll_429:
            return web.json_response(
                {"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.05"}
            )
        if "unknown" in batch.faults and batch.looks == 1:
            return _error(404, "no such batch yet")
        return _json(_shown(batch, server))

    async def results(self, request: web.Request) -> web.StreamResponse:
        """Send the results of a batch as lines."""
        batch = self.server.batches[request.match_info["batch"]]
        if batch.results is None or "vanish" in batch.faults:
            return _error(404, "no results")
        lines = [_line(batch.service, line) for line in self.server.sent(batch)]
        return await _stream(request, lines)

    async def cancel(self, request: web.Request) -> web.Response:
        """End a batch early."""
        batch = self.server.batches[request.match_info["batch"].removesuffix(":cancel")]
        batch.cancelled = True
        return _json(_shown(batch, self.server))


@web.middleware
async def _lose(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except Lost:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


def _service(request: web.Request) -> str:
    parts = request.path.strip("/").split("/")
    return parts[1] if parts[0] in ("upload", "download") else parts[0]


def _model(order: dict[str, Any]) -> dict[str, Any]:
    return {"model": order["model"]} if "model" in order else {}


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    return _json({"error": {"message": message, "type": "invalid_request_error"}}, status)


async def _stream(request: web.Request, lines: list[dict[str, Any]]) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for start in range(0, len(lines), 200):
        await answer.write(b"".join(orjson.dumps(x) + b"\n" for x in lines[start : start + 200]))
    await answer.write_eof()
    return answer


# -- words ------------------------------------------------------------------------------------

_WORDS = {
    "openai": ("in_progress", "completed", "expired", "cancelled", "failed"),
    "together": ("IN_PROGRESS", "COMPLETED", "EXPIRED", "CANCELLED", "FAILED"),
    "mistral": ("RUNNING", "SUCCESS", "TIMEOUT_EXCEEDED", "CANCELLED", "FAILED"),
    "openrouter": ("in_progress", "completed", "expired", "cancelled", "failed"),
    "anthropic": ("in_progress", "ended", "ended", "ended", "ended"),
    "gemini": (
        "BATCH_STATE_RUNNING",
        "BATCH_STATE_SUCCEEDED",
        "BATCH_STATE_EXPIRED",
        "BATCH_STATE_CANCELLED",
        "BATCH_STATE_FAILED",
    ),
}
_STATES = ("waiting", "ended", "expired", "cancelled", "refused")


def _shown(batch: Batch, server: Server) -> dict[str, Any]:
    """Return a batch as its service shows it."""
    state = server.state(batch)
    word = _WORDS[batch.service][_STATES.index(state)]
    if "strange" in batch.faults:
        state, word = "waiting", "on_hold_by_owner"
    done = sum(line["http"] == 200 for line in batch.results or ())
    there = state in ("ended", "expired", "cancelled")
    error = (
        {
            "code": 8 if batch.service == "gemini" else "token_limit_exceeded",
            "message": "Enqueued token limit reached",
        }
        if "full" in batch.faults
        else {"code": "invalid", "message": "line 3 is not valid", "line": 3}
    )
    errors = {"data": [error]} if state == "refused" else None
    total = len(batch.lines)
    if batch.service == "anthropic":
        return {
            "id": batch.id,
            "processing_status": word,
            "created_at": _iso(batch.created),
            "request_counts": {
                "processing": 0 if there else total,
                "succeeded": done,
                "errored": total - done if there else 0,
                "canceled": 0,
                "expired": 0,
            },
            "results_url": f"/{batch.id}/results" if there else None,
        }
    if batch.service == "openrouter":  # the look that finds the end, and one at the results
        late = "late" in batch.faults and there and server.count(batch, "late") <= 2
        return {
            "results": [_line("openrouter", line) for line in server.sent(batch)]
            if state == "ended" and "vanish" not in batch.faults and not late
            else None,
            "id": batch.id,
            "status": word,
            "model": batch.mark["model"],
            "endpoint": "/v1/chat/completions",
            "created_at": batch.created,
            "request_counts": {"total": total, "completed": done, "failed": total - done},
            "error": {"message": error["message"]} if errors else None,
        }
    if batch.service == "gemini":
        stats = {"requestCount": str(total), "pendingRequestCount": "0" if there else str(total)}
        answer = {"responsesFile": f"files/all-{batch.id}"} if state == "ended" else None
        return {
            "name": f"batches/{batch.id}",
            "id": batch.id,
            "metadata": {"state": word, "displayName": batch.mark["name"], "batchStats": stats},
            "response": answer,
            "error": error if errors else None,
        }
    failing = there and done < total
    out, bad = f"out-{batch.id}", f"err-{batch.id}"
    shown: dict[str, Any] = {
        "id": batch.id,
        "status": word,
        "created_at": int(batch.created),
        "input_file_id": batch.mark["file"],
        "input_files": [batch.mark["file"]],
        "metadata": None if "bare" in batch.faults else batch.mark["metadata"],
        "errors": errors,
    }
    if batch.service == "mistral":
        files = {
            "output_file": out if there and done else None,
            "error_file": bad if failing else "",
        }
        return {**shown, **files, "total_requests": total, "completed_requests": done}
    files = {
        "output_file_id": out if there and done else None,
        "error_file_id": bad if failing else "",
    }
    counts = {"total": total, "completed": done, "failed": 0}
    return {**shown, **files, **({"request_counts": counts} if batch.service == "openai" else {})}


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + "+00:00"


def _line(service: str, line: dict[str, Any]) -> dict[str, Any]:
    """Return a result in a service's own words."""
    name, http, body = line["custom_id"], line["http"], line["body"]
    if service == "anthropic":
        return {"custom_id": name, "result": _to_anthropic(http, body)}
    if service == "gemini":
        if http != 200:
            return {"key": name, "error": {"code": 13, "message": "internal"}}
        return {"key": name, "response": _to_google(body)}
    if http == 0:
        error = {"code": "batch_expired", "message": "This request could not be executed in time."}
        return {"id": "x", "custom_id": name, "response": None, "error": error}
    if service == "together" and http != 200:
        return {"custom_id": name, "error": {**body["error"], "code": "server_error"}}
    if service == "openrouter" and http != 200:
        error = {**body["error"], "error_type": "server"}
        return {"id": "x", "custom_id": name, "response": None, "error": error}
    return {
        "id": "x",
        "custom_id": name,
        "response": {"status_code": http, "request_id": "r", "body": body},
        "error": None,
    }


def _from_anthropic(params: dict[str, Any]) -> dict[str, Any]:
    body = dict(params)
    system = body.pop("system", None)
    if system:
        body["messages"] = [{"role": "system", "content": system}, *body["messages"]]
    return body


def _to_anthropic(http: int, body: Any) -> dict[str, Any]:
    if http == 0:
        return {"type": "expired"}
    if http != 200:
        error = {"type": "api_error", "message": body["error"]["message"]}
        return {"type": "errored", "error": {"type": "error", "error": error}}
    message = {
        "id": body["id"],
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": body["choices"][0]["message"]["content"]}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 50},
    }
    return {"type": "succeeded", "message": message}


def _from_google(request: dict[str, Any], model: str) -> dict[str, Any]:
    messages = [
        {
            "role": {"model": "assistant"}.get(one["role"], "user"),
            "content": one["parts"][0]["text"],
        }
        for one in request["contents"]
    ]
    if "systemInstruction" in request:
        text = request["systemInstruction"]["parts"][0]["text"]
        messages.insert(0, {"role": "system", "content": text})
    config = request.get("generationConfig", {})
    if config.pop("responseLogprobs", None):
        config |= {"logprobs": True, "top_logprobs": config["logprobs"]}
    names = {"maxOutputTokens": "max_tokens", "topP": "top_p", "topK": "top_k"}
    params = {names.get(key, key): value for key, value in config.items()}
    return {"model": model, "messages": messages, **params}


def _to_google(body: dict[str, Any]) -> dict[str, Any]:
    text = body["choices"][0]["message"]["content"]
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
    if tokens := (body["choices"][0].get("logprobs") or {}).get("content"):
        candidate["logprobsResult"] = {
            "chosenCandidates": [_google_token(token) for token in tokens],
            "topCandidates": [
                {"candidates": [_google_token(one) for one in token["top_logprobs"]]}
                for token in tokens
            ],
        }
    return {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 50},
        "modelVersion": body["model"],
    }


def _google_token(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token["token"], "logProbability": token["logprob"]}


# -- the process ------------------------------------------------------------------------------


async def _run(plan: Plan) -> None:
    """Listen until the lifetime is over or the parent process is gone."""
    parent = os.getppid()
    runner = web.AppRunner(Routes(Server(plan)).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    end = time.monotonic() + plan.lifetime
    while time.monotonic() < end and os.getppid() == parent:
        await asyncio.sleep(0.3)
    await runner.cleanup()


@dataclass(frozen=True)
class Served:
    """A server that runs as a subprocess."""

    root: str

    def url(self, service: str) -> str:
        """Return where a service is."""
        return f"{self.root}/{service}/{'v1beta/openai' if service == 'gemini' else 'v1'}"

    def ledger(self) -> dict[str, Any]:
        """Return what was paid."""
        with urllib.request.urlopen(f"{self.root}/ledger", timeout=60) as reply:
            found: dict[str, Any] = orjson.loads(reply.read())
        return found


@contextmanager
def serve_batches(plan: Plan) -> Iterator[Served]:
    """Start the server in a process of its own and stop it at the end."""
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as file:
        file.write(orjson.dumps(asdict(plan)))
        file.flush()
        command = [sys.executable, "-m", "tests.planted.batches", file.name]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                yield Served(process.stdout.readline().decode().strip())
            finally:
                process.terminate()


def main() -> None:
    """Run the server until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("plan", type=Path, help="JSON file with the keys of Plan")
    raw = orjson.loads(parser.parse_args().plan.read_bytes())
    raw["models"] = {k: ModelPlan(**v) for k, v in raw["models"].items()}
    raw["judges"] = {k: JudgePlan(**v) for k, v in raw["judges"].items()}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(Plan(**raw)))


if __name__ == "__main__":
    main()
