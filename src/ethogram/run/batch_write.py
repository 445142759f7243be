"""Writing what is pending as OpenAI's batch files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson

from ethogram.engine.batch.book import FILES, State
from ethogram.engine.batch.lines import openai_line
from ethogram.engine.caller import Ledger
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request, request_id
from ethogram.engine.transport import LeftPending, Response, Transport
from ethogram.errors import InputError
from ethogram.run.batch_files import FileTransport, FileTransports
from ethogram.run.transports import Key, owner
from ethogram.store.writer import Writer

LINES, BYTES = 50_000, 200_000_000  # of one file: what OpenAI takes


@dataclass
class _File:
    """The file that one owner's requests are written to."""

    key: Key
    service: str
    lines: list[tuple[str, bytes]] = field(default_factory=list)
    content: list[bytes] = field(default_factory=list)
    size: int = 0


class WriteTransports(FileTransports):
    """Writes what is pending as OpenAI's batch files, one per stage and model or judge.

    Parameters
    ----------
    folder, store : Path
    prepare : callable
        Makes the folder ready, before the first file is written to it.
    again : bool
        Also write what was written before and has no answer.

    Attributes
    ----------
    written : mapping of path to lines
    before : mapping of folder to lines
        What was left out because it was written before.
    """

    def __init__(
        self, folder: Path, store: Path, prepare: Callable[[], None], *, again: bool = False
    ) -> None:
        super().__init__(folder, store)
        self._prepare = prepare
        self._again = again
        self._files: list[_File] = []
        self._elsewhere: dict[str, str] = {}
        self._seen: set[str] = set()
        self.written: dict[Path, int] = {}
        self.before: dict[str, int] = {}

    def open(self, endpoints: Mapping[Key, Endpoint], ledger: Ledger) -> None:
        """Learn which requests are in other files, or at a service."""
        for batch, pending in self._book.open_batches():
            if batch.path == FILES:
                there = batch.state == State.WRITTEN or Path(batch.handle).exists()
                if self._again or not there:  # a crash left it without its file
                    self._book.change(batch.id, State.RELEASED)
                    continue
                place = str(Path(batch.handle).parent)
            else:
                place = f"batch {batch.id} at {batch.service}"
            self._elsewhere |= dict.fromkeys(pending, place)

    async def make(
        self, key: Key, endpoint: Endpoint, session: aiohttp.ClientSession, writer: Writer
    ) -> Transport:
        """Return what writes a model's or judge's requests."""
        file = _File(key, endpoint.service)
        self._files.append(file)
        return _Writing(self, file)

    def add(self, file: _File, request: Request) -> None:
        """Write a request down, unless it is written somewhere."""
        canonical = request.canonical()
        name = request_id(canonical)
        if name in self._seen:
            return
        self._seen.add(name)
        if (place := self._elsewhere.get(name)) is not None:
            self.before[place] = self.before.get(place, 0) + 1
            return
        line = orjson.dumps(openai_line(name, request)) + b"\n"
        if len(file.lines) >= LINES or file.size + len(line) > BYTES:
            self._finish(file)
        file.lines.append((name, canonical))
        file.content.append(line)
        file.size += len(line)

    async def close(self) -> None:
        """Write the last files."""
        for file in self._files:
            if file.lines:
                self._finish(file)

    def _finish(self, file: _File) -> None:
        """Write a file: under another name, noted in the store, then under its own."""
        path = self._free_name(file.key)
        partial = path.with_suffix(".partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self.written:
                self._prepare()
            with partial.open("wb") as out:
                out.writelines(file.content)
            batch = self._book.reserve(
                file.lines,
                owner=owner(file.key),
                service=file.service,
                path=FILES,
                worst=0.0,
                handle=str(path.resolve()),
            )
            partial.replace(path)
            self._book.change(batch.id, State.WRITTEN)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        self.written[path] = len(file.lines)
        file.lines, file.content, file.size = [], [], 0

    def _free_name(self, key: Key) -> Path:
        """Return a name that no file has: what was written before may be under way."""
        stem = "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in k) for k in key)
        number = 1
        while (path := self._folder / f"{stem}-{number}.jsonl").exists():
            number += 1
        return path


class _Writing(FileTransport):
    def __init__(self, files: WriteTransports, file: _File) -> None:
        self._files = files
        self._file = file

    async def send(self, request: Request) -> Response:
        """Write a request down; its row stays pending."""
        self._files.add(self._file, request)
        raise LeftPending
