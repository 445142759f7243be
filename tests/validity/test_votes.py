"""Votes of several judges side by side: orders of one reply, gaps, ties."""

from __future__ import annotations

import numpy as np

from ethogram.store.read import Verdicts
from ethogram.validity.votes import gather_votes, read_votes

NAN = np.nan


def verdicts(rows, *, p=None):
    """Verdicts from (trial, swapped, code), code 2 for a tie."""
    trial, swapped, code = np.array(rows).T
    zero = np.zeros(len(trial), dtype=np.int64)
    return Verdicts(
        traits=("warm", "blunt"),
        models=("alpha",),
        conditions=("feels",),
        parts=("plant",),
        trial=trial,
        seq=trial,
        prompt=trial + 100,
        first=zero,
        second=zero + 1,
        model=zero,
        condition=zero,
        label=zero,
        swapped=swapped.astype(bool),
        code=np.where(code == 2, -1, code),
        tied=code == 2,
        p_first=np.full(len(trial), NAN) if p is None else np.array(p),
    )


def test_one_order_is_one_vote():
    """Trait 1 is +1, trait 2 is -1, a tie 0, and what was lost is no vote."""
    found = read_votes(
        verdicts([(1, 0, 1), (2, 1, 0), (3, 0, 2), (4, 0, -1)]), both_orders=False, averaged=False
    )
    np.testing.assert_array_equal(found.vote, [1, -1, 0, NAN])
    np.testing.assert_array_equal(found.place, [1, -1, 1, NAN])


def test_words_of_both_orders_are_one_vote_and_a_tie_where_they_differ():
    """A judge that goes by place alone votes for nobody; a lost order leaves the other."""
    rows = verdicts([(1, 0, 1), (1, 1, 1), (2, 0, 1), (2, 1, 0), (3, 0, -1), (3, 1, 0)])
    found = read_votes(rows, both_orders=True, averaged=False)
    np.testing.assert_array_equal(found.vote, [1, 0, -1])
    np.testing.assert_array_equal(found.place, [0, 0, 0])


def test_probabilities_of_both_orders_are_averaged_as_in_the_ratings():
    """0.9 and 0.4 are 0.65, for trait 1, where the two words alone would be a tie."""
    rows = verdicts([(1, 0, 1), (1, 1, 0)], p=[0.9, 0.4])
    assert read_votes(rows, both_orders=True, averaged=True).vote == [1]
    assert read_votes(rows, both_orders=True, averaged=False).vote == [0]


def test_orders_that_the_study_does_not_merge_are_votes_of_their_own():
    """Errors by place stay errors, and both readings are of one trial."""
    rows = verdicts([(1, 0, 1), (1, 1, 0)])
    readings = {name: read_votes(rows, both_orders=False, averaged=False) for name in "ab"}
    found = gather_votes(readings)
    np.testing.assert_array_equal(found.votes, [[1, 1], [-1, -1]])
    np.testing.assert_array_equal(found.trial, [1, 1])
    np.testing.assert_array_equal(found.place, [[1, 1], [-1, -1]])


def test_judges_are_put_beside_each_other_by_reply():
    """What one judge did not read is missing; a judge without verdicts is not there."""

    def read(rows):
        return read_votes(verdicts(rows), both_orders=False, averaged=False)

    empty = read_votes(
        verdicts([(1, 0, 1)]).take(np.array([], dtype=int)), both_orders=True, averaged=True
    )
    found = gather_votes(
        {"a": read([(3, 0, 1), (1, 0, 0)]), "none": empty, "b": read([(2, 0, 1), (3, 0, 0)])}
    )
    assert found.judges == ("a", "b")
    np.testing.assert_array_equal(found.trial, [1, 2, 3])
    np.testing.assert_array_equal(found.votes, [[-1, NAN], [NAN, 1], [1, -1]])
    np.testing.assert_array_equal(found.prompt, [101, 102, 103])
    assert gather_votes({"a": read([(1, 0, 1)]), "none": empty}) is None
