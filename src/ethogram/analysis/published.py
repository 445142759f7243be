"""The published study's figures, beside those of an analysis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ethogram.analysis.analyse import Analysis


@dataclass(frozen=True)
class Published:
    """One published figure, or several of one kind.

    Attributes
    ----------
    key, label, unit : str
    names : tuple of str
        What each value is.
    values : tuple of float
        As published (rounded).
    ours : tuple of float or None
        The same from an analysis; None where it has none.
    source : str
    why : str
        Why the two differ, or why there is only one.
    """

    key: str
    label: str
    unit: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    ours: tuple[float, ...] | None
    source: str
    why: str


def put_beside_published(analysis: Analysis) -> tuple[Published, ...]:
    """Put an analysis beside the published figures.

    The two measure the same thing only for the nine reference profiles; for other models
    the published figures are a context, and whoever shows them has to say so.
    """
    return tuple(
        Published(
            key=row["key"],
            label=row["label"],
            unit=row["unit"],
            names=tuple(row["names"]),
            values=tuple(row["values"]),
            ours=_ours(analysis, row),
            source=row["source"],
            why=row["why"],
        )
        for row in read_published()
    )


def read_published() -> list[dict[str, Any]]:
    """Read the published figures."""
    text = files("ethogram").joinpath("data/reference/published.json").read_text("utf-8")
    figures: list[dict[str, Any]] = json.loads(text)["figures"]
    return figures


def _ours(analysis: Analysis, row: dict[str, Any]) -> tuple[float, ...] | None:
    """Return the analysis's values for one published row."""
    key = row["key"]
    if key == "rating_range":
        return (
            min(d.lowest for d in analysis.distributions),
            max(d.highest for d in analysis.distributions),
        )
    if key == "spearman" and analysis.similarity is not None:
        found = analysis.similarity.spearman
        return found.mean, float(found.value[found.least]), float(found.value[found.most])
    if key == "tier_spread" and analysis.convergence is not None:
        tiers = analysis.convergence.tiers
        same = [tier.name for tier in tiers] == row["names"]
        return tuple(tier.ranks.value for tier in tiers) if same else None
    if key == "explained" and analysis.components is not None:
        share = analysis.components.explained
        return tuple(float(s) for s in share[:3]) if len(share) >= 3 else None
    return None
