"""What so many trials will tell, and what they cost: the part of a plan that is about numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ethogram.design import Design, make_design
from ethogram.errors import EthogramError, InputError, guess
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.power import LEAST, LONGEST, Power, foresee, reference_spread, true_spread
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.run.begun import ADAPTIVE
from ethogram.run.cost import make_plan
from ethogram.run.prepare import Prepared
from ethogram.store.read import read_comparisons
from ethogram.store.store import Store

SIZES = (0.5, 1, 2, 4)
"""Of the rows of a forecast, as multiples of the study."""

ENOUGH = 6  # comparisons per trait, from which on a study's own spread is used
WANTS = ("half_width", "shift", "rank_correlation")
_STEPS, _CLOSE = 12, 0.02  # of the search for a number, and how near it has to get


@dataclass(frozen=True)
class Forecast:
    """What some numbers of trials will tell.

    Attributes
    ----------
    rows : tuple of Power
        By number of trials per model.
    costs : tuple of float or None
        US dollars for each row that are not spent yet; None where a price is unknown.
    planned : int
        Trials that the study has as it stands.
    spread : float
        Standard deviation of the strengths, in points.
    basis : str
        Where that comes from.
    wanted : dict
        What was asked for; the row is the least number that gives it.
    adaptive : bool
        The study chooses its pairs from the answers; what is told is of fixed ones.
    """

    rows: tuple[Power, ...]
    costs: tuple[float | None, ...]
    planned: int
    spread: float
    basis: str
    wanted: Mapping[str, float]
    adaptive: bool


def make_forecast(
    prepared: Prepared, store: Path | None = None, *, want: Mapping[str, float] | None = None
) -> Forecast:
    """Work out what a study of this and other sizes will tell; pairs as in the fixed design.

    Parameters
    ----------
    prepared : Prepared
    store : Path, optional
        Where it has comparisons, the spread of the strengths is theirs.
    want : mapping, optional
        "half_width", "shift" (points, at most) or "rank_correlation" (at least): one row, for the
        number of trials that gives all of them.

    Raises
    ------
    InputError
        Something else is wanted, or what no number of trials within reach gives.
    """
    spread, position, basis = _assumptions(prepared, store)
    planned = prepared.most_trials
    want = dict(want or {})

    @cache
    def look_at(trials: int) -> Power:
        return foresee(_resized(prepared, trials), spread=spread, position=position)

    def look(trials: int) -> Power:
        looked = look_at(min(trials, _longest(prepared)))
        return looked.with_more(trials) if looked.comparisons < trials else looked

    if want:
        _check_want(want)
        rows = [_find(prepared, look, want, planned)]
    else:
        sizes = dict.fromkeys(round(planned * size) for size in SIZES)
        least, most = prepared.fixed.n_traits - 1, _most(prepared)
        rows = [look(size) for size in sizes if least <= size <= most]
    costs = tuple(_cost(prepared, store, row.comparisons) for row in rows)
    adaptive = prepared.study.study.pairs == ADAPTIVE
    return Forecast(tuple(rows), costs, planned, ELO_PER_LOGIT * spread, basis, want, adaptive)


def read_want(text: str) -> dict[str, float]:
    """Read what is wanted, such as "half_width=50" or "shift=100,rank_correlation=0.95"."""
    want: dict[str, float] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            equals = ""
        if not equals or key not in WANTS:
            raise InputError(
                f"--want {part.strip()!r}{guess(key, WANTS)}: expected half_width=POINTS, "
                "shift=POINTS or rank_correlation=NUMBER"
            )
        if key in want:
            raise InputError(f"--want {text!r} names {key} twice")
        want[key] = number
    _check_want(want)
    return want


def _check_want(want: Mapping[str, float]) -> None:
    for key, value in want.items():
        if key not in WANTS:
            raise InputError(f"want {key!r}{guess(key, WANTS)}: expected {', '.join(WANTS)}")
        top = 1 if key == "rank_correlation" else np.inf
        if not 0 < value < top:
            below = ", below 1" if key == "rank_correlation" else ""
            raise InputError(f"{key} = {value:g} is wanted, expected a number above 0{below}")


def _assumptions(prepared: Prepared, path: Path | None) -> tuple[float, float, str]:
    """Return the spread of strengths and the position effect (logits), and where they come from."""
    found = [] if path is None or not path.is_file() else _profiles(prepared, path)
    spreads = [true_spread(profile) for profile in found]
    if not any(spreads):
        return reference_spread(), 0.0, "as in the published profiles"
    shown = [effect.estimate for p in found for effect in p.effects if "model" in effect.name]
    position = float(np.median(shown)) if shown else 0.0
    return float(np.median([s for s in spreads if s])), position, "as in the store so far"


def _profiles(prepared: Prepared, path: Path) -> list[Profile]:
    """Rate what a store has of the study, where it is enough."""
    study = prepared.study
    with Store.read(path) as store:
        given = [
            c
            for c in read_comparisons(store)
            if c.model in study.models
            and c.judge in study.judges
            and c.condition == study.study.condition
            and 2 * len(c) >= ENOUGH * c.n_traits
        ]
    return [profile for c in given if (profile := _rated(c)) is not None]


def _rated(comparisons: Comparisons) -> Profile | None:
    try:
        return rate(comparisons, splits=0)
    except EthogramError:
        return None


def _resized(prepared: Prepared, trials: int) -> Design:
    """Return the study's fixed design with so many trials."""
    table = prepared.study.study
    return make_design(
        prepared.fixed.n_traits,
        prepared.fixed.n_prompts,
        pairs="all" if table.pairs == ADAPTIVE else table.pairs,
        repeats=-(-trials // _one_pass(prepared)),
        orders=table.orders,
        max_trials=trials,
        seed=table.seed,
    )


def _one_pass(prepared: Prepared) -> int:
    """Return the trials of each of the study's pairs once."""
    table, k = prepared.study.study, prepared.fixed.n_traits
    n_pairs = int(table.pairs) * k // 2 if isinstance(table.pairs, int) else k * (k - 1) // 2
    return n_pairs * (2 if table.orders == "both" else 1)


def _most(prepared: Prepared) -> int:
    """Return the trials of each of the study's pairs with every prompt."""
    return _one_pass(prepared) * prepared.fixed.n_prompts


def _longest(prepared: Prepared) -> int:
    """Return the trials that are simulated; more follow from these."""
    return max(LONGEST, 50 * prepared.fixed.n_traits)


def _find(
    prepared: Prepared, look: Callable[[int], Power], want: Mapping[str, float], start: int
) -> Power:
    """Search for the least number of trials that gives what is wanted, within some 2%."""
    low, high = 0, _most(prepared)
    trials, found = start, None
    least, often = prepared.fixed.n_traits - 1, LEAST * prepared.fixed.n_traits // 2
    for _ in range(_STEPS):
        trials = int(np.clip(trials, max(low + 1, least), high))
        seen = look(trials)
        factor = max(_factor(seen, key, value, often) for key, value in want.items())
        if factor <= 1:
            found, high = seen, min(high, trials)
        else:
            low = max(low, trials)
        if (abs(factor - 1) < _CLOSE and found is not None) or low >= high - 1:
            break
        trials = round(trials * factor * (1 + _CLOSE / 2))
    if found is None:
        said = ", ".join(f"{key} = {value:g}" for key, value in want.items())
        raise InputError(
            f"{said}: {low:,} trials per model do not give it, and {_most(prepared):,} are all "
            "that these pairs and prompts allow: ask for less, or add prompts"
        )
    return found


def _factor(seen: Power, key: str, value: float, often: int) -> float:
    """Return how many times as many trials something takes, as errors shrink with their root.

    A shift is only promised from `often` trials on.
    """
    if key == "rank_correlation":
        lost = (1 - seen.rank_correlation) / (1 - value)
        return float(lost)
    told = float(getattr(seen, key))
    return (told / value) ** 2 if np.isfinite(told) else max(2.0, often / seen.comparisons)


def _cost(prepared: Prepared, store: Path | None, trials: int) -> float | None:
    """Return US dollars for so many trials per model, without those that are answered."""
    resized = _resized(prepared, min(trials, _longest(prepared)))
    designs = dict.fromkeys(prepared.study.models, resized)
    return make_plan(
        replace(prepared, designs=designs, fixed=resized), store, trials=trials
    ).expected


def forecast_json(told: Forecast) -> dict[str, Any]:
    """Return the JSON form of a forecast; spread, half-widths and shifts in points."""
    return {
        "planned": told.planned,
        "spread": told.spread,
        "basis": told.basis,
        "wanted": dict(told.wanted),
        "adaptive": told.adaptive,
        "rows": [
            {
                "trials": row.comparisons,
                "half_width": row.half_width,
                "shift": row.shift if np.isfinite(row.shift) else None,
                "rank_correlation": row.rank_correlation,
                "expected_cost": cost,
            }
            for row, cost in zip(told.rows, told.costs, strict=True)
        ],
    }
