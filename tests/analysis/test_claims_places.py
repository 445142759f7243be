"""Leads of traits: coverage in simulated studies of planted profiles, and intervals by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.analysis.test_analysis import make_profile

from ethogram.analysis.claims_places import clear_lead, lead
from ethogram.analysis.claims_study import form_study, joint_half, least_of
from ethogram.errors import InputError
from ethogram.ratings.rate import rate_counts

LOGIT = 400 / np.log(10)
STUDIES = 200
COVERAGE = 0.93
ERRORS = np.linspace(0.15, 0.6, 12)


def true_leads(strengths, count):
    """Trait 0's lead at the bottom, and less the usual distance, from the true mean strengths."""
    own, *others = strengths
    others = np.sort(others)
    ahead = (others[0] - own) * LOGIT
    return ahead, ahead - (others[count - 1] - others[0]) / (count - 1) * LOGIT


def coverage(form, strengths, count, *, n_studies=STUDIES):
    """In which share of the studies the two intervals hold the truth."""
    truth, rng, held = true_leads(strengths, count), np.random.default_rng(1), np.zeros(2)
    for k in range(n_studies):
        study = form_study(form(rng), n_draws=300, seed=k)
        measured = lead(study, "trait 0", "bottom"), clear_lead(study, "trait 0", "bottom", count)
        held += [m.low <= t <= m.high for m, t in zip(measured, truth, strict=True)]
    return held / n_studies


# One precise other beside a vague one that is truly outermost; a vague one that sets the distance
# of neighbours; many tied; ahead; in the middle.
PLANTED = {
    "vague outermost": ([0, -1, 0, 0.5, 1, 1.5], [0.05, 1, 0.05, 0.1, 0.1, 0.1]),
    "vague neighbour": ([0, 1, 1.1, 1.2, 4, 9], [0.05, 0.05, 0.05, 0.05, 1, 0.1]),
    "tied": ([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3], ERRORS),
    "ahead": ([-2, 0, 0.1, 0.2, 0.3, 0.5, 1, 1, 2, 2, 3, 3], ERRORS),
    "in the middle": ([0.3, 0, 0.1, 0.2, 0.3, 0.5, 1, 1, 2, 2, 3, 3], ERRORS),
}


@pytest.mark.parametrize("name", PLANTED)
def test_leads_of_planted_profiles_lie_in_their_intervals(name):
    """In 200 simulated studies of two models, 93% or more, whichever other is outermost."""
    strengths, errors = (np.asarray(one, dtype=float) for one in PLANTED[name])
    per_model = errors * np.sqrt(2)

    def form(rng):
        return [
            make_profile(
                strengths + per_model * rng.normal(size=len(strengths)),
                covariance=np.diag(per_model**2),
                model=f"m{i}",
            )
            for i in range(2)
        ]

    assert min(coverage(form, strengths, 4)) >= COVERAGE


def test_leads_from_played_comparisons_lie_in_their_intervals():
    """The same in 100 studies of win counts from played round robins, each rated anew."""
    strengths = np.array([-0.9, -0.8, -0.8, -0.7, 0.2, 0.6, 1, 1.4])
    first, second = np.triu_indices(len(strengths), 1)
    chance = expit(strengths[first] - strengths[second])
    names = [f"trait {i}" for i in range(len(strengths))]

    def form(rng):
        profiles = []
        for model in ("m0", "m1"):
            won = rng.binomial(10, chance)
            wins = np.bincount(first, won, len(names)) + np.bincount(second, 10 - won, len(names))
            profiles.append(rate_counts(names, wins, total=wins.sum(), model=model))
        return profiles

    assert min(coverage(form, strengths, 3, n_studies=100)) >= COVERAGE


def test_the_interval_of_a_lead_reaches_as_far_as_a_vaguer_other():
    """Others 2 and 3 logits above; the further one has ten times the error, so it sets the low end.

    Gaps 2 and 3 with errors sqrt(0.1² + 0.1²) / sqrt 2 = 0.1 and sqrt(1² + 0.1²) / sqrt 2 = 0.71:
    at about two errors each the lows are 1.8 and 1.4, the highs 2.2 and 4.6.
    """
    errors = np.array([0.1, 0.1, 1.0])
    study = form_study(
        [make_profile([0, 2, 3], covariance=np.diag(errors**2), model=f"m{i}") for i in range(2)],
        n_draws=4000,
    )
    measured = lead(study, "trait 0", "bottom")
    assert measured.value == pytest.approx(2 * LOGIT)
    assert measured.note == "trait 1"
    assert measured.low == pytest.approx(1.4 * LOGIT, rel=0.1)
    assert measured.high == pytest.approx(2.2 * LOGIT, rel=0.05)


def test_the_usual_distance_is_as_uncertain_as_the_lead():
    """Less a distance that is measured, a lead's interval is wider than the lead's own."""
    study = form_study([make_profile(range(6), model=f"m{i}") for i in range(2)], n_draws=400)
    own, clear = lead(study, "trait 0", "bottom"), clear_lead(study, "trait 0", "bottom", 4)
    assert clear.value == pytest.approx(own.value - LOGIT)
    assert clear.high - clear.low > 1.2 * (own.high - own.low)


def test_more_neighbours_than_traits_cannot_be_tested():
    """The 20 lowest others of five are refused, not taken for five; one has no neighbour."""
    study = form_study([make_profile(range(6), model=f"m{i}") for i in range(2)], n_draws=50)
    for count in (20, 6, 1):
        with pytest.raises(
            InputError, match=f"the {count} outermost of 5 other traits, expected 2 to 5"
        ):
            clear_lead(study, "trait 0", "bottom", count)


def test_joint_intervals_hold_all_at_once():
    """Of fresh draws of 40 quantities, 95% lie within all half widths at once, not each alone."""
    rng = np.random.default_rng(2)
    errors = np.linspace(0.1, 3, 40)
    half = joint_half(errors * rng.normal(size=(4000, 40)) + 7)
    fresh = np.abs(errors * rng.normal(size=(4000, 40))) <= half
    assert fresh.all(axis=1).mean() == pytest.approx(0.95, abs=0.015)


def test_the_least_of_quantities_without_noise_is_known():
    """Draws that do not move leave an interval of no width."""
    values = np.array([3.0, 1.0, 2.0])
    measured = least_of(values, np.tile(values, (50, 1)), ["c", "a", "b"])
    assert (measured.value, measured.low, measured.high, measured.note) == (1, 1, 1, "a")
