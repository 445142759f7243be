"""Reading answers from the files of a folder, whatever their names."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from ethogram.engine.batch.book import FILES, State
from ethogram.engine.batch.lines import read_line, unasked
from ethogram.engine.bodies import load_body
from ethogram.engine.caller import Ledger
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.reading import read_response
from ethogram.engine.requests import STOPPING, Request, request_id
from ethogram.engine.transport import LeftPending, Response, Transport
from ethogram.errors import InputError
from ethogram.run.batch_files import MANIFEST, FileTransport, FileTransports
from ethogram.run.transports import Key
from ethogram.store.writer import Writer

BOM, GZIP = b"\xef\xbb\xbf", b"\x1f\x8b"


class _Place(NamedTuple):
    """Where a line of an answer is, and whether it is one."""

    file: Path
    offset: int
    good: bool
    body: int


@dataclass
class Found:
    """What a folder of answers had.

    Attributes
    ----------
    files : int
    answers : int
        To requests that wait for one.
    others : int
        To requests that do not: answered before, or another study's.
    twice : int
        Lines that answer the same request in other words: the first one counts.
    unreadable : int
        Lines that are no JSON of an answer, as a file that was cut ends.
    """

    files: int = 0
    answers: int = 0
    others: int = 0
    twice: int = 0
    unreadable: int = 0


class ReadTransports(FileTransports):
    """Answers from the files of a folder.

    Parameters
    ----------
    folder, store : Path

    Attributes
    ----------
    found : Found

    Raises
    ------
    InputError
        There is no file of answers.
    """

    def __init__(self, folder: Path, store: Path) -> None:
        super().__init__(folder, store)
        self.found = Found()
        self._places: dict[str, _Place] = {}
        self._batches: dict[str, int] = {}
        self._inputs: set[Path] = set()
        self._unpacked = tempfile.TemporaryDirectory(prefix="ethogram-")

    def open(self, endpoints: Mapping[Key, Endpoint], ledger: Ledger) -> None:
        """Look through the files."""
        for batch, pending in self._book.open_batches():
            if batch.path == FILES:
                if batch.state == State.RESERVED:  # a crash came before the note
                    self._book.change(batch.id, State.WRITTEN)
                self._batches |= dict.fromkeys(pending, batch.id)
                self._inputs.add(Path(batch.handle).resolve())
        for path in _files(self._folder):
            if path.resolve() in self._inputs:
                continue
            try:
                self._read(self._unpack(path) if _is_packed(path) else path)
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        self.found.answers = len(self._places)
        if not self.found.files:
            raise InputError(
                f"{self._folder} has no answers: expected files of lines with custom_id and "
                "response, as `vllm run-batch -o` or OpenAI's output files"
            )

    def _unpack(self, path: Path) -> Path:
        """Unpack a file, as far as it is there."""
        plain = Path(self._unpacked.name) / f"{self.found.files}-{len(self._places)}-{path.stem}"
        with plain.open("wb") as out, path.open("rb") as packed, suppress(zlib.error):
            unpack = zlib.decompressobj(wbits=31)
            while part := packed.read(1 << 20):
                while part:
                    if unpack.eof:  # another one follows in the same file
                        unpack = zlib.decompressobj(wbits=31)
                    out.write(unpack.decompress(part))
                    part = unpack.unused_data
        return plain

    async def close(self) -> None:
        """Remove what was unpacked."""
        self._unpacked.cleanup()

    def _read(self, path: Path) -> None:
        """Note where each answer is; a good one counts before one that failed."""
        any_answer = False
        for offset, raw in _lines(path):
            line = read_line(raw)
            if line is None:
                self.found.unreadable += 1
                continue
            if _is_request(raw):
                continue
            any_answer = True
            good = line.response.http == 200
            known, body = self._places.get(line.request), hash(line.response.body)
            self.found.twice += bool(good and known and known.good and known.body != body)
            if line.request not in self._batches:
                self.found.others += 1
            elif known is None or (good and not known.good):
                self._places[line.request] = _Place(path, offset, good, body)
        self.found.files += any_answer

    def close_book(self) -> None:
        """Note which batches have all their answers by now."""
        self._book.settle()

    async def make(
        self, key: Key, endpoint: Endpoint, session: aiohttp.ClientSession, writer: Writer
    ) -> Transport:
        """Return what answers a model's or judge's requests."""
        return _Reading(self)

    def answer(self, name: str) -> Response:
        """Return an answer, once.

        Raises
        ------
        LeftPending
            There is none.
        """
        place = self._places.pop(name, None)
        if place is None:
            raise LeftPending
        try:
            with place.file.open("rb") as file:
                file.seek(place.offset)
                line = read_line(file.readline())
        except OSError as error:
            raise LeftPending from error
        if line is None or line.request != name:  # the file was written anew meanwhile
            raise LeftPending
        return _as_a_line(line.response)._replace(batch=self._batches[name])


class _Reading(FileTransport):
    def __init__(self, files: ReadTransports) -> None:
        self._files = files

    async def send(self, request: Request) -> Response:
        """Return the answer that the files have."""
        return self._files.answer(request_id(request.canonical()))


def _as_a_line(response: Response) -> Response:
    """Return a line's response; where its reason is the account's, the line was never asked."""
    if response.http in (None, 200) or response.body is None:
        return response
    reading = read_response(response.http, response.body)
    return unasked(str(reading.reason)) if reading.status in STOPPING else response


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold answers, of folders below it too."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: expected one that `ethogram batch write` made")
    found = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".partial")
    return sorted(p for p in found if p.name != MANIFEST and _may_hold_lines(p))


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def _may_hold_lines(path: Path) -> bool:
    """Whether a file begins as lines of JSON do, or is packed."""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(256)
        return start[:2] == GZIP or start.removeprefix(BOM).lstrip()[:1] == b"{"
    return False


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line of a file and where it begins."""
    with path.open("rb") as file:
        while True:
            offset = file.tell()
            line = file.readline()
            if not line:
                return
            if not offset and line.startswith(BOM):
                offset, line = len(BOM), line[len(BOM) :]
            if line.strip():
                yield offset, line


def _is_request(raw: bytes) -> bool:
    """Whether a line is what was sent, and no answer."""
    data: Any = load_body(raw)
    return "method" in data and "url" in data and "response" not in data and "error" not in data
