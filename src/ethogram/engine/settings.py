"""How a model is called: the keys of a study file's `[models.NAME]` table.

Knows nothing of the rest of a study file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ethogram.engine.services import SERVICES

Positive = Annotated[int, Field(ge=1, le=2**31)]


OURS = ("messages", "model", "prompt", "stream", "n")  # keys of a request that are not to be set


class Table(BaseModel):
    """A TOML table: unknown keys are refused, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Prices(Table):
    """US dollars per million tokens."""

    input: Annotated[float, Field(ge=0, strict=False)]
    output: Annotated[float, Field(ge=0, strict=False)]


class ModelTable(Table):
    """`[models.NAME]`: one tested model, where it is and how it is asked."""

    service: str | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    model: Annotated[str, Field(min_length=1)]
    api_key_env: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    top_k: Annotated[int, Field(ge=0, le=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2, strict=False)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2, strict=False)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2, strict=False)] | None = None
    max_tokens: Positive = 5120
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: list[str] | None = None
    reasoning: Literal["none", "minimal", "low", "medium", "high"] | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)
    concurrency: Annotated[int, Field(ge=1, le=2000)] = 16
    requests_per_minute: Annotated[float, Field(gt=0, strict=False)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0, strict=False)] | None = None
    timeout: Annotated[float, Field(gt=0, strict=False)] = 300.0
    backoff: Annotated[float, Field(ge=0, strict=False)] = 1.0
    prices: Prices | None = None
    family: str | None = None

    @field_validator("extra_body")
    @classmethod
    def _can_be_sent(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse what JSON cannot hold, such as a number beyond 64 bits."""
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            raise ValueError(f"extra_body cannot be sent as JSON: {error}") from error
        return value

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        """Refuse a table from which no address follows."""
        if taken := sorted(set(self.extra_body) & set(OURS)):
            raise ValueError(f"extra_body cannot set {taken[0]}: ethogram sets it itself")
        if self.model.startswith("local/"):
            return self
        if self.service == "local":
            raise ValueError(f'model = "{self.model}": local models are local/smollm2, local/FILE')
        if self.service is None and self.base_url is None:
            raise ValueError("needs a service or a base_url")
        if self.service is not None and self.service not in SERVICES:
            raise ValueError(
                f'service = "{self.service}": expected one of {", ".join(sorted(SERVICES))}, '
                "or a base_url"
            )
        return self
