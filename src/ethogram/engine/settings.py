"""How a model is called: the keys of a study file's `[models.NAME]` table.

Knows nothing of the rest of a study file.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ethogram.engine.address import cannot_be_sent, names_variable, read_address, without_user
from ethogram.engine.services import SERVICES, THINKING_BUDGET, Service
from ethogram.errors import guess

Positive = Annotated[int, Field(ge=1, le=2**31)]
Text = Annotated[str, Field(min_length=1)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Style = Literal[
    "reasoning_effort",
    "reasoning",
    "budget",
    "adaptive",
    "chat_template_kwargs",
    "think",
    "thinking",
]

OURS = ("messages", "model", "prompt", "stream", "n")  # keys of a request that are not to be set
FRAMING = ("content-length", "transfer-encoding", "connection")  # headers that follow the body
_CLUSTER = re.compile(r"local|auto|(?:ray://)?[^\s/:]+:\d{1,5}|ray://\[[^\s/]+\]:\d{1,5}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name, RFC 9110


BATCH_IN_FLIGHT = 50_000
"""Requests of one model that may wait in batches at once; some 15 kB of memory each."""
ENGINE_KEYS = {"ray": "ray", "batch_size": "batch", "batch_poll": "batch"}
"""Keys that do nothing with another engine; `batch_discount` serves a plan of either price."""
RAY_SLOTS = 5  # requests under way per replica: its four slots, and one on its way


class Table(BaseModel):
    """A TOML table: unknown keys are refused, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Prices(Table):
    """US dollars per million tokens."""

    input: Annotated[float, Field(ge=0, strict=False)]
    output: Annotated[float, Field(ge=0, strict=False)]


class Reasoning(Table):
    """An effort, and how it is said where that is not the service's own way."""

    effort: Effort
    style: Style | None = None


def _is_cluster(address: str) -> str:
    """Refuse an address that Ray could not join, such as one misspelt."""
    if not _CLUSTER.fullmatch(address):
        raise PydanticCustomError("address", "'local', 'auto', 'ray://HOST:PORT' or 'HOST:PORT'")
    return address


Address = Annotated[str, AfterValidator(_is_cluster)]


class RayTable(Table):
    """`[models.NAME.ray]`: where a model runs on a Ray cluster, and how often.

    `base`: the model that this one is a LoRA adapter of (vLLM). `cpus` and `gpus` are each
    replica's; `engine_kwargs` are vLLM's own.
    """

    address: Address = "local"
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    cpus: Annotated[float, Field(gt=0, strict=False)] = 1.0
    base: Text | None = None
    engine_kwargs: dict[str, Any] = Field(default_factory=dict)


def _is_table(value: Any) -> str:
    """Say which of its two forms `reasoning` has."""
    return "table" if isinstance(value, dict | Reasoning) else "word"


