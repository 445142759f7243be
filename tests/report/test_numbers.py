"""Numbers as the report writes them."""

from __future__ import annotations

import pytest

from ethogram.report import numbers


@pytest.mark.parametrize(
    ("value", "text"), [(-81.4, "−81"), (-0.3, "0"), (0.0, "0"), (1418.2, "1418")]
)
def test_whole_numbers_have_a_true_minus_and_no_negative_zero(value, text):
    assert numbers.whole(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(12.4, 0, "+12"), (-12.4, 0, "−12"), (0.2, 0, "0"), (-0.2, 0, "0"), (-0.04, 2, "−0.04")],
)
def test_signed_numbers_leave_zero_without_a_sign(value, digits, text):
    assert numbers.signed(value, digits) == text


def test_ranges_are_told_with_to():
    assert numbers.between(-81.2, 368.4) == "−81 to 368"
    assert numbers.decimal(-0.492) == "−0.49"
    assert numbers.decimal(-0.001) == "0.00"
    assert numbers.thousands(-1234.0) == "−1,234"


def test_shared_places_say_so_and_the_next_is_counted_on():
    """Three equal ones are all fourth, and what follows is seventh."""
    ratings = [1100.0, 1300.0, 1200.0, 1300.0, 1000.0, 1000.0000000001, 1000.0, 900.0]
    assert numbers.places(ratings) == ["4", "=1", "3", "=1", "=5", "=5", "=5", "8"]


def test_shares_of_few_things_are_not_told():
    """2 of 4 is no 50%."""
    assert numbers.part_of(2, 4) == "2 of 4"
    assert numbers.part_of(30, 1200, "verdicts") == "30 of 1,200 verdicts (2%)"
