"""The radial's names: which traits, in which colour, and apart from each other."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.analysis.cohort import form_cohort
from ethogram.figures.radial import radial
from ethogram.figures.rim import LEAST_ANGLE, TURN, choose_labelled, say_labelled, spread_angles
from ethogram.figures.theme import PALETTES
from ethogram.ratings.rate import reference_profiles


@pytest.fixture(scope="module")
def cohort():
    return form_cohort(list(reference_profiles().values()))


def names_of(figure):
    """Rows of the names along the rim."""
    rows = [row for rows in figure.spec()["datasets"].values() for row in rows]
    return {row["trait"]: row for row in rows if "disputed" in row}


def test_most_least_and_most_disputed_are_named(cohort):
    """Twelve of the highest mean, twelve of the lowest, and twelve of the largest spread else."""
    names = names_of(radial(cohort))
    means, spread = cohort.strengths.mean(axis=0), cohort.strengths.std(axis=0)
    order = [cohort.traits[i] for i in np.argsort(-means, kind="stable")]
    ends = {*order[:12], *order[-12:]}
    rest = [cohort.traits[i] for i in np.argsort(-spread) if cohort.traits[i] not in ends]
    assert set(names) == ends | set(rest[:12])
    assert {t for t, row in names.items() if row["disputed"]} == set(rest[:12])
    assert "12 most and the 12 least" in radial(cohort).caption
    assert "the 12 others on which models differ most" in radial(cohort).caption


def nodes_of(part):
    """Every mapping of a specification, at any depth."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from nodes_of(inner)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_are_coloured_by_sign(cohort, theme):
    """Names above the mean of 1000 have the colour of expressed traits, the others of avoided."""
    figure = radial(cohort, theme=theme)
    means = dict(zip(cohort.traits, cohort.strengths.mean(axis=0), strict=True))
    assert all(row["above"] == (means[t] >= 0) for t, row in names_of(figure).items())
    colours = {
        (case["value"], node["value"])
        for node in nodes_of(figure.spec())
        if isinstance(node.get("condition"), list)
        for case in node["condition"]
        if case.get("test") == "datum.above"
    }
    assert colours == {(PALETTES[theme].expressed_text, PALETTES[theme].avoided_text)}


def test_one_model_disputes_nothing():
    """With one model 18 names stand at each end; where there are few traits, all are named."""
    ratings = np.linspace(1300, 700, 100)[None]
    chosen = choose_labelled(ratings, 12)
    assert sorted(chosen) == [*range(18), *range(82, 100)]
    assert not any(chosen.values())
    assert "differ" not in say_labelled(ratings, 12)
    assert len(choose_labelled(ratings[:, :36], 12)) == 36
    assert say_labelled(ratings[:, :36], 12).startswith("All are named")


def test_crowded_angles_move_apart():
    """Names at one point end up apart on both sides of it, also across the top of the circle."""
    crowd = np.sort(np.concatenate([np.linspace(0, 0.05, 8), TURN - np.linspace(0.01, 0.05, 8)]))
    moved = spread_angles(crowd, LEAST_ANGLE)
    gaps = np.diff(moved, append=moved[0] + TURN)
    assert gaps.min() > 0.999 * LEAST_ANGLE
    assert abs(moved.mean() - crowd.mean()) < 1e-6
    apart = np.array([0.5, 2.0, 4.0])
    assert spread_angles(apart, LEAST_ANGLE) == pytest.approx(apart)


def test_more_names_than_room_are_even():
    """Names that cannot all have their room are spread evenly, not heaped."""
    moved = spread_angles(np.linspace(0, 0.1, 500), LEAST_ANGLE)
    assert np.diff(moved) == pytest.approx(TURN / 500)
