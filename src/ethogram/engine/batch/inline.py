"""Batches whose requests stand in the call itself: OpenRouter's and Anthropic's.

Neither keeps a mark of ours. A batch that may have arrived is looked for by its size, model and
time; that it is ours is sure once its results bear our requests' names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from ethogram.engine.batch.api import Api
from ethogram.engine.batch.lines import anthropic_line, bare_line
from ethogram.engine.batch.wire import (
    PAGES,
    CannotSay,
    Load,
    Phase,
    Progress,
    Search,
    count,
    id_in,
    is_older,
    phase_of,
)
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request
from ethogram.errors import EndpointError

ROUTING = ("only", "allow_fallbacks")  # what OpenRouter's batches take of `provider`
_JSON = {"Content-Type": "application/json"}


class InlineWire:
    """What the two have in common."""

    batches: str
    counted = 1000  # batches in a page of the list

    async def create(self, api: Api, load: Load) -> str:
        """Send the requests; the answer names the batch."""
        return id_in(await api.send_file(self.batches, load.file, headers=_JSON))

    async def find(self, api: Api, search: Search) -> Sequence[str]:
        """Look for the batches that this could be."""
        return [
            id_in(batch) async for batch in self._listed(api, search) if self.fits(batch, search)
        ]

    def fits(self, batch: dict[str, Any], search: Search) -> bool:
        """Whether a batch could be the one that is looked for."""
        raise NotImplementedError

    def after(self, last: str) -> dict[str, str]:
        """Return the query for the next page of the list."""
        raise NotImplementedError

    async def _listed(self, api: Api, search: Search) -> AsyncIterator[dict[str, Any]]:
        """Yield the batches that are not accounted for and not older than a reservation."""
        query = {"limit": str(self.counted)}
        for _ in range(PAGES):
            page = await api.ask(self.batches, patience=60, params=query)
            batches = page.get("data") if isinstance(page, dict) else None
            if not isinstance(batches, list):
                raise CannotSay
            for batch in batches:
                if is_older(_seconds(batch.get("created_at")), search):
                    return
                if str(batch.get("id")) not in search.known:
                    yield batch
            if not page.get("has_more") or not batches:
                return
            query = {"limit": str(self.counted), **self.after(id_in(batches[-1]))}
        raise CannotSay  # there are more than anyone can look through


def _seconds(moment: Any) -> float | None:
    """Return a moment as seconds since 1970: a number, or ISO 8601."""
    if isinstance(moment, int | float):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None


class AnthropicWire(InlineWire):
    """Anthropic's Message Batches."""

    batches = "messages/batches"

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a request in Anthropic's own words."""
        if request.path != "chat/completions":
            raise EndpointError(
                f"{request.model}: Anthropic's batches take messages only, not {request.path}; "
                'use engine = "live", or another verdict'
            )
        if request.params.get("logprobs"):
            raise EndpointError(
                f"{request.model}: Anthropic gives no log-probabilities; use another verdict"
            )
        return anthropic_line(name, request)

    def frame(self, load: Load) -> tuple[bytes, bytes, bytes]:
        """Return the frame of a list of requests."""
        return b'{"requests":[', b",", b"]}"

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Return the key as Anthropic's own API wants it."""
        named = {name.lower() for name, _ in endpoint.own_headers}
        key = {} if "x-api-key" in named else {"x-api-key": endpoint.key}
        return {"Authorization": "", "anthropic-version": "2023-06-01", **key}

    def base_url(self, endpoint: Endpoint) -> str:
        """Return "": its batches are beside its chat completions."""
        return ""

    def after(self, last: str) -> dict[str, str]:
        """Return the query for the next page."""
        return {"after_id": last}

    def fits(self, batch: dict[str, Any], search: Search) -> bool:
        """Whether it has as many requests."""
        counts = batch.get("request_counts") or {}
        return sum(n for n in map(count, counts.values()) if n is not None) == search.lines

    async def poll(self, api: Api, handle: str) -> Progress:
        """Read the batch. It ends in one way only: its lines say which expired."""
        batch = await api.call("GET", f"{self.batches}/{handle}")
        counts = batch.get("request_counts") or {}
        numbers = {key: count(value) or 0 for key, value in counts.items()}
        phase = phase_of(batch.get("processing_status"), {"ended": Phase.ENDED})
        address = batch.get("results_url")
        if phase is Phase.ENDED and batch.get("archived_at"):
            address = None
        return Progress(
            phase,
            str(batch.get("processing_status", "")),
            sum(numbers.values()) - numbers.get("processing", 0),
            sum(numbers.values()),
            (str(address),) if address else (),
        )

    async def results(self, api: Api, handle: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the lines of the results."""
        async for line in api.lines(f"{self.batches}/{handle}/results"):
            yield line

    async def cancel(self, api: Api, handle: str) -> None:
        """Cancel it; what is done is kept, and is paid for."""
        await api.call("POST", f"{self.batches}/{handle}/cancel")


class OpenRouterWire(InlineWire):
    """OpenRouter's batches: one model, and results inside the batch."""

    batches = "batches"
    counted = 100
    states: Mapping[str, Phase] = {
        "completed": Phase.ENDED,
        "failed": Phase.REFUSED,
        "expired": Phase.CUT,
        "cancelled": Phase.CUT,
    }

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a request; its route is the batch's."""
        line = bare_line(name, request)
        line["body"].pop("provider", None)
        return line

    def frame(self, load: Load) -> tuple[bytes, bytes, bytes]:
        """Return what stands around the requests: all else must come before them."""
        head: dict[str, Any] = {
            "endpoint": f"/v1/{load.path}",
            "model": load.model,
            **({"provider": dict(load.route)} if load.route else {}),
            "completion_window": "24h",
        }
        return orjson.dumps(head)[:-1] + b',"requests":[', b",", b"]}"

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Return none; refuse a route that its batches would not take."""
        route = endpoint.params.get("provider") or {}
        if other := [key for key in route if key not in ROUTING]:
            raise EndpointError(
                f"{endpoint.name}: provider has {', '.join(other)}, but OpenRouter's batches take "
                f"{' and '.join(ROUTING)} only"
            )
        return {}

    def base_url(self, endpoint: Endpoint) -> str:
        """Return "": its batches are beside its chat completions."""
        return ""

    def after(self, last: str) -> dict[str, str]:
        """Return the query for the next page."""
        return {"after": last}

    def fits(self, batch: dict[str, Any], search: Search) -> bool:
        """Whether it has as many requests, to the same model at the same place."""
        total = count((batch.get("request_counts") or {}).get("total"))
        model = str(batch.get("model", "")).removesuffix(":batch")
        endpoint = str(batch.get("endpoint", f"/v1/{search.path}"))
        return (
            total == search.lines
            and model == search.model.removesuffix(":batch")
            and endpoint == f"/v1/{search.path}"
        )

    async def poll(self, api: Api, handle: str) -> Progress:
        """Read the batch without its results, which may be large."""
        batch = await api.scalars(f"{self.batches}/{handle}")
        said = batch.get("error.message") or batch.get("error")
        return Progress(
            phase_of(batch.get("status"), self.states),
            str(batch.get("status", "")),
            count(batch.get("request_counts.completed")),
            count(batch.get("request_counts.total")),
            (handle,),
            str(said) if said else "",
        )

    async def results(self, api: Api, handle: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the answers that stand in the batch, as it comes."""
        async for item in api.items(f"{self.batches}/{handle}", "results.item"):
            yield orjson.dumps(item)

    async def cancel(self, api: Api, handle: str) -> None:
        """Say that it cannot be."""
        raise EndpointError(f"OpenRouter's batches cannot be cancelled: {handle} runs to its end")
