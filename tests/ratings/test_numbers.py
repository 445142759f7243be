"""Numbers as cards, terminal, figures and report write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ethogram
from ethogram.ratings.numbers import (
    part_of,
    rank_words,
    say_estimate,
    say_interval,
    say_number,
    say_p,
)


@pytest.mark.parametrize(
    ("value", "text"), [(-81.4, "−81"), (-0.3, "0"), (0.0, "0"), (1418.2, "1418")]
)
def test_whole_numbers_have_a_true_minus_and_no_negative_zero(value, text):
    assert say_number(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (12.4, 0, "+12"),
        (-12.4, 0, "−12"),
        (0.2, 0, "0"),
        (-0.2, 0, "0"),
        (-0.04, 2, "−0.04"),
        (-0.04, 1, "0.0"),
    ],
)
def test_signed_numbers_leave_zero_without_a_sign(value, digits, text):
    assert say_number(value, digits, sign=True) == text


def test_ranges_are_told_with_to():
    assert say_interval(-81.2, 368.4) == "−81 to 368"
    assert say_number(-0.492, 2) == "−0.49"
    assert say_number(-0.001, 2) == "0.00"
    assert say_number(-1234.0, grouped=True) == "−1,234"


def test_shared_places_say_so_and_the_next_is_counted_on():
    """Three equal ones are all fourth, and what follows is seventh."""
    ratings = [1100.0, 1300.0, 1200.0, 1300.0, 1000.0, 1000.0000000001, 1000.0, 900.0]
    assert rank_words(ratings) == ["4", "=1", "3", "=1", "=5", "=5", "=5", "8"]


def test_shares_of_few_things_are_not_told():
    """2 of 4 is no 50%."""
    assert part_of(2, 4) == "2 of 4"
    assert part_of(30, 1200, "verdicts") == "30 of 1,200 verdicts (2%)"


@pytest.mark.parametrize(
    ("p", "text"),
    [(1.0, "1"), (0.0498, "0.05"), (0.00042, "0.00042"), (0.0001, "0.0001"), (0.00009, "<0.0001")],
)
def test_a_p_value_has_two_digits_and_none_is_zero(p, text):
    """A small one is told apart from another small one, down to one in ten thousand."""
    assert say_p(p) == text
    assert say_p(0.0) == "<0.0001"


def test_no_other_module_writes_a_true_minus():
    """Terminal, figures, cards and report have one writer of numbers."""
    sources = Path(ethogram.__file__).parent
    others = [
        path.relative_to(sources).as_posix()
        for folder in ("cli", "figures", "ratings", "report")
        for path in sorted((sources / folder).glob("*.py"))
        if re.search(r"replace\(\"-\"", path.read_text("utf-8"))
    ]
    assert others == ["ratings/numbers.py"]


def test_an_estimate_is_told_with_its_interval():
    """Two decimals unless said; what is not finite cannot be told."""
    assert say_estimate(0.489, -0.001, 1) == "0.49 (0.00 to 1.00)"
    assert say_estimate(-1.25, -2, 0.5, 1) == "−1.2 (−2.0 to 0.5)"
    assert say_estimate(0.5, float("nan"), 1) == "cannot be told"
