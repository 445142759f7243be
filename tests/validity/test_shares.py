"""What a validity run asks, and what it costs."""

import pytest

from ethogram.errors import InputError
from ethogram.study import Shares


def test_the_large_study_costs_at_most_a_quarter_more():
    """144 traits and 10,296 trials: 2,304 + 1,030 + 515 + 1,030 calls, on 20,592."""
    assert Shares().calls(144, 10_296)["plants"] == 2 * 1152
    assert Shares().extra(144, 10_296) == pytest.approx(4_879 / 20_592)


def test_calls_by_hand():
    """100 trials of 10 traits: 20 plants (2 calls each), and one or two calls a sampled trial."""
    shares = Shares(plants=0.2, orders=0.1, repeats=0.05, retest=0.05)
    assert shares.calls(10, 100) == {"plants": 40, "orders": 10, "repeats": 5, "retest": 10}
    assert shares.extra(10, 100) == pytest.approx(65 / 200)


def test_switching_plants_off_leaves_no_call_for_them():
    """A share of 0 switches the check off."""
    assert Shares(plants=0).calls(10, 45)["plants"] == 0


def test_a_share_beyond_one_is_refused():
    """Shares run from 0 to 1."""
    with pytest.raises(InputError, match="the share retest is 5"):
        Shares(retest=5)
