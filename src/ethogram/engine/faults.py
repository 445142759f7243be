"""What a service says went wrong, whatever shape it says it in, and what that means.

`find_fault` gathers an error's words and codes from the shapes that services use; `class_fault`
gives it a status by the tables of `ethogram.engine.spellings`, else by its HTTP status.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ethogram.engine.bodies import clean
from ethogram.engine.requests import Status
from ethogram.engine.spellings import (
    BAIDU,
    CODES,
    EMPTY_WRAPPERS,
    MINIMAX,
    NONE_GRANTED,
    OUTCOMES,
    PHRASES,
    RATE_FIRST,
    REFILLS,
    REQUEST_WORDS,
    WEAK_CODES,
    Cause,
    fold,
)

SAID = 300  # characters of a message in which words are looked for: more of it is someone's text
DEPTH = 8
CODE_KEYS = frozenset(
    {"code", "type", "status", "reason", "error_type", "error_code", "errorcode", "category"}
    | {"status_code", "statuscode", "__type", "quotaid"}
)
WORD_KEYS = (  # the first that is there says most
    *("message", "msg", "error_msg", "errmsg", "error_message", "errormessage", "faultstring"),
    *("status_msg", "error_description", "detail", "title", "raw"),
)
INNER_KEYS = (
    *("error", "errors", "metadata", "raw", "innererror", "inner_error", "details", "detail"),
    *("fault", "base_resp", "cause", "violations", "upstream_error", "provider_error"),
)
BESIDE = ("error", "errors", "fault", "base_resp")  # an error even beside an answer
BESIDE_KEYS = ("error_code", "errorcode", "error_msg", "errmsg", "error_message", "errormessage")
WRAPPERS = ("response", "header")  # Tencent Cloud; iFlytek
NOTHING = frozenset(
    {"", "0", "200", "success", "ok", "null", "none", "noerror", "noerrors", "false", "nil"}
)
_URL = re.compile(r"https?://\S+")
_QUOTED = re.compile(
    r"(?<!\w)'[^\n]*?'(?!\w)|\"[^\"]*\"|`[^`]*`|“[^”]*”|«[^»]*»|‘[^’]*’(?!\w)", re.DOTALL
)
_ECHO = re.compile(
    r"(?<!invalid )\b(?:prompt|input|text|content|messages)\s*[:=]\s.*", re.IGNORECASE | re.DOTALL
)
_MATERIAL = re.compile(  # what follows is the prompt, or what was made of it
    r"\b(?:(?:tokeni[sz]|encod|decod|pars|render)\w* (?:\w+ ){0,3}?"
    r"(?:messages?|content|prompt|input|text|template)|"
    r"(?:content|messages?|element|item)(?: content)? at (?:index|position) \d+|"
    r"user(?:'s)? (?:message|prompt|input)|message content|"
    r"(?:template|jinja2?|tokeni[sz]er)(?: \w+){0,3}? (?:error|exception|failed|failure)|"
    r"jinja2?\S*(?:error|exception))\s*[:=]\s.*",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_UNSHOWN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_ELEMENT = re.compile(r"<[^<>]*>")
_HTML = re.compile(
    rb"\s*<(?:!doctype|html|head|body|h\d|title|\?xml|center|div|p)\b", re.IGNORECASE
)
_SOFT = frozenset({Cause.TIMEOUT, Cause.BUSY, Cause.PARAMETER, Cause.ACCESS})
_UNDER_429 = frozenset({Cause.KEY, Cause.CREDIT, Cause.QUOTA, Cause.RATE})


@dataclass
class Fault:
    """An error as a service told it.

    Attributes
    ----------
    words : list of str
        Messages, the outermost first.
    raw : list of str
        Those of the provider behind a router.
    codes : list of str
        Folded codes and types.
    http : int or None
        An HTTP status that the body names, the innermost.
    """

    words: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    http: int | None = None
    provider: str = ""
    cause: Cause | None = None  # that a code stands for which only one service uses
    flagged: bool = False  # by a moderation step
    refills: bool = False

    @property
    def message(self) -> str:
        """The words that say most."""
        for text in (*self.raw, *self.words):
            if fold(text) not in EMPTY_WRAPPERS:
                prefix = f"{self.provider}: " if self.provider else ""
                return prefix + text
        return next(iter((*self.raw, *self.words)), "")


def find_fault(data: Any, *, beside: bool = False) -> Fault | None:
    """Return the error that a body tells of.

    Parameters
    ----------
    data : parsed JSON, or `UNREADABLE`
    beside : bool
        Look only at what is an error even beside an answer.

    Returns
    -------
    Fault or None
        None where nothing is told: `"error": null`, `{}` or `""` is not an error.
    """
    return _find_fault(data, beside, 0)


def _find_fault(data: Any, beside: bool, depth: int) -> Fault | None:
    """Look for an error in a body, or in what a body wraps it in."""
    if isinstance(data, list) and depth <= DEPTH:
        found = (_find_fault(item, beside, depth + 1) for item in data[:3])
        return next((fault for fault in found if fault), None)
    if not isinstance(data, dict):
        return None
    lower = {str(key).lower(): value for key, value in data.items()}
    told = _told_beside(lower)
    if not told and beside:
        return None
    if not told and not _says_error(lower):
        inner = (lower[key] for key in WRAPPERS if isinstance(lower.get(key), dict))
        found = (_find_fault(part, beside, depth + 1) for part in inner if _has_code(part))
        return next((fault for fault in found if fault), None) if depth < 2 else None
    fault = Fault()
    _gather(told if beside else data, fault)
    return fault


def _told_beside(lower: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that tell of an error even beside an answer."""
    told = {key: lower[key] for key in BESIDE if _is_error(lower.get(key))}
    if any(_is_error(lower.get(key)) for key in BESIDE_KEYS):
        told |= {key: lower[key] for key in BESIDE_KEYS if key in lower}
    if lower.get("success") is False or lower.get("ok") is False:
        keys = CODE_KEYS | set(WORD_KEYS)
        told |= {key: lower[key] for key in keys & lower.keys()} or {"error": "success: false"}
    return told


