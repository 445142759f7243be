"""The Gemini API's batches: a file is uploaded, a batch names it and bears a display name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from ethogram.engine.batch.api import Api, ServiceError
from ethogram.engine.batch.lines import google_line
from ethogram.engine.batch.wire import (
    JSONL,
    PAGES,
    CannotSay,
    Load,
    Phase,
    Progress,
    Search,
    count,
    id_in,
    phase_of,
)
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request
from ethogram.errors import EndpointError

RESOURCE_EXHAUSTED = 8  # of google.rpc.Code: more is enqueued than the account may
_STATES = {
    "succeeded": Phase.ENDED,
    "partially_succeeded": Phase.ENDED,
    "failed": Phase.REFUSED,
    "cancelled": Phase.CUT,
    "expired": Phase.CUT,
}


class GoogleWire:
    """Batches of the Gemini API itself; its OpenAI layer has no upload."""

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a request in the API's own words."""
        if request.path != "chat/completions":
            raise EndpointError(
                f"{request.model}: Gemini's batches take chats only, not {request.path}; "
                'use engine = "live", or another verdict'
            )
        return google_line(name, request)

    def frame(self, load: Load) -> tuple[bytes, bytes, bytes]:
        """Return the frame of JSON lines."""
        return JSONL

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Return the key as the API itself wants it."""
        return {"Authorization": "", "x-goog-api-key": endpoint.key}

    def base_url(self, endpoint: Endpoint) -> str:
        """Return the API's own address, above its OpenAI layer."""
        return endpoint.base_url.removesuffix("/openai")

    async def create(self, api: Api, load: Load) -> str:
        """Upload the lines, then name them in a batch; a file that no batch names costs nothing."""
        try:
            file = await self._upload(api, load)
        except ServiceError as error:
            error.acted = False
            raise
        order = {
            "batch": {
                "display_name": load.fingerprint,
                "input_config": {"file_name": file},
            }
        }
        path = f"models/{load.model.removeprefix('models/')}:batchGenerateContent"
        return id_in(await api.call("POST", path, order), "name")

    async def _upload(self, api: Api, load: Load) -> str:
        """Upload a file in one piece."""
        size = load.file.stat().st_size
        headers = {
            "X-Goog-Upload-Protocol": "raw",
            "X-Goog-Upload-File-Name": f"{load.fingerprint}.jsonl",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "Content-Type": "application/jsonl",
        }
        path = f"{_at(api.base_url, 'upload')}/files"
        sent = await api.send_file(path, load.file, headers=headers)
        return id_in(sent.get("file") if isinstance(sent, dict) else None, "name")

    async def find(self, api: Api, search: Search) -> Sequence[str]:
        """Look through the display names of the newest batches."""
        query = {"pageSize": "100"}
        for _ in range(PAGES):
            page = await api.ask("batches", patience=60, params=query)
            if not isinstance(page, dict):
                raise CannotSay
            for batch in page.get("operations") or page.get("batches") or []:
                said = batch.get("metadata") or batch
                if (said.get("displayName") or said.get("display_name")) == search.fingerprint:
                    return [id_in(batch, "name")]
            if not page.get("nextPageToken"):
                return []
            query = {"pageSize": "100", "pageToken": str(page["nextPageToken"])}
        raise CannotSay  # there are more than anyone can look through

    async def poll(self, api: Api, handle: str) -> Progress:
        """Read the operation; its counts are text, and its states have two prefixes."""
        operation = await api.call("GET", handle)
        said = operation.get("metadata") or operation
        word = str(said.get("state") or "").lower()
        word = word.removeprefix("job_state_").removeprefix("batch_state_")
        stats = said.get("batchStats") or {}
        answer = operation.get("response") or said.get("output") or operation.get("dest") or {}
        file = answer.get("responsesFile") or answer.get("fileName")
        error = operation.get("error") or said.get("error") or {}
        phase = phase_of(word, _STATES)
        if phase is Phase.REFUSED and file:
            phase = Phase.CUT
        if not word and operation.get("done"):
            phase = Phase.REFUSED if error and not file else Phase.ENDED
        total = _number(stats.get("requestCount"))
        left = _number(stats.get("pendingRequestCount"))
        return Progress(
            phase,
            word or "unknown",
            None if total is None or left is None else total - left,
            total,
            (str(file),) if file else (),
            str(error.get("message") or "") if isinstance(error, dict) else str(error),
            full=isinstance(error, dict) and error.get("code") == RESOURCE_EXHAUSTED,
        )

    async def results(self, api: Api, handle: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the lines of the file of answers."""
        for file in progress.sources:
            address = f"{_at(api.base_url, 'download')}/{file}:download?alt=media"
            async for line in api.lines(address):
                yield line

    async def cancel(self, api: Api, handle: str) -> None:
        """Ask for it to be ended."""
        await api.call("POST", f"{handle}:cancel", {})


def _at(base_url: str, what: str) -> str:
    """Return the address at which files go up or down: a folder before the version's."""
    parts = urlsplit(base_url)
    return parts._replace(path=f"/{what}{parts.path}").geturl()


def _number(value: Any) -> int | None:
    """Return a count that is said as text."""
    text = str(value)
    return int(text) if text.isdigit() else count(value)
