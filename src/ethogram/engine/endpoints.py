"""Endpoints: a model or judge of a study file, made ready to be called.

Keys come from the environment only. `local/smollm2` and `local/PATH.gguf` run in this process,
through xllamacpp.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ethogram.engine.prices import Price, find_price
from ethogram.engine.requests import Messages, Request
from ethogram.engine.services import SERVICES, Service, reasoning_params
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

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
    key : str
        "" where none is needed. Never stored, printed or logged.
    params : mapping
        Sent with every request.
    price : Price or None
    """

    name: str
    table: ModelTable
    base_url: str
    key: str = field(repr=False)
    key_name: str
    params: Mapping[str, Any]
    price: Price | None

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
        return Request(
            service=self.service,
            model=self.table.model,
            messages=messages,
            params=params,
            sample=sample,
            path=path,
        )

    @cached_property
    def service(self) -> str:
        """Return the service's name, or the address that the study file gives."""
        if self.table.model.startswith("local/"):
            return "local"
        return self.table.base_url or str(self.table.service)

    def settings(self) -> dict[str, Any]:
        """Return what defines this model's answers: no address, no limits, no key."""
        service = "local" if self.table.model.startswith("local/") else self.table.service
        return {
            "service": service or "custom",
            "model": self.table.model,
            "params": dict(self.params),
            "family": self.table.family,
        }

    def worst_cost(self, size: int) -> float:
        """Return the most that a call of so many bytes can cost, at three bytes per token."""
        return self.price.cost(size / 3, self.table.max_tokens) if self.price else 0.0

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers."""
        headers = {"Content-Type": "application/json", "User-Agent": "ethogram"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        return headers


def sent_params(table: ModelTable) -> dict[str, Any]:
    """Return the parameters that a request carries, in the service's own words."""
    service = service_of(table)
    params = {name: value for name in _SAMPLING if (value := getattr(table, name)) is not None}
    params[service.max_tokens_key] = table.max_tokens
    params |= reasoning_params(service, table.reasoning)
    return {**params, **service.extra, **table.extra_body}


def service_of(table: ModelTable) -> Service:
    """Return the table's service; a plain one for a bare address."""
    if table.model.startswith("local/"):
        return SERVICES["local"]
    return SERVICES[table.service] if table.service else Service("")


def make_endpoint(name: str, table: ModelTable, *, local_url: str = "") -> Endpoint:
    """Make an endpoint ready.

    Raises
    ------
    EndpointError
        Its key is not in the environment.
    """
    service = service_of(table)
    key_name = table.api_key_env or ("" if table.base_url else service.api_key_env)
    key = os.environ.get(key_name, "") if key_name else ""
    if key_name and not key.strip():
        raise EndpointError(
            f"{name}: the environment variable {key_name} is not set; "
            f"put the key there (export {key_name}=...)"
        )
    return Endpoint(
        name=name,
        table=table,
        base_url=(local_url or table.base_url or service.base_url).rstrip("/"),
        key=key.strip(),
        key_name=key_name,
        params=sent_params(table),
        price=find_price(table),
    )


def plan_endpoint(name: str, table: ModelTable) -> Endpoint:
    """Return an endpoint for planning: it has no key and is never called."""
    return Endpoint(name, table, "", "", "", sent_params(table), find_price(table))
