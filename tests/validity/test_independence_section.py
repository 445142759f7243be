"""What is said of several judges: no more than the replies show."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from tests.validity.test_independence import draw_votes

from ethogram.validity import independence_section as presented
from ethogram.validity.votes import KnownVotes, Votes


@pytest.fixture
def section(monkeypatch):
    """Return a function that makes the section of these votes on planted replies."""

    def make(votes):
        rows, names = np.arange(len(votes)), tuple("abcdefghi"[: votes.shape[1]])
        beside = Votes(names, votes, rows, rows * 0, rows * 0 + 1, rows, votes, ("warm", "calm"))
        known = {"plants": KnownVotes("plants", beside, rows)}
        monkeypatch.setattr(presented, "known_votes", lambda _, source: known.get(source))
        return presented.independence_section(SimpleNamespace())

    return make


def test_nine_judges_are_called_two_votes(section):
    """In words: 2.0 votes at a mean correlation of 0.44, and what a tenth would add."""
    made = section(draw_votes(np.random.default_rng(2), 4000, [0.2] * 9, 0.44))
    assert made.claims[0].startswith("The 9 judges count as 2.0 (1.9 to 2.")
    assert "a mean correlation of 0.44" in made.claims[0]
    assert "no number of them would make more than 2.3" in made.claims[2]


def test_a_correlation_that_may_be_nothing_gives_no_ceiling(section):
    """Its interval holds 0, so that nothing is known to limit further judges."""
    made = section(draw_votes(np.random.default_rng(3), 60, [0.3] * 2, 0))
    assert "would add" in made.claims[2]
    assert "no number of them" not in made.claims[2]
    assert made.claims[3].startswith("To know the mean correlation to ±0.1 takes about")


@pytest.mark.parametrize("wrong", [0.5, 0.85])
def test_judges_that_are_not_above_chance_are_not_recommended(section, wrong):
    """Neither coins nor judges that are mostly wrong are to be reported."""
    made = section(draw_votes(np.random.default_rng(4), 200, [wrong] * 3, 0.3))
    assert made.claims[1].startswith("No verdict of these judges is to be reported")


def test_judges_that_never_err_have_no_correlation(section):
    """Unknown, and not independent or the same; the one to report is the first of equals."""
    made = section(np.ones((50, 3)))
    assert "is unknown" in made.claims[0]
    assert "Report the single judge a" in made.claims[1]
    assert len(made.claims) == 2
    assert all(row[1] == "unknown" for row in made.tables[0].rows)


def test_a_mean_over_some_pairs_says_so(section):
    """One judge is always right: one pair of three has a correlation."""
    votes = draw_votes(np.random.default_rng(5), 200, [0.3] * 3, 0.4)
    votes[:, 2] = 1
    assert "over 1 of 3 pairs (the others have none)" in section(votes).claims[0]


def test_ties_and_gaps_are_counted(section):
    """They are in no correlation, and the note says how many there are."""
    votes = draw_votes(np.random.default_rng(6), 200, [0.3] * 2, 0.4)
    votes[:7, 0], votes[190:, 1] = 0, np.nan
    said = " ".join(section(votes).notes)
    assert "Of 400 votes on planted replies, 7 are ties and 10 are missing" in said


def test_too_few_replies_give_no_recommendation(section):
    """With four replies nothing can be learnt from one half for the other."""
    made = section(np.array([[1, -1], [-1, -1], [1, 1], [1, 1.0]]))
    assert not any("Report" in claim for claim in made.claims)
    assert "with so few they may be too short" in " ".join(made.notes)


def test_negative_numbers_have_a_true_minus(section):
    """Also in intervals of correlations and of points below the best."""
    made = section(draw_votes(np.random.default_rng(7), 60, [0.3] * 3, 0))
    said = " ".join([*made.claims, *(cell for t in made.tables for row in t.rows for cell in row)])
    assert "\N{MINUS SIGN}" in said
    assert not re.search(r"(?<![\w])-\d", said)
