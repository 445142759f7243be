"""What steering did, in words, tables and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ethogram.analysis.probes.doses import NONE, TRAIT
from ethogram.ratings.numbers import say_interval, say_number
from ethogram.validity.inside.as_json import estimate, number
from ethogram.validity.inside.charts import dose_chart
from ethogram.validity.inside.steering import Dose, Steering
from ethogram.validity.proportions import Estimate
from ethogram.validity.sections import Section, SectionTable

POINTS = 400 / np.log(10)
NOTE = (
    "Steering: the direction is added after one layer at every token of the reply, with no trait "
    "named; the dose is in units of the residual stream's norm. Each reply is judged for the trait "
    "against another. Likelihood: log probability per token of the reply by the same model without "
    "the push; where it falls far below that of dose 0, coherence is lost, and a verdict on it "
    "says little. Rating: the log odds of the share, on the scale of ratings."
)


def steering_section(model: str, found: Sequence[Steering]) -> Section:
    """Say what steering did."""
    return Section(
        name="steering",
        title="Does adding a direction move the verdict?",
        claims=tuple(_claim(model, one) for one in found),
        tables=tuple(_table(model, one) for one in found),
        notes=(NOTE,),
        charts=tuple(dose_chart(model, one) for one in found),
        data={"steered": [_data(one) for one in found]},
    )


def _claim(model: str, one: Steering) -> str:
    verdict = (
        "moves the verdict toward it more than both controls do"
        if one.moves
        else "does not clearly move the verdict beyond its controls"
    )
    gains = "; ".join(f"against {name} {_slope(gain)}" for name, gain in one.gains.items())
    return (
        f"{model}: adding the direction of {one.trait} {verdict} ({one.judge}: "
        f"{_slope(one.slopes[TRAIT])} points per tenth of the norm; {gains})."
    )


def _slope(one: Estimate) -> str:
    low_high = say_interval(100 * one.low, 100 * one.high, sign=True)
    return f"{say_number(100 * one.estimate, sign=True)} ({low_high})"


def _table(model: str, one: Steering) -> SectionTable:
    plain = next((d for d in one.doses if d.condition.kind == NONE), None)
    rows = tuple(
        (
            "none" if d.condition.kind == NONE else d.condition.kind,
            say_number(d.condition.dose, 2, sign=True),
            d.share.interval,
            "" if plain is None else say_number(_rating(d) - _rating(plain), sign=True),
            say_number(d.likelihood, 2),
            f"{d.n}",
        )
        for d in one.doses
    )
    return SectionTable(
        f"{model} steered along {one.trait}, by {one.judge}: its share, 95% intervals by prompt.",
        ("direction", "dose", "share for the trait", "rating moved", "log likelihood", "replies"),
        rows,
    )


def _rating(dose: Dose) -> float:
    """Log odds of the share, one half of a reply added to either side, in points."""
    n, p = dose.n, dose.share.estimate
    return float(POINTS * np.log((n * p + 0.5) / (n * (1 - p) + 0.5)))


def _data(one: Steering) -> dict[str, Any]:
    return {
        "trait": one.trait,
        "judge": one.judge,
        "moves": one.moves,
        "slopes": {name: estimate(found) for name, found in one.slopes.items()},
        "gains": {name: estimate(found) for name, found in one.gains.items()},
        "coherence": estimate(one.coherence),
        "doses": [
            {
                "kind": d.condition.kind,
                "dose": d.condition.dose,
                "share": estimate(d.share),
                "log_likelihood": number(d.likelihood),
            }
            for d in one.doses
        ],
    }
