"""The heat map: which traits, in which order, with which ranks and tints."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.analysis.cohort import form_cohort
from ethogram.figures.heat import heat_map
from ethogram.figures.shades import STEPS, tint
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.rate import reference_profiles


@pytest.fixture(scope="module")
def cohort():
    return form_cohort(list(reference_profiles().values()))


def cells(figure):
    """The rows of the cells."""
    rows = [row for rows in figure.spec()["datasets"].values() for row in rows]
    return [row for row in rows if "tint" in row]


def traits_of(figure):
    """Traits from the top to the bottom."""
    return list(dict.fromkeys(r["trait"] for r in sorted(cells(figure), key=lambda r: r["y"])))


def test_by_mean_both_ends_are_shown(cohort):
    """Fifteen traits of the highest and fifteen of the lowest mean, in order."""
    figure = heat_map(cohort)
    means = cohort.strengths.mean(axis=0)
    order = [cohort.traits[i] for i in np.argsort(-means, kind="stable")]
    assert traits_of(figure) == order[:15] + order[-15:]
    assert "The 15 highest and 15 lowest of 144 traits" in figure.caption


def test_by_disagreement_the_spread_falls(cohort):
    """The 30 traits of the largest standard deviation between models, the largest first."""
    figure = heat_map(cohort, by="disagreement")
    spread = cohort.strengths.std(axis=0) * ELO_PER_LOGIT
    shown = [spread[cohort.traits.index(trait)] for trait in traits_of(figure)]
    assert len(shown) == 30
    assert shown == sorted(spread, reverse=True)[:30]


def test_one_switch_holds_both_orders(cohort):
    """With a switch, both orders' rows are in the data and the reader's choice filters them."""
    figure = heat_map(cohort, switch=True)
    assert {r["order"] for r in cells(figure)} == {"mean", "disagreement"}
    (choice,) = figure.spec()["params"]
    assert choice["value"] == "mean"
    assert choice["bind"]["options"] == ["mean", "disagreement"]
    assert "The switch shows" in figure.caption
    assert "switch" not in heat_map(cohort).caption


def test_few_traits_are_all_shown(cohort):
    """A caption does not speak of ends where every trait is shown."""
    three = form_cohort([p.restrict(p.traits[:3]) for p in list(reference_profiles().values())[:2]])
    figure = heat_map(three)
    assert len(traits_of(figure)) == 3
    assert figure.caption.startswith("All 3 traits")


def test_tints_are_centred(cohort):
    """1000 has the middle tint, both sides are alike, and beyond the reach is full."""
    assert [tint(v, 100) for v in (0, 50, -50, 100, -400, float("nan"))] == [0, 4, -4, 7, -7, 0]
    for row in cells(heat_map(cohort)):
        assert abs(row["tint"]) <= STEPS
        assert row["tint"] * (row["rating"] - 1000) >= 0
