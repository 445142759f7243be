"""The votes of several judges on the same replies, beside each other.

A judge has one vote per reply. Where the study's replies are read in both orders it is the mean of
the judge's probabilities; of words alone, a tie where the orders disagree. Where they are read in
one, written replies, which are read in both, give a vote per order: else errors that come from the
place of a word, which judges may share, would pass for ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ethogram.design import Part
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.store.read import Verdicts, is_judged_twice, number_written
from ethogram.validity.accuracy import Source
from ethogram.validity.both_orders import merge_verdicts
from ethogram.validity.combination import answered
from ethogram.validity.proportions import FEWEST
from ethogram.validity.results import StoreResults

_PARTS: dict[Source, Part] = {"plants": Part.PLANT, "exemplars": Part.EXEMPLAR}
REPLIES: dict[Source, str] = {
    "plants": "planted replies",
    "exemplars": "readings of written replies",
}
"""What votes are on, for people."""


@dataclass(frozen=True)
class Votes:
    """One vote of each judge on each of the same replies.

    Attributes
    ----------
    judges : tuple of str, length m
    votes : float array, shape (n, m)
        +1 for trait 1 (which is the one shown, where that is known), -1 for trait 2, 0 a tie, NaN
        no answer.
    trial, first, second, prompt : int array, shape (n,)
        Traits as indices into `traits`. A trial that is read in two orders apart is there twice.
    place : float array, shape (n, m)
        +1 trait 1 was shown first, -1 second, 0 both orders; NaN no answer.
    traits : tuple of str
    """

    judges: tuple[str, ...]
    votes: FloatArray
    trial: IntArray
    first: IntArray
    second: IntArray
    prompt: IntArray
    place: FloatArray
    traits: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.trial)


@dataclass(frozen=True)
class Readings:
    """One judge's votes, to be put beside those of others.

    Attributes
    ----------
    rows : Verdicts
        One per reading.
    key : int array, shape (n,)
        Which reply in which order, or in both: the same for all judges.
    vote, place : float array, shape (n,)
        As in `Votes`.
    """

    rows: Verdicts
    key: IntArray
    vote: FloatArray
    place: FloatArray


def read_votes(rows: Verdicts, *, both_orders: bool, averaged: bool) -> Readings:
    """Return a judge's votes: one per reply where the study reads it in both orders, or per order.

    Parameters
    ----------
    rows : Verdicts
    both_orders : bool
    averaged : bool
        By the judge's probabilities, where it gave any; else by its words.
    """
    asked = rows if averaged else replace(rows, p_first=np.full(len(rows), np.nan))
    used = merge_verdicts(asked) if both_orders else rows
    vote = np.where(used.tied, 0.0, np.where(used.code < 0, np.nan, 2.0 * used.code - 1))
    place = np.where(used.swapped, -1.0, 1.0)
    key = 2 * used.trial + used.swapped
    if both_orders:
        place = np.where(np.unique(rows.trial, return_counts=True)[1] > 1, 0.0, place)
        key = 2 * used.trial
    return Readings(used, key, vote, np.where(np.isnan(vote), np.nan, place))


def gather_votes(readings: Mapping[str, Readings]) -> Votes | None:
    """Put the votes of several judges beside each other; None where fewer than two have any."""
    found = {judge: one for judge, one in readings.items() if len(one.key)}
    if len(found) < 2:
        return None
    keys, example = np.unique(
        np.concatenate([one.key for one in found.values()]), return_index=True
    )
    votes, place = np.full((2, len(keys), len(found)), np.nan)
    for j, one in enumerate(found.values()):
        at = np.searchsorted(keys, one.key)
        votes[at, j], place[at, j] = one.vote, one.place
    trial, first, second, prompt = (
        np.concatenate([getattr(one.rows, name) for one in found.values()])[example]
        for name in ("trial", "first", "second", "prompt")
    )
    traits = next(iter(found.values())).rows.traits
    return Votes(tuple(found), votes, trial, first, second, prompt, place, traits)


def read_part(results: StoreResults, part: Part, judges: Sequence[str]) -> dict[str, Verdicts]:
    """Return the verdicts of each judge on one part."""
    return {judge: results.verdicts(judge).part(part) for judge in judges}


def gather(results: StoreResults, verdicts: Mapping[str, Verdicts]) -> Votes | None:
    """Gather votes as the study reads its own replies: in one order, or in both."""
    twice = {judge: is_judged_twice(results.store, judge) for judge in verdicts}
    both = any(twice.values())
    return gather_votes(
        {
            judge: read_votes(rows, both_orders=both, averaged=twice[judge])
            for judge, rows in verdicts.items()
        }
    )


# -- where the truth is known ---------------------------------------------------------------


@dataclass(frozen=True)
class KnownVotes:
    """Votes on replies whose trait is known: +1 is right.

    Attributes
    ----------
    source : "plants" or "exemplars"
    votes : Votes
    clusters : int array, shape (n,)
        Replies that are not independent: to one prompt, or the same written one.
    """

    source: Source
    votes: Votes
    clusters: IntArray

    @property
    def shared(self) -> int:
        """Replies that at least two judges answered."""
        return int(answered(self.votes.votes).sum())


def known_votes(results: StoreResults, source: Source) -> KnownVotes | None:
    """Return the judges' votes on planted or written replies; None where no two judges have any."""
    votes = gather(results, read_part(results, _PARTS[source], tuple(results.judges)))
    if votes is None or not answered(votes.votes).any():
        return None
    if source == "plants":
        return KnownVotes(source, votes, votes.prompt)
    number = number_written(results.store)
    return KnownVotes(source, votes, np.array([number[trial] for trial in votes.trial.tolist()]))


def best_known(results: StoreResults) -> KnownVotes | None:
    """Return what judges are weighed by: planted replies; written ones where those are few."""
    found = [k for s in _PARTS if (k := known_votes(results, s)) is not None]
    return next((k for k in found if k.shared >= FEWEST), None)