def _has_code(part: dict[str, Any]) -> bool:
    """Whether a wrapper holds an error, and no code that says that all is well."""
    lower = {str(key).lower(): value for key, value in part.items()}
    return "error" in lower or _is_error(lower.get("code"))


def _is_error(value: Any, depth: int = 0) -> bool:
    """Whether an error field says anything: null, {}, "", "No error" and a code 0 do not."""
    if depth > DEPTH:
        return bool(value)
    if isinstance(value, dict):
        return any(
            _is_error(part, depth + 1)
            for key, part in value.items()
            if str(key).lower() not in ("param", "metadata")
        )
    if isinstance(value, list):
        return any(_is_error(part, depth + 1) for part in value)
    if isinstance(value, str):
        return fold(value) not in NOTHING
    return bool(value) and value != 200


def _says_error(lower: dict[str, Any]) -> bool:
    """Whether a body without an error field is an error all the same."""
    if lower.get("object") == "error" or lower.get("type") == "error" or lower.get("__type"):
        return True
    return any(
        isinstance(lower.get(key), str) and _is_error(lower[key]) for key in WORD_KEYS
    ) or _is_error(lower.get("detail"))


def _gather(node: Any, fault: Fault, depth: int = 0, *, raw: bool = False) -> None:
    """Collect words and codes from an error and from what stands in it."""
    if depth > DEPTH:
        return
    if isinstance(node, str):
        _gather_text(node, fault, depth, raw=raw)
    elif isinstance(node, list):
        for part in node[:5]:
            _gather(part, fault, depth + 1, raw=raw)
    elif isinstance(node, dict):
        lower = {str(key).lower(): value for key, value in node.items()}
        _gather_codes(lower, fault)
        _gather_words(lower, fault, depth, raw=raw)
        for key in INNER_KEYS:
            inner = lower.get(key)
            if isinstance(inner, (dict, list)):
                _gather(inner, fault, depth + 1, raw=raw or key == "raw")


