"""`ethogram models check`: a study's own calls, one to each model, and what came of its settings.

What is asked comes in as data, so that the check sends what a run sends; nothing here knows of
traits or verdicts. What cannot be seen from outside (whether a temperature was obeyed) is
listed as not verifiable. How to fix what a service refuses is in `ethogram.engine.mends`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson

from ethogram.engine.address import read_address, without_user
from ethogram.engine.endpoints import Endpoint, limit_key, make_endpoint
from ethogram.engine.http import make_session
from ethogram.engine.live import live_transport
from ethogram.engine.local import local_servers
from ethogram.engine.mends import (
    LOGPROBS,
    SYSTEM,
    Setting,
    answer_mend,
    names,
    plain_words,
    read_mend,
    settings_of,
    thinking_off,
    unaccepted,
)
from ethogram.engine.reading import read_response
from ethogram.engine.requests import (
    USABLE,
    Messages,
    Read,
    Reading,
    Status,
    failure,
)
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

SLACK = 1.1  # tokens over the limit that are still no sign that it was ignored: counts differ
ANSWERED = USABLE | {Status.EMPTY, Status.UNPARSED, Status.REFUSED, Status.FILTERED}
IN_DOUBT = frozenset({Status.INVALID_REQUEST, Status.SERVER_ERROR, Status.MALFORMED})
_MOVING = re.compile(r"[0-9a-f-]{8,}|\d+")  # numbers of requests, and times, in a service's words
_VERSION = re.compile(r"/v\d\w*(/|$)")


class Question(Protocol):
    """One call as a run makes it: messages, parameters of its own, and how its text is read."""

    @property
    def messages(self) -> Messages: ...  # noqa: D102
    @property
    def extra(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def read(self) -> Read: ...  # noqa: D102


def no_complaint(readings: Sequence[Reading]) -> tuple[str, str]:
    """Find nothing wrong with answers that could be read."""
    return "", ""


class Asked(NamedTuple):
    """A model or judge, the calls that a run makes for one row, and what is wrong with answers.

    Attributes
    ----------
    complain : function of readings
        (setting that is ignored, what shows it); no setting where the answers are no good
        otherwise, and ("", "") where they are as they should be.
    """

    name: str
    table: ModelTable
    calls: Sequence[Question]
    complain: Callable[[Sequence[Reading]], tuple[str, str]] = no_complaint


class Finding(NamedTuple):
    """A setting that a service refuses or ignores, its own words, and the line that fixes it."""

    setting: str
    kind: str  # "refused" or "ignored"
    words: str
    mend: str


@dataclass(frozen=True)
class Check:
    """What a study's own calls to a model showed.

    Attributes
    ----------
    ok : bool
        Every call was answered as it stands in the study file, and nothing was ignored.
    problem : str
        Why there is no answer, in plain words; "" where there is one.
    findings : tuple of Finding
    unseen : tuple of str
        Parameters that it accepted; whether it obeyed cannot be seen from one call.
    mend : str
        What to change where there is no answer.
    """

    name: str
    model: str
    ok: bool
    seconds: float
    reading: Reading
    problem: str = ""
    mend: str = ""
    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """Settings without which the service answers, and with which it does not."""
        return tuple(f.setting for f in self.findings if f.kind == "refused")

    @property
    def ignored(self) -> tuple[str, ...]:
        """Settings that the service says it does not support, or visibly did not keep."""
        return tuple(f.setting for f in self.findings if f.kind == "ignored")


def check_models(asked: Sequence[Asked], *, base: Path | None = None) -> list[Check]:
    """Make each model's calls once (more only where they are refused).

    Parameters
    ----------
    asked : sequence of Asked
        The models and judges of a study, with the calls that a run makes.
    base : Path, optional
        The folder that paths of local models start from.
    """
    with local_servers([a.table.model for a in asked], base=base) as urls:
        return asyncio.run(_check_all(asked, urls))


async def _check_all(asked: Sequence[Asked], urls: Mapping[str, str]) -> list[Check]:
    async with make_session() as session:
        tasks = (_check_named(session, a, urls.get(a.table.model, "")) for a in asked)
        return list(await asyncio.gather(*tasks))


async def _check_named(session: aiohttp.ClientSession, asked: Asked, url: str) -> Check:
    """Check one model; a missing key is a finding, not the end."""
    try:
        endpoint = make_endpoint(asked.name, asked.table, local_url=url)
    except EndpointError as error:
        problem = str(error).removeprefix(f"{asked.name}: ")
        reading = failure(Status.UNAUTHORIZED, problem)
        return Check(asked.name, asked.table.model, False, 0.0, reading, problem)
    return await _Checker(asked, endpoint, session).check()


class _Answer(NamedTuple):
    """What a row's calls came to: the last reading, all of them, and the last body's text."""

    reading: Reading
    readings: tuple[Reading, ...]
    seconds: float
    body: str = ""
    location: str = ""

    @property
    def words(self) -> str:
        """All that the service says of a failure, its reason first."""
        return f"{self.reading.reason}\n{self.body}"


@dataclass
class _Checker:
    """The calls of one model, with fewer and fewer of its settings."""

    asked: Asked
    endpoint: Endpoint
    session: aiohttp.ClientSession
    left_out: list[Setting] = field(default_factory=list)
    complaint: tuple[str, str] = ("", "")

    async def check(self) -> Check:
        """Make the calls; where they are refused, find the settings that are to blame."""
        first = answer = await self._ask()
        findings: list[Finding] = []
        settings = settings_of(self.endpoint, self.asked.calls)
        while answer.reading.status in IN_DOUBT and len(self.left_out) < len(settings):
            if (blamed := await self._blame(settings, answer)) is None:
                break
            mend = read_mend(self.endpoint, blamed, answer.words)
            findings.append(Finding(blamed.name, "refused", answer.reading.reason, mend))
            self.left_out.append(blamed)
            answer = await self._ask()
        check = Check(
            self.asked.name,
            self.asked.table.model,
            ok=not findings and answer.reading.status in USABLE,
            seconds=answer.seconds,
            reading=answer.reading if findings else first.reading,
            findings=tuple(findings),
        )
        if answer.reading.status not in USABLE:
            return await self._with_problem(check, answer)
        return await self._with_ignored(check, answer)

    # -- calls --------------------------------------------------------------------------------

    async def _ask(
        self, also_without: Sequence[Setting] = (), endpoint: Endpoint | None = None
    ) -> _Answer:
        """Make the row's calls, without the settings left out, as long as they are answered."""
        readings: list[Reading] = []
        start = time.perf_counter()
        body = location = ""
        for call in self.asked.calls:
            reading, body, location = await self._call(
                call, [*self.left_out, *also_without], endpoint or self.endpoint
            )
            readings.append(reading)
            if reading.status not in USABLE:
                break
        seconds = time.perf_counter() - start
        return _Answer(readings[-1], tuple(readings), seconds, body, location)

    async def _call(
        self, call: Question, without: Sequence[Setting], endpoint: Endpoint
    ) -> tuple[Reading, str, str]:
        """Make one call; returns its reading, its body's text and where a redirect leads."""
        if SYSTEM in without:
            table = self.asked.table.model_copy(update={"system_role": "user"})
            endpoint = replace(endpoint, table=table)
        request = endpoint.request(call.messages, extra=call.extra, path=call.path)
        keys = {key for setting in without for key in setting.keys}
        params = {key: value for key, value in request.params.items() if key not in keys}
        request = replace(request, params=params)
        response = await live_transport(endpoint, self.session).send(request)
        location = response.headers.get("Location", "")
        if response.failure is not None or response.http is None or response.body is None:
            return response.failure or failure(Status.MALFORMED, "no body"), "", location
        reading = read_response(response.http, response.body, self.asked.table.spellings)
        reading = call.read(reading) if reading.status in USABLE else reading
        return reading, response.body[:4000].decode("utf-8", "replace"), location

    # -- what is to blame -----------------------------------------------------------------------

    async def _blame(self, settings: Sequence[Setting], answer: _Answer) -> Setting | None:
        """Find the setting that a request is refused for: the one that is named, or any other.

        Where none is named, one call without any of them says whether it is worth looking.
        """
        there = [s for s in settings if s not in self.left_out]
        named = sorted(
            (s for s in there if names(answer.words, s) is not None),
            key=lambda s: names(answer.words, s) or 0,
        )
        for setting in named:
            if _is_mended(await self._ask([setting]), answer, setting):
                return setting
        others = [s for s in there if s not in named]
        if len(others) > 1 and not _is_answered(await self._ask(others)):
            return None
        for setting in others:
            if _is_answered(await self._ask([setting])):
                return setting
        return None

    # -- what there is to say -------------------------------------------------------------------

    async def _with_problem(self, check: Check, answer: _Answer) -> Check:
        """Add why there is no answer, and what would fix it."""
        reading = answer.reading
        problem = plain_words(self.endpoint, reading, self.asked.calls[0].path)
        if answer.location:
            problem += f"; it redirects to {without_user(answer.location.partition('?')[0])}"
        mend = answer_mend(self.asked.table, reading)
        if _may_be_the_path(answer) and (found := await self._other_base(answer)):
            mend = f'`base_url = "{found}"`'
        return replace(check, reading=reading, problem=problem, mend=mend)

    async def _other_base(self, answer: _Answer) -> str:
        """Return a base_url that answers where this one does not: as redirected, or with /v1."""
        if self.asked.table.base_url is None:
            return ""
        asked = self.endpoint.base_url
        bases = [f"{asked}/v1"] if not _VERSION.search(asked) else []
        if answer.location:
            there = urljoin(self.endpoint.url(self.asked.calls[0].path), answer.location)
            bases.insert(0, read_address(there).url.rstrip("/"))
        for base in bases:
            if urlsplit(base).hostname != urlsplit(asked).hostname:
                continue  # a key is not sent to another host than the study file names
            again = await self._ask(endpoint=replace(self.endpoint, base_url=base))
            if not _may_be_the_path(again):
                return base
        return ""

    async def _with_ignored(self, check: Check, answer: _Answer) -> Check:
        """Add what was ignored: a limit that was passed, what a service lists as unsupported."""
        self.complaint = setting, words = self.asked.complain(answer.readings)
        findings = [*check.findings, *self._seen_ignored(answer)]
        params = [key for key in self._sent() if key != "usage"]
        if self.asked.table.service == "openrouter":
            listed = await _openrouter_supports(self.session, self.endpoint)
            findings += [
                Finding(
                    key, "ignored", "not among the model's supported_parameters", f"remove `{key}`"
                )
                for key in params
                if listed and unaccepted(key, listed)
            ]
        unique = {(f.setting, f.kind): f for f in findings}
        ignored = {f.setting for f in findings if f.kind == "ignored"}
        return replace(
            check,
            ok=not findings and not words,
            problem="" if setting else words,
            findings=tuple(unique.values()),
            unseen=tuple(key for key in params if key not in ignored),
        )

    def _sent(self) -> list[str]:
        """Return the parameters that were sent in the end."""
        keys = {key for setting in self.left_out for key in setting.keys}
        return [key for key in self.endpoint.params if key not in keys]

    def _seen_ignored(self, answer: _Answer) -> list[Finding]:
        """Return the settings that an answer shows to have been ignored."""
        table, reading = self.asked.table, answer.reading
        findings = []

        def add(setting: str, words: str, mend: str) -> None:
            findings.append(Finding(setting, "ignored", words, mend))

        used, key = reading.usage.completion_tokens, limit_key(table)
        if used is not None and used > SLACK * table.max_tokens and key in self._sent():
            add(
                key,
                f"{used} tokens were returned, {table.max_tokens} were allowed",
                _limit_mend(key),
            )
        for stop in table.stop or ():
            if stop and reading.text.partition(stop)[2].strip():
                add("stop", f"the answer goes on after {stop!r}", "remove `stop`")
        thought = reading.reasoning.strip() or reading.usage.reasoning_tokens
        if table.effort == "none" and thought:
            words = 'the answer came with reasoning, and reasoning is "none"'
            add("reasoning", words, thinking_off(table))
        setting, words = self.complaint
        if setting and not any(setting == s.name for s in self.left_out):
            add(setting, words, LOGPROBS if "verdict" in setting else f"remove `{setting}`")
        return findings


