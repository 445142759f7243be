"""Conversations that a model had elsewhere: files of text, each row a reply with what it answers.

A row has `messages` (a chat whose last turn is the assistant's), or `prompt` and `reply`; `model`
says whose it is, else the file's name does. Knows nothing of traits, judges or stores.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ethogram.engine.bodies import clean, dump_body
from ethogram.engine.reading import read_response
from ethogram.engine.requests import USABLE, Reading, Status
from ethogram.engine.transcript_rows import (
    SILENT,
    USERS,
    Said,
    content_of,
    is_reply,
    read_row,
    role_of,
)
from ethogram.errors import InputError
from ethogram.stimuli.files import Turns
from ethogram.stimuli.inspect_logs import is_inspect_log, read_inspect_log
from ethogram.stimuli.tables.names import check_name
from ethogram.stimuli.tables.records import read_records, stem_of

LOST = {
    Status.FILTERED: "stopped by a content filter",
    Status.REFUSED: "refused",
    Status.EMPTY: "without a reply",
}
_NO_MESSAGES = ("tool_result", "function_call_output")  # parts under the user's name: Anthropic


@dataclass(frozen=True)
class Transcript:
    """One reply with the message that it answers, and what was said before.

    Attributes
    ----------
    model, prompt, reply : str
    turns : sequence of turns
        Before the prompt, each with role and content.
    truncated : bool
        The reply was cut at a limit.
    """

    model: str
    prompt: str
    reply: str
    turns: Turns = ()
    truncated: bool = False

    @property
    def key(self) -> str:
        """The same for the same question, whoever answers it: models are compared on it."""
        said = "\0".join([*(f"{t['role']}\0{t['content']}" for t in self.turns), self.prompt])
        return f"transcript-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


@dataclass
class Transcripts:
    """What was read of several files.

    Attributes
    ----------
    kept : list of Transcript
    left_out : counter of str
        Why rows have no reply that can be judged, and how many each.
    named : int
        Of those kept: answers to a message that named traits, so no ordinary replies.
    """

    kept: list[Transcript] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    named: int = 0

    def by_model(self) -> dict[str, list[Transcript]]:
        """Return each model's own, in an order that the same questions give in every model."""
        found: dict[str, list[Transcript]] = {}
        for one in self.kept:
            found.setdefault(one.model, []).append(one)
        return {model: sorted(own, key=lambda t: (t.key, t.reply)) for model, own in found.items()}

    def describe(self) -> str:
        """Say how many there are, of whom, and what was left out."""
        counts = ", ".join(f"{len(own):,} of {model}" for model, own in self.by_model().items())
        lost = ", ".join(f"{n:,} {why}" for why, n in self.left_out.most_common())
        told = [f"{len(self.kept):,} replies: {counts}."]
        if lost:
            told.append(f"Left out: {lost}.")
        if self.named:
            told.append(
                f"{self.named:,} answer a message of ethogram's that names two traits: they are no "
                "ordinary replies, and the judge reads that message too."
            )
        return " ".join(told)


def read_transcripts(paths: Iterable[str | Path], *, model: str | None = None) -> Transcripts:
    """Read logs of Inspect (.eval, or its .json) and transcripts (JSONL or another table).

    Parameters
    ----------
    paths : iterable of path
        Files, or folders of logs.
    model : str, optional
        Whose replies all of them are, whatever the files say.

    Raises
    ------
    InputError
        A file that cannot be read, or in all of them no reply.
    """
    found, seen = Transcripts(), set[str]()
    for path in dict.fromkeys(_files(map(Path, paths))):
        rows = _log(path) if is_inspect_log(path) else _table(path)
        for said in rows:
            if said.id not in seen:  # a log of a retry holds what went well before
                _add(found, said, model, path)
            seen.update([said.id] if said.id else [])
    if not found.kept:
        why = ", ".join(found.left_out) or "no rows"
        raise InputError(f"no replies in {', '.join(map(str, paths)) or 'no file'} ({why})")
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files; of a folder, its logs."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        logs = [log for log in sorted(path.iterdir()) if is_inspect_log(log)]
        if not logs:
            raise InputError(f"{path} is a folder without logs of Inspect: name a file")
        yield from logs


def _table(path: Path) -> Iterator[Said]:
    """Yield the replies in a file of transcripts."""
    for place, cells in read_records(path):
        yield from read_row(cells, name=stem_of(path), where=f"{path}, {place}")


def _log(path: Path) -> Iterator[Said]:
    """Yield the replies in a log of Inspect."""
    return (Said(*sample) for sample in read_inspect_log(path))


def _add(found: Transcripts, said: Said, model: str | None, path: Path) -> None:
    """Keep a row's last reply with the message before it, or count why there is none."""
    at = next((i for i in reversed(range(len(said.turns))) if _is_asked(said.turns[i])), None)
    prompt = "" if at is None else _words(said.turns[at])
    reading = _read_reply(said.turns[at + 1 :], said.finish) if at is not None else None
    if said.lost:
        found.left_out[said.lost] += 1
    elif at is None or reading is None or not prompt.strip():
        found.left_out["without a message of the user"] += 1
    elif reading.status not in USABLE:
        found.left_out[LOST.get(reading.status, "ended in an error")] += 1
    else:
        name = check_name(model or said.model, place=str(path), what="model")
        before = tuple(_earlier(said.turns[:at]))
        found.named += said.named
        cut = reading.status == Status.TRUNCATED
        found.kept.append(Transcript(name, prompt, reading.text.strip(), before, truncated=cut))


def _is_asked(turn: Mapping[str, Any]) -> bool:
    """Whether this is a message of the user's; what a tool gave back is none."""
    if role_of(turn) not in USERS:
        return False
    parts = content_of(turn)
    kinds = {p.get("type") for p in parts if isinstance(p, Mapping)} if _is_parts(parts) else set()
    return not kinds or not kinds <= {*_NO_MESSAGES}


def _is_parts(content: Any) -> bool:
    return isinstance(content, list | tuple)


def _earlier(turns: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield what was said before, under the two roles that every service knows."""
    for turn in turns:
        text = _words(turn)
        if text and role_of(turn) not in SILENT and (is_reply(turn) or _is_asked(turn)):
            yield {"role": "assistant" if is_reply(turn) else "user", "content": text}


def _words(turn: Mapping[str, Any]) -> str:
    """Return what a turn says: of one in parts the text; of the model's, without thoughts."""
    if is_reply(turn):
        return _read_message(turn, "").text.strip()
    content = content_of(turn)
    return clean(content) if isinstance(content, str) else _read_message(turn, "").text


def _read_reply(turns: Sequence[Mapping[str, Any]], finish: str) -> Reading:
    """Read what the assistant said last."""
    spoken = [turn for turn in turns if is_reply(turn)]
    readings = [_read_message(turn, finish) for turn in reversed(spoken)]
    said = (reading for reading in readings if reading.status != Status.EMPTY)
    return next(said, _read_message({}, ""))


def _read_message(turn: Mapping[str, Any], finish: str) -> Reading:
    """Read a message as if a service had just sent it: thoughts, parts, refusals, why it ended."""
    content = content_of(turn)
    message = {**turn, "content": None if content == turn.get("refusal") else content}
    choice = {"message": message, "finish_reason": finish}
    return read_response(200, dump_body({"choices": [choice]}))
