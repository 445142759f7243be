"""The body of a response as JSON: strictly where it is JSON, else as lenient clients read it.

Byte order marks, keep-alive blanks, comments and events of a stream that nobody asked for, NaN,
half a character, a lone surrogate: the text beside them is an answer that was paid for.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

import orjson

UNREADABLE = object()  # what `load_body` returns for what is not JSON; None is JSON
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LENIENT = json.JSONDecoder(strict=False)  # strict=False: control characters within strings
_GZIP = b"\x1f\x8b"
LARGEST = 1 << 26  # bytes of a body that is packed
_UNMARKED = (  # where the NULs are in the first character of JSON
    (re.compile(rb"\0\0\0[\s{\[\"]"), "utf-32-be"),
    (re.compile(rb"[\s{\[\"]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[\s{\[\"]"), "utf-16-be"),
    (re.compile(rb"[\s{\[\"]\0"), "utf-16-le"),
)
_FENCE = re.compile(r"```\w*[ \t]*\r?\n(.*?)\s*```\s*\Z", re.DOTALL)
WRAPS = ("data", "result", "response")  # names under which proxies put a completion
_EVENT = re.compile(r"^(?::|(?:data|event|id|retry):)", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n")


def load_body(body: bytes) -> Any:
    """Read a body.

    Parameters
    ----------
    body : bytes
        As received.

    Returns
    -------
    object
        `UNREADABLE` where there is no JSON in it. The chunks of a stream are put together to the
        one completion that they are parts of.
    """
    body = unpacked(body)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = _load_text(_decoded(body))
    if isinstance(data, str) and data.lstrip()[:1] in ("{", "["):
        inner = _load_text(data)  # JSON within a JSON string, as a careless proxy wraps it
        data = data if inner is UNREADABLE else inner
    return data if isinstance(data, dict) and "choices" in data else _unwrapped(data)


def unpacked(body: bytes) -> bytes:
    """Return a body that came packed by gzip with no header that says so, else as it is."""
    if not body.startswith(_GZIP):
        return body
    try:
        return zlib.decompressobj(31).decompress(body, LARGEST)
    except zlib.error:
        return body


def _unwrapped(data: Any) -> Any:
    """Return the completion that a list or an object holds, else what there is."""
    if isinstance(data, list) and data and isinstance(data[0], dict) and "choices" in data[0]:
        return join_chunks(data, ended=True) if _is_chunk(data[0]) else data[0]
    if isinstance(data, dict) and data.get("success") is not False and not data.get("error"):
        for key in WRAPS:
            inner = data.get(key)
            if isinstance(inner, dict) and isinstance(inner.get("choices"), list):
                return inner
    return data


def clean(text: str) -> str:
    """Return a text that can be stored and shown: no NUL and no lone half of a character."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _decoded(body: bytes) -> str:
    """Decode a body by its byte order mark, else as UTF-8; what is not a character is replaced."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    for nulls, encoding in _UNMARKED:
        if nulls.match(body):
            return body.decode(encoding, "replace")
    return body.decode("utf-8", "replace")


def _load_text(text: str) -> Any:
    """Read JSON, or the events of a stream."""
    text = text.lstrip("\ufeff \t\r\n")
    fenced = _FENCE.match(text) if text.startswith("```") else None
    if fenced:
        text = fenced[1].lstrip()
    if _EVENT.match(text):
        return _load_events(text)
    return _load_lenient(text)


def _load_lenient(text: str) -> Any:
    """Read the JSON that a text begins with; whatever follows a complete object is left."""
    data, rest = _parse(text)
    if _is_chunk(data):
        following = (_parse(line.strip())[0] for line in rest.splitlines())
        return join_chunks([data, *following], ended=True)
    return data


def _parse(text: str) -> tuple[Any, str]:
    """Return the value that a text begins with, and what follows it."""
    try:
        data, end = _LENIENT.raw_decode(text)
    except (ValueError, RecursionError):
        return UNREADABLE, text
    rest = text[end:].strip()
    if rest and not isinstance(data, (dict, list)):
        return UNREADABLE, text
    return data, rest


def _load_events(text: str) -> Any:
    """Read server-sent events: comments are passed over, the data put together."""
    chunks = []
    ended = False
    for data in _event_data(text.replace("\r\n", "\n").replace("\r", "\n")):
        if data.strip() == "[DONE]":
            ended = True
            continue
        chunk, _ = _parse(data.lstrip())
        if chunk is not UNREADABLE:
            chunks.append(chunk)
    if not chunks:
        return UNREADABLE
    if not any(_is_chunk(chunk) for chunk in chunks):
        return chunks[0]
    return join_chunks(chunks, ended=ended)


def _event_data(text: str) -> Iterator[str]:
    """Yield the data of each event, and JSON that stands among comments without a name."""
    for block in _BLANK.split(text):
        lines = block.split("\n")
        data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
        if data and _is_whole("\n".join(data)):
            yield "\n".join(data)
        elif data:
            yield from data  # events that no blank line parts
        else:
            bare = "\n".join(line for line in lines if not _EVENT.match(line))
            if bare.strip():
                yield bare.strip()


def _is_whole(text: str) -> bool:
    """Whether a text is one JSON value and nothing else."""
    try:
        _LENIENT.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _choice(chunk: Any) -> dict[str, Any] | None:
    """Return the first choice of a chunk."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _is_chunk(data: Any) -> bool:
    """Whether this is a part of a completion."""
    choice = _choice(data)
    return choice is not None and "delta" in choice and not choice.get("message")


def join_chunks(chunks: list[Any], *, ended: bool) -> dict[str, Any]:
    """Put the chunks of a stream together to one completion.

    Parameters
    ----------
    chunks : list
        Parsed; what is not an object is passed over.
    ended : bool
        Whether the stream said that it was at its end. One that neither did nor gave a finish
        reason broke off.
    """
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"message": message}
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        whole |= {k: v for k, v in chunk.items() if v is not None and k != "choices"}
        part = _choice(chunk)
        if part is None or part.get("index") not in (None, 0):
            continue
        choice |= {k: v for k, v in part.items() if v is not None and k not in ("delta", "message")}
        for piece in (part.get("delta"), part.get("message")):
            _add(message, piece)
        if isinstance(part.get("text"), str):
            _add(message, {"content": part["text"]})
    if not ended and not choice.get("finish_reason"):
        choice.setdefault("error", "the stream broke off")
    if isinstance(choice.get("usage"), dict):
        whole.setdefault("usage", choice["usage"])  # Moonshot's place for it
    whole["choices"] = [choice]
    return whole


def _add(message: dict[str, Any], piece: Any) -> None:
    """Append a delta's texts to a message."""
    for key, value in piece.items() if isinstance(piece, dict) else ():
        if value is None:
            continue
        known = message.get(key)
        joins = key != "role" and type(known) is type(value) and isinstance(value, (str, list))
        message[key] = known + value if joins else value


def dump_body(value: Any) -> bytes:
    """Return a value as JSON, also where a text in it was cut within a character."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:  # half of a surrogate pair, or a number of more than 64 bits
        return json.dumps(value, default=str).encode()