def _gather_text(text: str, fault: Fault, depth: int, *, raw: bool) -> None:
    """Take a message, or the error in JSON that it holds."""
    inner = _embedded(text)
    if inner is not None:
        before = len(fault.words) + len(fault.raw)
        _gather(inner, fault, depth + 1, raw=True)
        if len(fault.words) + len(fault.raw) > before:
            fault.words.append(one_line(text[: text.find("{")]) or "error")
            return
    if text.strip():
        page = _HTML.match(text[:200].encode("utf-8", "replace"))
        said = page_text(text) if page else one_line(text)
        (fault.raw if raw else fault.words).append(said)


def _gather_codes(node: dict[str, Any], fault: Fault) -> None:
    """Take an error's codes."""
    for key in CODE_KEYS & node.keys():
        value = node[key]
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            continue
        text = str(value)[:200]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if 400 <= number < 600:
            fault.http = number
        elif text:
            fault.codes.append(fold(text.rpartition("#")[2]))
    if "status_msg" in node and type(node.get("status_code")) is int:
        fault.cause = MINIMAX.get(node["status_code"])
        fault.codes = [code for code in fault.codes if code != str(node["status_code"])]
    if "error_msg" in node and type(node.get("error_code")) is int:
        fault.cause = fault.cause or BAIDU.get(node["error_code"])
    if isinstance(node.get("provider_name"), str):
        fault.provider = one_line(node["provider_name"])[:60]
    fault.flagged |= isinstance(node.get("reasons"), list) and bool(node["reasons"])
    fault.refills |= "retrydelay" in node


def _gather_words(node: dict[str, Any], fault: Fault, depth: int, *, raw: bool) -> None:
    """Take an error's messages."""
    if "@type" in node:
        return  # Google's details: links and numbers
    place = node.get("loc")
    said = [node[key] for key in WORD_KEYS if isinstance(node.get(key), str) and node[key].strip()]
    if isinstance(place, list) and said:  # FastAPI's list of what is wrong where
        said[0] = f"{'.'.join(map(str, place))}: {said[0]}"
    if isinstance(node.get("error"), str) and node["error"].strip():
        said = [": ".join(dict.fromkeys([node["error"], *said]))] if said else [node["error"]]
    if isinstance(node.get("code"), str) and " " in node["code"]:
        said.append(node["code"])  # xAI's is a sentence
    for text in said:
        is_raw = raw or text is node.get("raw")
        _gather_text(text, fault, depth, raw=is_raw)


