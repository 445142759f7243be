"""Which replies people are asked about: equal chances within strata, order, nesting, overlap."""

import numpy as np
import pytest

from ethogram.errors import InputError
from ethogram.validity.label_sampling import draw_replies

RNG = np.random.default_rng(5)
SURE = RNG.uniform(0.5, 1.0, 400)
NAMED = RNG.integers(0, 8, 400)


def test_replies_of_a_stratum_are_drawn_equally_often():
    """Over 2,000 seeds, each of 100 replies in a stratum is drawn within 5 standard errors."""
    drawn = np.zeros(400)
    for seed in range(2000):
        drawn[draw_replies(SURE, NAMED, size=40, seed=seed).order] += 1
    stratum = draw_replies(SURE, NAMED, size=40).stratum
    for one in np.unique(stratum):
        share = drawn[stratum == one] / 2000
        error = np.sqrt(share.mean() * (1 - share.mean()) / 2000)
        assert np.abs(share - share.mean()).max() < 5 * error


def test_unsure_strata_are_drawn_from_more_often_by_neymans_rule():
    """Rates go by the root of p (1 - p): 0.49 at 0.6 against 0.22 at 0.95."""
    sure = np.repeat([0.6, 0.95], 5000)
    drawn = draw_replies(sure, np.zeros(10000, dtype=int), size=1000)
    unsure = (sure[drawn.order] < 0.9).sum()
    rates = np.sqrt([0.6 * 0.4, 0.95 * 0.05])
    assert unsure == pytest.approx(1000 * rates[0] / rates.sum(), abs=12)


def test_draws_are_spread_over_traits():
    """In one stratum, eight traits of 100 replies get 10 each of 80, give or take 2."""
    named = np.repeat(np.arange(8), 100)
    for seed in range(20):
        drawn = draw_replies(np.full(800, 0.8), named, size=80, seed=seed)
        assert np.abs(np.bincount(named[drawn.order], minlength=8) - 10).max() <= 2


def test_a_larger_draw_begins_with_the_smaller():
    """So that a queue can be made longer."""
    few, many = (draw_replies(SURE, NAMED, size=size, seed=9) for size in (50, 120))
    assert (many.order[:50] == few.order).all()
    assert (many.shared[:50] == few.shared).all()
    assert (many.swapped[:50] == few.swapped).all()


def test_overlap_is_spread_evenly_and_unknown_confidence_is_a_stratum():
    """One in five is shared, in every stretch of five; NaN has a stratum of its own."""
    sure = np.where(np.arange(400) < 100, np.nan, SURE)
    drawn = draw_replies(sure, NAMED, size=100, overlap=0.2)
    assert drawn.shared.reshape(20, 5).sum(axis=1).tolist() == [1] * 20
    assert drawn.names[-1] == "confidence unknown"
    assert drawn.replies.sum() == 400
    assert drawn.replies[-1] == 100
    assert len(draw_replies(sure, NAMED, size=1000).order) == 400


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 5, "overlap": 1.5}])
def test_what_cannot_be_drawn_is_refused(options):
    """No size, or an overlap beyond all."""
    with pytest.raises(InputError, match="expected at least one reply"):
        draw_replies(SURE, NAMED, **options)
