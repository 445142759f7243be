"""How numbers are written for people, everywhere: on a terminal, in cards, figures and the report.

A true minus and none before zero, ranges with "to", ties among ranks with "=", no p-value of zero.
JSON and CSV keep plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ethogram.ratings.comparisons import FloatArray

MINUS = "\N{MINUS SIGN}"
LEAST_P = 0.0001
FEWEST_FOR_A_SHARE = 20


def say_number(value: float, digits: int = 0, *, sign: bool = False, grouped: bool = False) -> str:
    """Write a number, such as 1182, −0.49, or with its sign +12; zero has no sign."""
    if not math.isfinite(value):
        return "unknown"
    text = f"{value:{'+' if sign else ''}{',' if grouped else ''}.{digits}f}"
    return text.replace("-", MINUS) if text.strip("+-0.") else text.lstrip("+-")


def say_estimate(estimate: float, low: float, high: float, digits: int = 2) -> str:
    """Write a number with its interval, such as 0.49 (0.31 to 0.63); or that it cannot be told."""
    if not all(map(math.isfinite, (estimate, low, high))):
        return "cannot be told"
    return (
        f"{say_number(estimate, digits)} ({say_number(low, digits)} to {say_number(high, digits)})"
    )


def say_interval(
    low: float, high: float, digits: int = 0, *, sign: bool = False, grouped: bool = False
) -> str:
    """Write both ends of an interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "unknown"
    ends = (say_number(value, digits, sign=sign, grouped=grouped) for value in (low, high))
    return " to ".join(ends)


def say_p(value: float) -> str:
    """Write a p-value to two digits; none is zero."""
    return f"{value:.2g}" if value >= LEAST_P else f"<{LEAST_P}"


def count_words(count: int, word: str) -> str:
    """Write a number with its noun, such as 1 trait or 12 traits."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def part_of(count: int, total: int, things: str = "") -> str:
    """Write a count of a total, with its share where the total is large enough for one."""
    of = f"{count:,} of {total:,}{f' {things}' if things else ''}"
    return f"{of} ({count / total:.0%})" if total >= FEWEST_FOR_A_SHARE else of


def rank_words(ratings: FloatArray | Sequence[float]) -> list[str]:
    """Write the rank of each rating, the largest first; equal ones share one, such as =3.

    Equal to six decimals is a tie: equal win counts leave a solver with other last bits.
    """
    values = np.round(np.asarray(ratings, dtype=np.float64), 6)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="right")
    equal = below - np.searchsorted(ordered, values)
    above = len(values) - below
    return [f"{'=' if n > 1 else ''}{k + 1}" for k, n in zip(above, equal, strict=True)]


def say_range(low: int, high: int) -> str:
    """Write a range of ranks; one that is sure is one number."""
    return f"{low}" if low == high else f"{low} to {high}"