def _embedded(text: str) -> Any:
    """Return an error in JSON, or as Python prints it, that a message holds."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or not ("error" in text or "message" in text):
        return None
    part = text[start : end + 1]
    for read in (orjson.loads, ast.literal_eval):
        if len(part) > 20_000:
            return None
        try:
            found = read(part)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return found if isinstance(found, dict) and _is_error(found) else None
    return None


# -- what it means --------------------------------------------------------------------------


def class_fault(fault: Fault | None, http: int) -> tuple[Status, bool]:
    """Return an error's status, and whether it is surely about this one request.

    Parameters
    ----------
    fault : Fault or None
        None where nothing could be read: then the HTTP status says all there is to say.
    http : int
        As received; 200 for an error that came as an answer.
    """
    named = fault.http if fault else None
    status = named if named and (http in (200, 400) or http >= 500) else http
    cause, by = _cause(fault) if fault else (None, "")
    if cause in _SOFT and status not in (200, 400, 500):
        cause = None
    if status >= 500 and cause is Cause.PARAMETER and fault and by == "weak":
        cause = cause if REQUEST_WORDS.search(" ".join((*fault.raw, *fault.words))) else None
    if status == 429 and cause not in _UNDER_429:
        cause = Cause.RATE
    if cause is Cause.RATE and fault and _is_too_large(fault):
        cause = Cause.LENGTH
    if cause is not None:
        outcome, own = OUTCOMES[cause]
        if own and by == "words" and status >= 500:  # its filter may be what failed
            return (outcome if status == 500 else Status.SERVER_ERROR), False
        return outcome, own
    if status == 413:
        return Status.INVALID_REQUEST, True
    return (Status.SERVER_ERROR if status == 200 else error_status(status)), False


def cause_of(fault: Fault) -> Cause | None:
    """Return what an error is about; codes say it better than words, words than general codes."""
    return _cause(fault)[0]


def _cause(fault: Fault) -> tuple[Cause | None, str]:
    """Return what an error is about, and what says so: "code", "words" or "weak"."""
    said = [*fault.raw, *fault.words]
    cause, by = fault.cause or _first(CODES, fault.codes), "code"
    if cause is None:
        cause, by = _phrase([_own_words(text) for text in said]), "words"
    if cause is None and fault.flagged:
        cause, by = Cause.CONTENT, "code"
    if cause is None:
        cause, by = _first(WEAK_CODES, fault.codes), "weak"
    whole = " ".join((*said, *fault.codes))
    if cause is Cause.QUOTA and NONE_GRANTED.search(whole):
        return Cause.CREDIT, by
    refills = cause is Cause.QUOTA and (fault.refills or REFILLS.search(whole))
    if refills or (cause is Cause.CREDIT and by == "words" and RATE_FIRST.search(whole)):
        return Cause.RATE, by
    return cause, by


def _is_too_large(fault: Fault) -> bool:
    """Whether one request holds more than a minute's tokens, as OpenAI and Groq put it."""
    return any("request too large" in text.lower() for text in (*fault.raw, *fault.words))


def _first(table: dict[str, Cause], codes: Iterable[str]) -> Cause | None:
    """Return the gravest cause that codes stand for."""
    causes = {table[code] for code in codes if code in table}
    return next((cause for cause in Cause if cause in causes), None)


def _phrase(words: Sequence[str]) -> Cause | None:
    """Return the cause of the first phrase that stands in a message."""
    for phrase, cause in PHRASES:
        if any(phrase.search(text) for text in words):
            return cause
    return None


def _own_words(text: str) -> str:
    """Return the beginning of a message without what it quotes: that may be anyone's prompt."""
    text = _URL.sub(" ", text.strip())
    if text[:1] == text[-1:] and text[:1] in "\"'":
        text = text[1:-1]
    text = _MATERIAL.sub(" ", text[: 10 * SAID])
    text = _ECHO.sub(" ", _QUOTED.sub(" ", text[: 10 * SAID]))
    return " ".join(text[:SAID].split())


def error_status(http: int) -> Status:
    """Return the status that an HTTP error code stands for."""
    if http == 401:
        return Status.UNAUTHORIZED
    if http == 402:
        return Status.NO_CREDIT
    if http == 403:
        return Status.FORBIDDEN
    if http in (404, 405, 410):
        return Status.NOT_FOUND
    if http == 408:
        return Status.TIMEOUT
    if http in (420, 425, 429):
        return Status.RATE_LIMITED
    if http >= 500 or http in (409, 423, 499):  # a conflict, a lock, a call that was broken off
        return Status.SERVER_ERROR
    if http < 400:
        return Status.MALFORMED
    return Status.INVALID_REQUEST


# -- texts that are no JSON -----------------------------------------------------------------


def is_page(body: bytes) -> bool:
    """Whether a body is a web page."""
    return _HTML.match(body[:300]) is not None


def page_text(page: str) -> str:
    """Return a page's title, else its first words."""
    title = _TITLE.search(page)
    text = title[1] if title and title[1].strip() else _UNSHOWN.sub(" ", page[:20_000])
    return one_line(html.unescape(_ELEMENT.sub(" ", text)))[:200]


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(clean(text[:5000]).split())


def excerpt(body: bytes) -> str:
    """Return the first words of a body, on one line."""
    if is_page(body):
        return page_text(body[:20_000].decode("utf-8", "replace")) or "an empty page"
    return one_line(body[:300].decode("utf-8", "replace"))[:200] or "empty body"
