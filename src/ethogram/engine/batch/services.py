"""The batch services, one line each. Facts from their own documentation, read in November 2026.

What they take off the price stands with the services themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from ethogram.engine.batch.google import GoogleWire
from ethogram.engine.batch.inline import AnthropicWire, OpenRouterWire
from ethogram.engine.batch.openai import MistralWire, OpenAiWire, TogetherWire
from ethogram.engine.batch.wire import Wire

MB = 1_000_000


@dataclass(frozen=True)
class BatchService:
    """A service's batches.

    Attributes
    ----------
    wire : Wire
        How it is spoken to; the states of a batch are there.
    lines, bytes : int
        The most that one batch may have.
    kept : float or None
        Days for which results are kept; None where nothing is said.
    cancel : bool
        Whether a batch can be cancelled.
    poll : float
        Seconds between two looks, at least.
    marks : str
        Where a batch bears our fingerprint; "" where it is looked for by size and time.
    """

    wire: Wire
    lines: int
    bytes: int
    kept: float | None
    cancel: bool = True
    poll: float = 30.0
    marks: str = "metadata"


BATCH_SERVICES: dict[str, BatchService] = {
    "openai": BatchService(OpenAiWire(), 50_000, 200 * MB, 30),
    "openrouter": BatchService(OpenRouterWire(), 5_000, 200 * MB, 30, cancel=False, marks=""),
    "anthropic": BatchService(AnthropicWire(), 100_000, 256 * MB, 29, marks=""),
    "gemini": BatchService(GoogleWire(), 50_000, 2_000 * MB, None, marks="display name"),
    "mistral": BatchService(MistralWire(), 1_000_000, 200 * MB, None),
    "together": BatchService(TogetherWire(), 50_000, 100 * MB, None, marks="file name"),
}
OTHERS = BatchService(OpenAiWire(), 50_000, 100 * MB, None)
"""An address of one's own that speaks OpenAI's."""
MARGIN = 0.98  # of a limit in bytes: what a service counts is not quite what we count


def batch_service(service: str | None) -> BatchService | None:
    """Return a service's batches by its name; None where it has none that are known."""
    return OTHERS if service is None else BATCH_SERVICES.get(service)
