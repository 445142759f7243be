"""The level of all intervals, and the quantiles that they are made with."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray

LEVEL = 0.95
"""Of every interval, unless another is asked for."""


def check_level(level: float) -> None:
    """Refuse what is no level of an interval.

    Raises
    ------
    InputError
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level!r}, expected a number between 0 and 1, such as {LEVEL}")


def simultaneous(count: int, level: float = LEVEL) -> float:
    """Level of each of so many intervals that all hold at once with this one (Bonferroni)."""
    return 1 - (1 - level) / max(1, count)


def normal_quantile(level: float = LEVEL) -> float:
    """Two-sided quantile of the normal distribution (1.96 for 95%)."""
    return float(norm.ppf((1 + level) / 2))


def t_quantile(freedom: float | FloatArray, level: float = LEVEL) -> FloatArray:
    """Two-sided quantile of Student's t on so many degrees of freedom (12.7 for 95% and 1)."""
    return np.asarray(student.ppf((1 + level) / 2, freedom), dtype=np.float64)


def tails(level: float = LEVEL) -> tuple[float, float]:
    """Probabilities below the two ends of an interval (0.025 and 0.975 for 95%)."""
    return (1 - level) / 2, (1 + level) / 2


def central_range(
    draws: FloatArray, *, level: float = LEVEL, axis: int | None = 0
) -> tuple[Any, Any]:
    """Ends of the middle share of draws, which leave equally many below and above.

    Parameters
    ----------
    draws : float array
    level : float
        The share.
    axis : int or None
        Along which the draws lie; None for all of them together.

    Returns
    -------
    low, high : float or float array
        In the shape of one draw.
    """
    low, high = np.quantile(draws, tails(level), axis=axis)
    return low, high