def _is_answered(answer: _Answer) -> bool:
    return answer.reading.status in ANSWERED


def _is_mended(answer: _Answer, before: _Answer, setting: Setting) -> bool:
    """Whether a call without a setting is no longer refused for that setting."""
    if _is_answered(answer):
        return True
    if answer.reading.status is not Status.INVALID_REQUEST:
        return False  # it may have been turned away for anything, such as a rate limit
    same = _MOVING.sub("#", answer.reading.reason) == _MOVING.sub("#", before.reading.reason)
    return not same and names(answer.words, setting) is None


def _may_be_the_path(answer: _Answer) -> bool:
    """Whether an answer is one of a server that knows no such path."""
    if answer.location or answer.reading.status in (Status.NOT_FOUND, Status.MALFORMED):
        return True
    return not _is_answered(answer) and "endpoint" in answer.words.lower()


def _limit_mend(key: str) -> str:
    other = "max_tokens" if key != "max_tokens" else "max_completion_tokens"
    return f'`max_tokens_key = "{other}"`'


async def _openrouter_supports(
    session: aiohttp.ClientSession, endpoint: Endpoint
) -> frozenset[str]:
    """Return the parameters that OpenRouter lists for a model; empty where it does not say."""
    try:
        async with session.get(endpoint.url("models"), headers=endpoint.headers()) as answer:
            data = orjson.loads(await answer.read())
    except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError):
        return frozenset()
    models = data.get("data") if isinstance(data, dict) else None
    for model in models if isinstance(models, list) else []:
        if isinstance(model, dict) and model.get("id") == endpoint.table.model:
            return frozenset(model.get("supported_parameters") or ())
    return frozenset()
