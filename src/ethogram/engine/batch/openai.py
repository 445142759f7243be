"""OpenAI's batches, and those made after them: a file is uploaded, a batch names it.

OpenAI, Together and Mistral differ in names; each is a subclass of a few lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ethogram.engine.batch.api import Api, ServiceError
from ethogram.engine.batch.lines import bare_line, openai_line
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
    is_older,
    phase_of,
)
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request

MARK = "ethogram"  # the key in a batch's metadata
FULL = "token_limit_exceeded"  # more is enqueued than the account may
BARE = 20  # batches without metadata whose files are looked at

_STATES = {
    "completed": Phase.ENDED,
    "failed": Phase.REFUSED,
    "expired": Phase.CUT,
    "cancelled": Phase.CUT,
    "canceled": Phase.CUT,
}


class OpenAiWire:
    """OpenAI's own, and gateways that speak it."""

    states: Mapping[str, Phase] = _STATES
    batches = "batches"
    purpose = "batch"

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a line of the input file."""
        return openai_line(name, request)

    def frame(self, load: Load) -> tuple[bytes, bytes, bytes]:
        """Return the frame of JSON lines."""
        return JSONL

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Return none: the key goes as it does live."""
        return {}

    def base_url(self, endpoint: Endpoint) -> str:
        """Return "": its batches are at the endpoint's own address."""
        return ""

    async def create(self, api: Api, load: Load) -> str:
        """Upload the lines, then name them in a batch; a file that no batch names costs nothing."""
        try:
            sent = await api.upload(
                "files",
                load.file,
                name=f"{load.fingerprint}.jsonl",
                fields={"purpose": self.purpose},
            )
        except ServiceError as error:
            error.acted = False
            raise
        made = await api.call("POST", self.batches, self.order(id_in(sent), load))
        return id_in(self.made(made))

    def order(self, file: str, load: Load) -> dict[str, Any]:
        """Return what creates a batch."""
        return {
            "input_file_id": file,
            "endpoint": f"/v1/{load.path}",
            "completion_window": "24h",
            "metadata": {MARK: load.fingerprint},
        }

    def made(self, answer: Any) -> Any:
        """Return the batch in the answer to its creation."""
        return answer

    async def find(self, api: Api, search: Search) -> Sequence[str]:
        """Look through the metadata of the newest batches.

        A gateway may lose metadata: unless one of ours bears its mark there, a batch without any
        is told by the name of its file.
        """
        bare, keeps = [], False
        async for batch in self._listed(api, search):
            mark = batch.get("metadata")
            if isinstance(mark, dict) and mark.get(MARK) == search.fingerprint:
                return [id_in(batch)]
            keeps = keeps or (isinstance(mark, dict) and MARK in mark)
            if not mark and batch.get("id") not in search.known:
                bare.append(batch)
        if keeps:
            return []
        for batch in bare[:BARE]:
            if await self._names(api, batch) == f"{search.fingerprint}.jsonl":
                return [id_in(batch)]
        if len(bare) > BARE:
            raise CannotSay
        return []

    async def _names(self, api: Api, batch: dict[str, Any]) -> str:
        """Return the name of the file that a batch was made of.

        Raises
        ------
        CannotSay
            The service does not know it any more.
        """
        file = await api.ask(f"files/{id_in(batch, 'input_file_id')}", patience=60)
        name = file.get("filename") if isinstance(file, dict) else None
        if not isinstance(name, str) or not name:
            raise CannotSay
        return name

    async def _listed(self, api: Api, search: Search) -> AsyncIterator[dict[str, Any]]:
        """Yield the batches that are not older than a reservation."""
        after = ""
        for _ in range(PAGES):
            query = {"limit": "100", **({"after": after} if after else {})}
            page = await api.ask(self.batches, patience=60, params=query)
            batches = page.get("data") if isinstance(page, dict) else None
            if not isinstance(batches, list):
                raise CannotSay
            for batch in batches:
                if is_older(batch.get("created_at"), search):
                    return
                yield batch
            if not page.get("has_more") or not batches:
                return
            after = id_in(batches[-1])
        raise CannotSay  # there are more than anyone can look through

    async def poll(self, api: Api, handle: str) -> Progress:
        """Read the batch."""
        return self.progress(await api.call("GET", f"{self.batches}/{handle}"))

    def progress(self, batch: dict[str, Any]) -> Progress:
        """Read how far a batch is; it may have both an output and an error file, or neither."""
        counts = batch.get("request_counts") or {}
        files = (batch.get("output_file_id"), batch.get("error_file_id"))
        reason, codes = _errors(batch.get("errors") or batch.get("error"))
        phase = phase_of(batch.get("status"), self.states)
        sources = tuple(str(file) for file in files if file)
        if phase is Phase.REFUSED and sources:
            phase = Phase.CUT  # it failed midway: what was done is there
        return Progress(
            phase,
            str(batch.get("status", "")).lower(),
            count(counts.get("completed")),
            count(counts.get("total")),
            sources,
            reason,
            full=FULL in codes,
        )

    async def results(self, api: Api, handle: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the lines of the output file, then those of the error file."""
        for file in progress.sources:
            async for line in api.lines(f"files/{file}/content"):
                yield line

    async def cancel(self, api: Api, handle: str) -> None:
        """Cancel it; what is done is kept, and is paid for."""
        await api.call("POST", f"{self.batches}/{handle}/cancel")


def _errors(errors: Any) -> tuple[str, frozenset[str]]:
    """Return what a batch says went wrong, and the codes of it."""
    if isinstance(errors, str):
        return errors, frozenset()
    listed = errors.get("data") if isinstance(errors, dict) else errors
    if not isinstance(listed, list):
        listed = [errors] if isinstance(errors, dict) else []
    found = [one if isinstance(one, dict) else {"message": str(one)} for one in listed]
    said = [
        f"{one.get('message') or one.get('code')}"
        + (f" (line {one['line']})" if one.get("line") else "")
        for one in found[:3]
    ]
    return "; ".join(said), frozenset(str(one.get("code")) for one in found)


class TogetherWire(OpenAiWire):
    """Together: words of its own around the same steps; a batch is known by its file's name."""

    purpose = "batch-api"

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a line, whose address is the batch's."""
        return bare_line(name, request)

    def order(self, file: str, load: Load) -> dict[str, Any]:
        """Return what creates a batch: it takes no metadata."""
        order = super().order(file, load)
        del order["metadata"]
        return order

    def made(self, answer: Any) -> Any:
        """Return the batch, which is wrapped only here."""
        job = answer.get("job") if isinstance(answer, dict) else None
        return job if isinstance(job, dict) else answer

    async def find(self, api: Api, search: Search) -> Sequence[str]:
        """Look for the file of this name, then for a batch of it."""
        files = _listed_of(await api.ask("files", patience=60))
        if files and not any(file.get("filename") for file in files):
            raise CannotSay
        ours = {
            str(file.get("id"))
            for file in files
            if str(file.get("filename", "")).startswith(search.fingerprint)
        }
        for batch in _listed_of(await api.ask(self.batches, patience=60)):
            if str(batch.get("input_file_id")) in ours:
                return [id_in(batch)]
        return []


def _listed_of(page: Any) -> list[dict[str, Any]]:
    """Return the entries of a list, bare or wrapped."""
    entries = page.get("data") if isinstance(page, dict) else page
    if not isinstance(entries, list):
        raise CannotSay
    return [entry for entry in entries if isinstance(entry, dict)]


class MistralWire(OpenAiWire):
    """Mistral: jobs in place of batches, in capitals."""

    batches = "batch/jobs"
    states: Mapping[str, Phase] = {
        "success": Phase.ENDED,
        "failed": Phase.REFUSED,
        "timeout_exceeded": Phase.CUT,
        "cancelled": Phase.CUT,
    }

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a line, whose address is the job's."""
        return bare_line(name, request)

    def order(self, file: str, load: Load) -> dict[str, Any]:
        """Return what creates a job."""
        return {
            "input_files": [file],
            "model": load.model,
            "endpoint": f"/v1/{load.path}",
            "metadata": {MARK: load.fingerprint},
            "timeout_hours": 24,
        }

    async def _listed(self, api: Api, search: Search) -> AsyncIterator[dict[str, Any]]:
        """Yield the newest jobs, page by page."""
        for number in range(PAGES):
            query = {"page": str(number), "page_size": "100", "order_by": "-created"}
            jobs = _listed_of(await api.ask(self.batches, patience=60, params=query))
            for job in jobs:
                if is_older(job.get("created_at"), search):
                    return
                yield job
            if len(jobs) < 100:
                return
        raise CannotSay  # as above

    async def _names(self, api: Api, batch: dict[str, Any]) -> str:
        """Return the name of the file that a job was made of."""
        files = batch.get("input_files") or [None]
        return await super()._names(api, {"input_file_id": files[0]})

    def progress(self, batch: dict[str, Any]) -> Progress:
        """Read how far a job is."""
        counted = {
            "completed": batch.get("completed_requests"),
            "total": batch.get("total_requests"),
        }
        files = {
            "output_file_id": batch.get("output_file"),
            "error_file_id": batch.get("error_file"),
        }
        return super().progress({**batch, **files, "request_counts": counted})
