"""Endpoints: a model or judge of a study file, made ready to be called.

Keys come from the environment only. `local/smollm2` and `local/PATH.gguf` run in this process,
through xllamacpp.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from ethogram.engine.address import (
    Address,
    Pairs,
    cannot_be_sent,
    check_proxy,
    fill_variable,
    names_secret,
    names_variable,
    proxy_for,
    read_address,
    with_query,
    without_user,
)
from ethogram.engine.prices import Price, asked_price
from ethogram.engine.requests import Messages, Request
from ethogram.engine.services import SERVICES, Service, reasoning_params
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

PLACEHOLDERS = frozenset({"lm-studio", "not-needed", "placeholder", "sk-no-key-required"})
_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "seed",
    "stop",
)


@dataclass(frozen=True)
class Endpoint:
    """Where and how one model is called.

    Attributes
    ----------
    name : str
        Its name in the study file.
    table : ModelTable
    base_url : str
        Without user, password and query: safe to print.
    key : str
        "" where none is needed. Never stored, printed or logged.
    params : mapping
        Sent with every request.
    price : Price or None
    own_headers : pairs of str
        Headers that the study file adds, variables filled in.
    query : pairs of str
        Query parameters of the address and of the study file, variables filled in.
    secrets : pairs of str
        Each secret in a form in which it may come back, and what to put in its place.
    """

    name: str
    table: ModelTable
    base_url: str
    key: str = field(repr=False)
    key_name: str
    params: Mapping[str, Any]
    price: Price | None
    own_headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)
    secrets: Pairs = field(default=(), repr=False)

    def request(
        self,
        messages: Messages,
        *,
        sample: int = 0,
        extra: Mapping[str, Any] | None = None,
        path: str = "chat/completions",
    ) -> Request:
        """Return the request that asks this model these messages."""
        params = {**self.params, **extra} if extra else self.params
        if sample and "seed" in params:  # another sample of the same question
            params = {**params, "seed": params["seed"] + sample}
        if path == "completions":  # which knows the limit by one name only
            params = {k: v for k, v in params.items() if k not in self._limit_keys}
        return Request(
            service=self.service,
            model=self.table.model,
            messages=with_system_role(messages, self.table.system_role),
            params=params,
            sample=sample,
            path=path,
        )

    @property
    def _limit_keys(self) -> frozenset[str]:
        """Names of the limit on new tokens that only chat completions know."""
        return frozenset({limit_key(self.table)} - {"max_tokens"})

    def url(self, path: str) -> str:
        """Return the address that a request is sent to."""
        return with_query(f"{self.base_url}/{path}", self.query)

    @cached_property
    def service(self) -> str:
        """Return the service's name, or the address that the study file gives."""
        if self.table.model.startswith("local/"):
            return "local"
        return address_name(self.table)

    def settings(self) -> dict[str, Any]:
        """Return what defines this model's answers: no address, no limits, no key."""
        service = "local" if self.table.model.startswith("local/") else self.table.service
        role = self.table.system_role
        return {
            "service": service or "custom",
            "model": self.table.model,
            "params": dict(self.params),
            "family": self.table.family,
            **({} if role == "system" else {"system_role": role}),
            **({"system": self.table.system} if self.table.system else {}),
            **({"instruct": "user"} if self.table.instruct == "user" else {}),
            **({"thoughts": self.table.thoughts} if self.table.thoughts else {}),
        }

    def worst_cost(self, size: int) -> float:
        """Return the most that a call of so many bytes can cost, at three bytes per token."""
        return self.price.cost(size / 3, self.table.max_tokens) if self.price else 0.0

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers; those of the study file go over ours."""
        headers = {"Content-Type": "application/json", "User-Agent": "ethogram"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        elif self.table.base_url and (basic := _basic(read_address(self.table.base_url))):
            headers["Authorization"] = f"Basic {basic}"
        own = {name.lower() for name, _ in self.own_headers}
        return {n: v for n, v in headers.items() if n.lower() not in own} | dict(self.own_headers)

    def hide(self, text: str) -> str:
        """Return a text without the secrets that this endpoint is called with."""
        for secret, mark in self.secrets:
            text = text.replace(secret, mark)
        return without_user(text)

    def hide_in(self, body: bytes) -> bytes:
        """Return a response's body without the secrets that this endpoint is called with."""
        for secret, mark in self.secrets:
            if (found := secret.encode()) in body:
                body = body.replace(found, mark.encode())
        return body


def with_system_role(messages: Messages, role: str) -> Messages:
    """Return messages with the system text under another role.

    Parameters
    ----------
    messages : messages
    role : "system", "developer" or "user"
        "user" puts the text at the head of the first user message.
    """
    if role == "system" or not any(m["role"] == "system" for m in messages):
        return messages
    if role != "user":
        return tuple({**m, "role": role} if m["role"] == "system" else m for m in messages)
    texts = [m["content"] for m in messages if m["role"] == "system"]
    rest = [m for m in messages if m["role"] != "system"]
    at = next((i for i, m in enumerate(rest) if m["role"] == "user"), None)
    if at is None:
        return ({"role": "user", "content": "\n\n".join(texts)}, *rest)
    rest[at] = {**rest[at], "content": "\n\n".join([*texts, rest[at]["content"]])}
    return tuple(rest)


