"""What a validity run asks, and what it costs."""

import pytest

from ethogram.errors import InputError
from ethogram.study import Shares


def test_the_large_study_costs_at_most_35_percent_more():
    """144 traits and 10,296 trials: at most 35% extra calls, with one further judge or five."""
    for judges in (0, 1, 2, 5):
        assert Shares().extra(144, 10_296, further_judges=judges) <= 0.35
    assert Shares().calls(144, 10_296)["plants"] == 2 * 1152


def test_calls_by_hand():
    """100 trials of 10 traits: 20 plants (2 calls each), and one or two calls a sampled trial."""
    made = Shares(plants=0.2, orders=0.1, repeats=0.05, judges=0.1, judged_plants=0.1, retest=0.05)
    assert made.calls(10, 100) == {
        "plants": 40,
        "orders": 10,
        "repeats": 5,
        "judges": 10,
        "judged_plants": 10,
        "retest": 10,
    }
    assert made.extra(10, 100) == pytest.approx(85 / 200)


def test_without_a_further_judge_none_is_asked():
    """A study with one judge asks nothing for the agreement of judges."""
    made = Shares().calls(144, 10_296, further_judges=0)
    assert made["judges"] == made["judged_plants"] == 0


def test_switching_plants_off_leaves_no_call_for_them():
    """A share of 0 switches the check off, its judged plants as well."""
    made = Shares(plants=0).calls(10, 45)
    assert made["plants"] == made["judged_plants"] == 0


def test_a_share_beyond_one_is_refused():
    """Shares run from 0 to 1."""
    with pytest.raises(InputError, match="the share retest is 5"):
        Shares(retest=5)
