"""How numbers are written in the report: a true minus, ranges with "to", ties among ranks.

For page, Markdown and figures' tables; the JSON keeps plain numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from ethogram.ratings.comparisons import FloatArray

MINUS = "\u2212"


def true_minus(text: str) -> str:
    """Write a formatted number's minus as one, and no zero as negative."""
    if text.startswith("-") and not text.strip("-0.,%"):
        text = text[1:]
    return text.replace("-", MINUS)


def whole(value: float) -> str:
    """A whole number, such as a rating."""
    return true_minus(f"{value:.0f}")


def thousands(value: float) -> str:
    """A whole number with separators."""
    return true_minus(f"{value:,.0f}")


def decimal(value: float, digits: int = 2) -> str:
    """A number to some digits after the point."""
    return true_minus(f"{value:.{digits}f}")


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign; zero has none."""
    text = f"{value:+.{digits}f}"
    return true_minus(text) if text.strip("+-0.") else text[1:]


def between(low: float, high: float) -> str:
    """Both ends of an interval of ratings."""
    return f"{whole(low)} to {whole(high)}"


def p_value(value: float) -> str:
    """A p-value to two digits."""
    return f"{value:.2g}" if value >= 0.0001 else "<0.0001"


def places(ratings: FloatArray | Sequence[float]) -> list[str]:
    """Each one's place in the list, strongest first; those that share a place say so: "=1".

    Equal to six decimals is a tie: equal win counts leave a solver with other last bits.
    """
    ranks = rankdata(-np.round(np.asarray(ratings, dtype=np.float64), 6), method="min")
    shared = np.bincount(ranks.astype(np.int64))
    return [f"={rank:.0f}" if shared[int(rank)] > 1 else f"{rank:.0f}" for rank in ranks]


def part_of(count: int, total: int, things: str = "") -> str:
    """A count of a total, with its share where the total is large enough for one."""
    of = f"{count:,} of {total:,}{f' {things}' if things else ''}"
    return f"{of} ({count / total:.0%})" if total >= FEWEST_FOR_A_SHARE else of


FEWEST_FOR_A_SHARE = 20