def sent_params(table: ModelTable) -> dict[str, Any]:
    """Return the parameters that a request carries, in the service's own words."""
    service = service_of(table)
    params = {name: value for name in _SAMPLING if (value := getattr(table, name)) is not None}
    if table.send_max_tokens:
        params[limit_key(table)] = table.max_tokens
    params |= reasoning_params(service, table.effort, table.style)
    return {**params, **service.extra, **table.extra_body}


def limit_key(table: ModelTable) -> str:
    """Return what the limit on new tokens is called."""
    return table.max_tokens_key or service_of(table).max_tokens_key


def service_of(table: ModelTable) -> Service:
    """Return the table's service; a plain one for a bare address."""
    if table.model.startswith("local/"):
        return SERVICES["local"]
    return SERVICES[table.service] if table.service else Service("")


def address_name(table: ModelTable) -> str:
    """Return the service or the address that a request is known by.

    Headers and query parameters are part of it, for they can choose another model, but no secret
    is: a variable stands there by its name, and so may its value change. An address with neither
    is known as it is written, so that requests answered before are found again.
    """
    address = read_address(table.base_url) if table.base_url else Address(str(table.service))
    query = _without_values((*address.query, *table.query.items()))
    headers = sorted((n.lower(), v) for n, v in _without_values(table.headers.items()))
    return f"{with_query(address.url, query)}{f'#{urlencode(headers)}' if headers else ''}"


def _without_values(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers or query parameters with a mark for each value that is secret by its name."""
    return [(n, v if names_variable(v) or not names_secret(n) else "[key]") for n, v in pairs]


def make_endpoint(name: str, table: ModelTable, *, local_url: str = "") -> Endpoint:
    """Make an endpoint ready.

    Raises
    ------
    EndpointError
        Its key, or a variable that a header or query parameter names, is not in the environment
        or cannot be sent; or the proxy on the way to it is of a kind that cannot be used.
    """
    service = service_of(table)
    key_name = table.api_key_env or ("" if table.base_url else service.api_key_env)
    key = _read_variable(name, key_name, "the key") if key_name else ""
    url = local_url or table.base_url or service.base_url
    address = read_address(url) if url else Address("")  # a local model that is not started yet
    base_url = address.url.rstrip("/")
    if not table.model.startswith("local/"):
        check_proxy(name, base_url)
    own_headers = tuple((n, _filled(name, v, f"header {n}")) for n, v in table.headers.items())
    query = tuple((n, _filled(name, v, f"query {n}")) for n, v in table.query.items())
    return Endpoint(
        name=name,
        table=table,
        base_url=base_url,
        key=key,
        key_name=key_name,
        params=sent_params(table),
        price=asked_price(table),
        own_headers=own_headers,
        query=(*((n, v) for n, v in address.query if n not in table.query), *query),
        secrets=_secrets(table, address, key, proxy_for(base_url)),
    )


def plan_endpoint(name: str, table: ModelTable) -> Endpoint:
    """Return an endpoint for planning: it has no key and is never called."""
    return Endpoint(name, table, "", "", "", sent_params(table), asked_price(table))


# -- keys and other secrets -----------------------------------------------------------------


def _read_variable(name: str, variable: str, what: str) -> str:
    """Return an environment variable's value, if it is set and can be sent."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise EndpointError(
            f"{name}: the environment variable {variable} is not set; "
            f"put {what} there (export {variable}=...)"
        )
    if flaw := cannot_be_sent(value):
        raise EndpointError(
            f"{name}: the environment variable {variable} holds {flaw}, which cannot be sent; "
            f"put {what} there again, on one line"
        )
    return value


def _filled(name: str, value: str, what: str) -> str:
    """Return a header's or query parameter's value with the variable that it names filled in."""
    if variable := names_variable(value):
        _read_variable(name, variable, f"the value of {what}")
    return fill_variable(value, os.environ)


def is_secret(key: str) -> bool:
    """Whether a key is one to hide: short ones and the usual placeholders occur in plain text."""
    return len(key) >= 8 and key not in PLACEHOLDERS


def _basic(address: Address) -> str:
    """Return what basic authentication sends for an address; "" where it names no user."""
    if not address.userinfo:
        return ""
    return b64encode(f"{address.user}:{address.password}".encode()).decode()


def _secrets(table: ModelTable, address: Address, key: str, proxy: str | None) -> Pairs:
    """Return every secret of a call, the longest first, with what to put in its place."""
    found: dict[str, str] = {}
    for value in (*table.headers.values(), *table.query.values()):
        if variable := names_variable(value):
            found[os.environ.get(variable, "").strip()] = f"[{variable}]"
    pairs = (*address.query, *table.query.items(), *table.headers.items())
    literal = (v for n, v in pairs if names_secret(n) and not names_variable(v))
    found |= {v.rpartition(" ")[2]: "[key]" for v in literal}  # without "Bearer"
    via = urlsplit(proxy or "")
    for password in (address.password or address.user, unquote(via.password or "")):
        found[password] = "[password]"
    found |= {_basic(address): "[password]", key: "[key]", f"{address.userinfo}@": ""}
    forms = {form: mark for text, mark in found.items() for form in (quote(text, safe=":@"), text)}
    return tuple(
        sorted(((s, m) for s, m in forms.items() if is_secret(s)), key=lambda p: -len(p[0]))
    )


def without_secrets(text: str, tables: Iterable[ModelTable]) -> str:
    """Return a text, such as a study file's, without the secrets that are written into tables."""
    for table in tables:
        address = read_address(table.base_url) if table.base_url else Address("")
        for secret, mark in _secrets(table, address, "", None):
            text = text.replace(secret, mark)
    return without_user(text)
