"""`ethogram models check`: one call to each model, and what its service made of the parameters.

What cannot be verified from outside (whether a temperature had an effect) is reported as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from ethogram.engine.endpoints import Endpoint, make_endpoint
from ethogram.engine.http import HttpTransport, make_session
from ethogram.engine.local import local_servers
from ethogram.engine.requests import USABLE, Reading, Request, Status, failure, read_response
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

QUESTION = ({"role": "user", "content": "Count from one to one hundred, in words."},)
LIMIT = 64  # new tokens; enough to see whether the limit is kept
BASE = ("model", "messages")


@dataclass(frozen=True)
class Check:
    """What one call to a model showed.

    Attributes
    ----------
    refused : tuple of str
        Parameters without which the service answers, and with which it does not.
    ignored : tuple of str
        Parameters that the service says it does not support, or visibly did not keep.
    unseen : tuple of str
        Parameters that it accepted; one call cannot show whether they had an effect.
    """

    name: str
    model: str
    ok: bool
    seconds: float
    reading: Reading
    refused: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def check_models(
    tables: Sequence[tuple[str, ModelTable]], *, base: Path | None = None
) -> list[Check]:
    """Call every model once (more only where parameters are refused).

    Parameters
    ----------
    tables : sequence of (name, table)
        The models and judges of a study.
    base : Path, optional
        The folder that paths of local models start from.
    """
    with local_servers([table.model for _, table in tables], base=base) as urls:
        return asyncio.run(_check_all(tables, urls))


async def _check_all(
    tables: Sequence[tuple[str, ModelTable]], urls: Mapping[str, str]
) -> list[Check]:
    async with make_session() as session:
        return list(
            await asyncio.gather(
                *(
                    _check_named(session, name, table, urls.get(table.model, ""))
                    for name, table in tables
                )
            )
        )


async def _check_named(
    session: aiohttp.ClientSession, name: str, table: ModelTable, url: str
) -> Check:
    """Check one model; a missing key is a finding, not the end."""
    try:
        endpoint = make_endpoint(name, table, local_url=url)
    except EndpointError as error:
        reading = failure(Status.UNAUTHORIZED, str(error))
        return Check(name, table.model, ok=False, seconds=0.0, reading=reading)
    return await _check(session, endpoint)


async def _check(session: aiohttp.ClientSession, endpoint: Endpoint) -> Check:
    """Call once; where the request is refused, find the parameters that are to blame."""
    params = _bounded(endpoint)
    reading, seconds = await _call(session, endpoint, params)
    refused: list[str] = []
    while reading.status is Status.INVALID_REQUEST and len(refused) < len(params):
        blamed = await _blame(session, endpoint, params, reading)
        if blamed is None:
            break
        refused.append(blamed)
        params = {key: value for key, value in params.items() if key != blamed}
        reading, seconds = await _call(session, endpoint, params)
    check = Check(
        endpoint.name,
        endpoint.table.model,
        ok=reading.status in USABLE or reading.reason.startswith("only reasoning"),
        seconds=seconds,
        reading=reading,
        refused=tuple(refused),
    )
    return await _with_ignored(session, endpoint, params, check)


def _bounded(endpoint: Endpoint) -> dict[str, Any]:
    """Return the endpoint's parameters with a small limit on new tokens."""
    return {
        key: LIMIT if key in ("max_tokens", "max_completion_tokens") else value
        for key, value in endpoint.params.items()
    }


async def _blame(
    session: aiohttp.ClientSession, endpoint: Endpoint, params: dict[str, Any], reading: Reading
) -> str | None:
    """Find the parameter that makes a request invalid: named in the error, or by leaving out."""
    named = [key for key in params if key in reading.reason]
    for key in named or params:
        rest = {k: v for k, v in params.items() if k != key}
        again, _ = await _call(session, endpoint, rest)
        if again.status is not Status.INVALID_REQUEST or again.reason != reading.reason:
            return key
    return None


async def _call(
    session: aiohttp.ClientSession, endpoint: Endpoint, params: Mapping[str, Any]
) -> tuple[Reading, float]:
    """Make one call."""
    request = Request(endpoint.service, endpoint.table.model, QUESTION, params)
    start = time.perf_counter()
    response = await HttpTransport(endpoint, session).send(request)
    seconds = time.perf_counter() - start
    if response.failure is not None or response.http is None or response.body is None:
        return response.failure or failure(Status.MALFORMED, "no body"), seconds
    return read_response(response.http, response.body), seconds


async def _with_ignored(
    session: aiohttp.ClientSession, endpoint: Endpoint, params: Mapping[str, Any], check: Check
) -> Check:
    """Add what was ignored: a limit that was passed, what OpenRouter lists as unsupported."""
    ignored = []
    used = check.reading.usage.completion_tokens
    if used is not None and used > 1.5 * LIMIT:
        ignored += [key for key in params if key in ("max_tokens", "max_completion_tokens")]
    if endpoint.table.service == "openrouter":
        listed = await _openrouter_supports(session, endpoint)
        ignored += [key for key in params if listed and key not in listed and key != "usage"]
    unseen = tuple(key for key in params if key not in ignored) if check.ok else ()
    return replace(check, ignored=tuple(dict.fromkeys(ignored)), unseen=unseen)


async def _openrouter_supports(
    session: aiohttp.ClientSession, endpoint: Endpoint
) -> frozenset[str]:
    """Return the parameters that OpenRouter lists for a model; empty where it does not say."""
    try:
        async with session.get(f"{endpoint.base_url}/models", headers=endpoint.headers()) as answer:
            data = orjson.loads(await answer.read())
    except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError):
        return frozenset()
    models = data.get("data") if isinstance(data, dict) else None
    for model in models if isinstance(models, list) else []:
        if isinstance(model, dict) and model.get("id") == endpoint.table.model:
            return frozenset(model.get("supported_parameters") or ())
    return frozenset()
