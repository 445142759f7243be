"""What tokens cost: the study file's prices, else `genai-prices`, else unknown."""

from __future__ import annotations

from dataclasses import dataclass

from ethogram.engine.requests import Usage
from ethogram.engine.services import SERVICES
from ethogram.engine.settings import ModelTable


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and the source of the price."""

    input: float
    output: float
    source: str

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """US dollars for so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


def find_price(table: ModelTable) -> Price | None:
    """Return a model's price, or None where it is unknown."""
    if table.prices is not None:
        return Price(table.prices.input, table.prices.output, "study file")
    if table.model.startswith("local/"):
        return Price(0.0, 0.0, "runs on this machine")
    if table.service is None or table.base_url is not None or table.service == "inspect":
        return None
    service = SERVICES[table.service]
    if not service.prices:
        return Price(0.0, 0.0, f"{table.service} runs on a machine of your own")
    return _listed(service.prices, table.model)


def asked_price(table: ModelTable) -> Price | None:
    """Return the price at which a model is asked: that of its engine."""
    price = find_price(table)
    return batch_price(table, price) if table.engine == "batch" else price


def batch_price(table: ModelTable, live: Price | None) -> Price | None:
    """Return what a live price comes to in batches."""
    if live is None:
        return None
    own, known = table.batch_discount, SERVICES.get(table.service or "")
    share = 1 - (own if own is not None else known.batch_discount if known else 0.0)
    source = f"{live.source}, {share:.0%} of it in batches" if share < 1 else live.source
    return Price(live.input * share, live.output * share, source)


def _listed(provider: str, model: str) -> Price | None:
    """Look a model up in genai-prices."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    million = Tokens(input_tokens=1_000, output_tokens=1_000)
    try:
        found = calc_price(million, model, provider_id=provider)
    except LookupError:
        return None
    return Price(float(found.input_price) * 1e3, float(found.output_price) * 1e3, "genai-prices")


def cost_of(usage: Usage, price: Price | None) -> float | None:
    """US dollars of one attempt: the service's own figure, else price times tokens, else None."""
    if usage.cost is not None:
        return usage.cost
    if price is None:
        return None
    if price.input == price.output == 0:
        return 0.0
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return price.cost(usage.prompt_tokens, usage.completion_tokens)
