"""Probes as a second judge: against verdicts on chosen replies, ratings, and planted replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ethogram.analysis.probes.agreement import (
    ErrorTable,
    agreement,
    agreement_gain,
    compare_errors,
    differences,
    picks,
    rank_correlation,
)
from ethogram.analysis.probes.texts import count_words
from ethogram.analysis.probes.utility import (
    LEAST,
    Utility,
    predict_ratings,
)
from ethogram.analysis.word_and_deed import Agreement, measure_agreement, score_profile
from ethogram.design import Part
from ethogram.errors import EthogramError
from ethogram.ratings.comparisons import FloatArray, IntArray, compare
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.store.activations import Shards
from ethogram.validity.inside.planted import Inside
from ethogram.validity.inside.replies import Replies, pairs_near, read_outcomes
from ethogram.validity.inside.structure import Structure, compare_structures
from ethogram.validity.proportions import Estimate, proportion
from ethogram.validity.results import StoreResults


@dataclass(frozen=True)
class Outside:
    """Probes against one judge.

    Attributes
    ----------
    judge : str
    agreement, by_words, gain : Estimate
        Share of chosen replies on which probe and judge name the same trait; that of the bag of
        words and judge; the difference, paired.
    correlation : Estimate
        Spearman of the projection difference with the judge's probability.
    judged, probed : Profile or None
        The model's ratings by the judge, and by what probes pick on the same replies.
    ratings : Agreement or None
        The model's ratings by probes alone against those by the judge.
    why : str
        Why there is no `ratings`.
    plants : ErrorTable or None
        Planted replies, by who finds the trait.
    probe_on_plants, judge_on_plants : Estimate
    structures : tuple of Structure
        The directions' cosines against how traits' ratings go together over models.
    utility, utility_by_words : Utility or None
    """

    judge: str
    agreement: Estimate
    by_words: Estimate
    gain: Estimate
    correlation: Estimate
    judged: Profile | None
    probed: Profile | None
    ratings: Agreement | None
    why: str
    plants: ErrorTable | None
    probe_on_plants: Estimate
    judge_on_plants: Estimate
    structures: tuple[Structure, ...] = ()
    utility: Utility | None = None
    utility_by_words: Utility | None = None


def measure_outside(
    results: StoreResults,
    model: str,
    judge: str,
    replies: Replies,
    inside: Inside,
    shards: Shards,
) -> Outside | None:
    """Compare probes with a judge on chosen replies, and on planted ones."""
    outcome = read_outcomes(results, judge, replies.ids, Part.MAIN)
    both = (replies.first >= 0) & (replies.second >= 0)
    kept = np.flatnonzero(replies.chosen & both & ~np.isnan(outcome))
    if not len(kept):
        return None
    first, second = replies.first[kept], replies.second[kept]
    prompt, said = replies.prompt[kept], outcome[kept]
    gap = differences(inside.logistic.scores[kept], first, second)
    by_words = picks(differences(inside.words[kept], first, second))
    profile = _profile_of(results, model, judge)
    probed, why = _rate_by_probes(replies, kept, picks(gap), profile)
    ratings = None
    if profile is not None and probed is not None:
        ratings = measure_agreement(score_profile(profile), score_profile(probed))
    found = Outside(
        judge,
        agreement(picks(gap), said, prompt),
        agreement(by_words, said, prompt),
        agreement_gain(picks(gap), by_words, said, prompt),
        rank_correlation(gap, said, prompt),
        profile,
        probed,
        ratings,
        why if ratings is None else "",
        *_on_plants(results, judge, replies, inside),
        structures=compare_structures(results, judge, replies.traits, inside.directions),
    )
    return _with_utility(found, profile, replies, inside, shards)


def _profile_of(results: StoreResults, model: str, judge: str) -> Profile | None:
    rated = results.rated(Part.MAIN).profiles
    return next((p for p in rated if (p.model, p.judge) == (model, judge)), None)


def _rate_by_probes(
    replies: Replies, kept: IntArray, pick: FloatArray, profile: Profile | None
) -> tuple[Profile | None, str]:
    """Rate the model from what probes pick; else says why it cannot be compared."""
    if profile is None:
        return None, "the judge's comparisons could not be rated"
    try:
        made = rate(
            compare(
                replies.traits,
                replies.first[kept],
                replies.second[kept],
                pick,
                tie=pick == 0.5,
                prompt=replies.prompt[kept],
                model=profile.model,
                judge="probes",
            )
        )
    except EthogramError as error:
        return None, str(error)
    return made, "too few traits in common"


def _on_plants(
    results: StoreResults, judge: str, replies: Replies, inside: Inside
) -> tuple[ErrorTable | None, Estimate, Estimate]:
    """Who finds the trait of planted replies, against the trial's other trait."""
    nothing = Estimate(float("nan"), 0.0, 1.0, 0)
    outcome = read_outcomes(results, judge, replies.ids, Part.PLANT)
    known = (replies.planted >= 0) & (replies.first >= 0) & (replies.second >= 0)
    kept = np.flatnonzero(known & ~np.isnan(outcome))
    if not len(kept):
        return None, nothing, nothing
    is_first = replies.planted[kept] == replies.first[kept]
    gap = differences(inside.logistic.scores[kept], replies.first[kept], replies.second[kept])
    probe = np.where(is_first, picks(gap), 1 - picks(gap))
    said = (np.sign(outcome[kept] - 0.5) + 1) / 2
    judged = np.where(is_first, said, 1 - said)
    prompt = replies.prompt[kept]
    return (
        compare_errors(probe, judged),
        proportion(probe, clusters=prompt),
        proportion(judged, clusters=prompt),
    )


def _with_utility(
    found: Outside, profile: Profile | None, replies: Replies, inside: Inside, shards: Shards
) -> Outside:
    """Add how well ratings are predicted from the inside of planted replies, and from words."""
    names = [] if profile is None else [t for t in replies.traits if t in profile.traits]
    if profile is None or len(names) < LEAST:
        return found
    ratings = np.array([profile.strengths[profile.traits.index(t)] for t in names])
    ratings = ratings - ratings.mean()
    site = inside.logistic.best
    read = shards.read(site.layer, site.over, replies.ids)
    near = pairs_near(names)
    made = [
        predict_ratings(_trait_means(rows, replies, names), ratings, near)
        for rows in (np.asarray(read, dtype=np.float64), count_words(replies.texts))
    ]
    return replace(found, utility=made[0], utility_by_words=made[1])


def _trait_means(rows: FloatArray, replies: Replies, names: Sequence[str]) -> FloatArray:
    """Mean row of the replies planted with each trait, shape (T, d)."""
    places = [replies.traits.index(name) for name in names]
    return np.stack([rows[replies.planted == i].mean(axis=0) for i in places])