class ModelTable(Table):
    """`[models.NAME]`: one tested model, where it is and how it is asked."""

    service: str | None = None
    engine: Literal["live", "batch", "ray"] = "live"
    ray: RayTable | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    model: Annotated[str, Field(min_length=1)]
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    top_k: Annotated[int, Field(ge=0, le=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2, strict=False)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2, strict=False)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2, strict=False)] | None = None
    max_tokens: Positive = 5120
    max_tokens_key: Text | None = None
    send_max_tokens: bool = True
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: list[str] | None = None
    reasoning: (
        Annotated[
            Annotated[Effort, Tag("word")] | Annotated[Reasoning, Tag("table")],
            Discriminator(_is_table),
        ]
        | None
    ) = None
    thoughts: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    system: str = ""
    instruct: Literal["system", "user"] = "system"
    system_role: Literal["system", "user", "developer"] = "system"
    extra_body: dict[str, Any] = Field(default_factory=dict)
    concurrency: Annotated[int, Field(ge=1, le=2000)] = 16
    requests_per_minute: Annotated[float, Field(gt=0, strict=False)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0, strict=False)] | None = None
    timeout: Annotated[float, Field(gt=0, strict=False)] = 300.0
    backoff: Annotated[float, Field(ge=0, strict=False)] = 1.0
    batch_size: Positive | None = None
    batch_poll: Annotated[float, Field(gt=0, strict=False)] | None = None
    batch_discount: Annotated[float, Field(ge=0, lt=1, strict=False)] | None = None
    prices: Prices | None = None
    family: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_vllm(cls, table: Any) -> Any:
        """Take a model that runs on Ray for vLLM's, so that it may move from and to its server."""
        if not isinstance(table, dict) or table.get("engine") != "ray" or "base_url" in table:
            return table
        local = str(table.get("model", "")).startswith("local/")
        return table if local else {"service": "vllm", **table}

    @field_validator("extra_body")
    @classmethod
    def _can_be_sent(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse what JSON cannot hold, such as a number beyond 64 bits."""
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            raise ValueError(f"extra_body cannot be sent as JSON: {error}") from error
        return value

    @field_validator("system")
    @classmethod
    def _says_something(cls, value: str) -> str:
        """Refuse blanks: they would be sent, and tell one model from another."""
        if value and not value.strip():
            raise ValueError("is blank: write the system prompt, or leave system out")
        return value

    @field_validator("base_url")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        """Refuse an address without a host, in words that hold no password."""
        if value is not None:
            read_address(value)
        return value

    @field_serializer("base_url")
    def _without_password(self, value: str | None) -> str | None:
        """Keep a user and a password out of whatever a table is written to."""
        return None if value is None else without_user(value)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        """Refuse names and values that no header can have."""
        for name, text in value.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a header's name: expected one such as api-key"
                )
            if name.lower() in FRAMING:
                raise ValueError(f"{name} cannot be set: ethogram sets it")
            if flaw := cannot_be_sent(text):
                raise ValueError(
                    f"the value of {name} has {flaw}; write it on one line, in Latin-1"
                )
            names_variable(text)
        return value

    @field_validator("query")
    @classmethod
    def _are_parameters(cls, value: dict[str, str]) -> dict[str, str]:
        """Refuse an empty name, and `env:` without a variable."""
        for name, text in value.items():
            if not name:
                raise ValueError("a query parameter needs a name, such as api-version")
            names_variable(text)
        return value

    @field_validator("max_tokens_key")
    @classmethod
    def _is_free(cls, value: str | None) -> str | None:
        """Refuse a key that holds something else."""
        if value in OURS:
            raise ValueError(f"{value} cannot hold the limit: ethogram sets it")
        return value

    @property
    def in_flight(self) -> int:
        """How many requests may be under way at once: as good as all, where they go in batches."""
        if self.engine == "live":
            return self.concurrency
        if self.engine == "ray" and self.is_local:
            return RAY_SLOTS * self.on_ray.replicas
        return BATCH_IN_FLIGHT

    @property
    def asks_one_token(self) -> bool:
        """Whether its calls ask for a single token, whatever `max_tokens` says."""
        return False

    @property
    def is_local(self) -> bool:
        """Whether llama.cpp runs it, from a file."""
        return self.model.startswith("local/")

    @property
    def on_ray(self) -> RayTable:
        """Where it runs on Ray."""
        return self.ray or RayTable()

    @property
    def spellings(self) -> tuple[tuple[str, str], ...]:
        """Marks between which this model puts its thoughts, beside those that are known."""
        return tuple((opening, closing) for opening, closing in self.thoughts)

    @property
    def effort(self) -> str | None:
        """The reasoning effort that is asked for; None where the service's default is."""
        return self.reasoning.effort if isinstance(self.reasoning, Reasoning) else self.reasoning

    @property
    def style(self) -> str:
        """How the effort is said where the table says how; else ""."""
        said = self.reasoning.style if isinstance(self.reasoning, Reasoning) else None
        return said or ""

    @model_validator(mode="after")
    def _says_its_effort(self) -> Self:
        """Refuse an effort that would not be sent, or that its service could not take."""
        known = SERVICES.get(self.service or "", Service(""))
        style = self.style or known.reasoning
        if self.effort is None:
            return self
        if not style:
            raise ValueError(
                f'reasoning = "{self.effort}": {self.service} has no single way to set an effort; '
                f'name one, as reasoning = {{ effort = "{self.effort}", '
                f'style = "{known.reasoning_hint}" }}, or put its own keys into extra_body'
            )
        if style == "adaptive" and self.effort == "minimal":
            raise ValueError(
                'effort = "minimal": adaptive thinking takes none, low, medium, high, '
                "xhigh or max; the least is low"
            )
        budget = THINKING_BUDGET.get(self.effort, 0) if style == "budget" else 0
        if budget >= self.max_tokens and "thinking" not in self.extra_body:
            raise ValueError(
                f'reasoning = "{self.effort}" is a budget of {budget} tokens, and max_tokens = '
                f"{self.max_tokens} must be larger: it counts reasoning too"
            )
        return self

    @model_validator(mode="after")
    def _says_its_engine(self) -> Self:
        """Refuse keys of an engine that is not named; one that is named may be changed back."""
        if "engine" in self.model_fields_set:
            return self
        for key, engine in ENGINE_KEYS.items():
            if getattr(self, key) is not None:
                raise ValueError(
                    f'{key} is for engine = "{engine}", and no engine is named: add '
                    f'engine = "{engine}", or remove {key}'
                )
        return self

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        """Refuse a table from which no address follows."""
        if taken := sorted(set(self.extra_body) & set(OURS)):
            raise ValueError(f"extra_body cannot set {taken[0]}: ethogram sets it")
        if self.base_url and self.api_key_env and read_address(self.base_url).userinfo:
            raise ValueError(
                f"base_url holds a user or password and api_key_env names {self.api_key_env}: "
                "only one of them can be sent; remove the other"
            )
        if self.engine == "ray" and (self.base_url or self.service not in (None, "vllm")):
            key = "base_url" if self.base_url else "service"
            raise ValueError(
                f'engine = "ray" runs the model itself, from a hub id or a folder: remove {key}'
            )
        if self.ray is not None and self.ray.base is not None and self.is_local:
            raise ValueError(f"{self.model}: LoRA adapters (base) are vLLM's, not llama.cpp's")
        if self.is_local or self.engine == "ray":
            return self
        if self.service == "local":
            raise ValueError(f'model = "{self.model}": local models are local/smollm2, local/FILE')
        if self.service is None and self.base_url is None:
            raise ValueError("needs a service or a base_url")
        if self.service is not None and self.service not in SERVICES:
            raise ValueError(
                f'service = "{self.service}"{guess(self.service, SERVICES)}: expected one of '
                f"{', '.join(sorted(SERVICES))}, or a base_url"
            )
        return self
