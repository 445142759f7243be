"""Free choice: what a model takes where it may take neither trait, beside what it is forced to.

A forced choice makes a ranking of everything, also of what a model would never do by itself
(arXiv 2601.21975). Here the judge may name neither trait, and what is not taken up shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ethogram.analysis.word_and_deed import (
    Agreement,
    measure_agreement,
    score_profile,
    score_strengths,
)
from ethogram.design import Part
from ethogram.errors import EthogramError
from ethogram.ratings.abstention import FreeRatings, Offered, rate_free
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words
from ethogram.ratings.profile import Profile
from ethogram.ratings.serialise import as_plain
from ethogram.store.read import Verdicts
from ethogram.validity.asked_charts import free_chart
from ethogram.validity.proportions import Estimate, proportion
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section, SectionChart, SectionTable

SELDOM = 0.1  # of the trials that offer a trait: below it a trait counts as not volunteered
SHOWN = 8  # traits of either end in a table


@dataclass(frozen=True)
class Free:
    """One model's free choice by one judge.

    Attributes
    ----------
    model, judge : str
    ratings : FreeRatings or None
        None where there is too little to rate; `why` says so.
    neither : Estimate
        Trials of which the judge names neither trait.
    lost : int
        Trials without a verdict.
    agreement : Agreement or None
        With the ratings of the forced choice.
    unwilling : tuple of str
        Traits that win more than the average trait when forced (their interval lies above it), and
        are hardly volunteered (in less than a tenth of the trials that offer them, by the upper end
        of the interval).
    indifferent : bool
        Hardly any trait is taken: the share's upper end is below a tenth.
    """

    model: str
    judge: str
    ratings: FreeRatings | None
    neither: Estimate
    lost: int
    agreement: Agreement | None
    unwilling: tuple[str, ...]
    indifferent: bool
    why: str = ""


def measure_free(results: StoreResults) -> tuple[Free, ...]:
    """Return what a store has, by judge and model; empty where it has nothing."""
    if not any(c.part == Part.FREE for c in results.counts):
        return ()
    return tuple(free for judge in results.judges for free in _of_judge(results, judge))


def _of_judge(results: StoreResults, judge: str) -> Iterator[Free]:
    rows = results.verdicts(judge).part(Part.FREE)
    for number, model in enumerate(rows.models):
        own = rows.take(rows.model == number)
        if len(own):
            yield _free(results, own, model, judge)


def _free(results: StoreResults, rows: Verdicts, model: str, judge: str) -> Free:
    """Rate one model's free choice."""
    read = (rows.code >= 0) | rows.tied
    known = rows.take(read)
    neither = proportion(known.tied, clusters=known.prompt)
    found = Free(
        model, judge, None, neither, int((~read).sum()), None, (), neither.low > 1 - SELDOM
    )
    used = np.unique([known.first, known.second])
    local = np.full(len(rows.traits), -1)
    local[used] = np.arange(len(used))
    offered = Offered(
        tuple(rows.traits[i] for i in used.tolist()),
        local[known.first],
        local[known.second],
        np.where(known.tied, -1, known.code),
        np.where(known.swapped, -1, 1),
        known.prompt,
    )
    try:
        ratings = rate_free(offered)
    except EthogramError as error:
        return replace(found, why=str(error))
    forced = _forced(results, model, judge)
    agreement = None if found.indifferent else _agreement(forced, ratings)
    return replace(
        found, ratings=ratings, agreement=agreement, unwilling=_unwilling(forced, ratings)
    )


def _forced(results: StoreResults, model: str, judge: str) -> Profile | None:
    """Return the profile of the study itself."""
    rated = results.rated(Part.MAIN).profiles
    return next((p for p in rated if (p.model, p.judge) == (model, judge)), None)


def _agreement(forced: Profile | None, ratings: FreeRatings) -> Agreement | None:
    """Correlate forced and free ratings, where both are there."""
    if forced is None:
        return None
    errors = np.diag(ratings.covariance)
    free = score_strengths(ratings.traits, ratings.strengths, errors)
    return measure_agreement(score_profile(forced), free)


def _unwilling(forced: Profile | None, ratings: FreeRatings) -> tuple[str, ...]:
    """Return the traits that win when forced, and are hardly volunteered."""
    if forced is None:
        return ()
    wins = {t for t, low in zip(forced.traits, forced.low, strict=True) if low > 0}
    rare = ratings.volunteered_high < SELDOM
    return tuple(
        t for t, is_rare in zip(ratings.traits, rare, strict=True) if is_rare and t in wins
    )


def free_section(results: StoreResults) -> Section | None:
    """Say what models take of their own accord; None where they were not asked so."""
    found = measure_free(results)
    if not found:
        return None
    return Section(
        name="free",
        title="What does the model show when it need not?",
        claims=tuple(_claim(free) for free in found),
        tables=tuple(_table(free) for free in found if free.ratings and not free.indifferent),
        notes=NOTES,
        data={"models": [_data(free) for free in found]},
        charts=tuple(_charts(results, found)),
    )


NOTES = (
    "Each trial names two traits; the model may show either, or neither. Volunteered: of the "
    "trials that offer a trait, the other being any of the rest, the share in which the judge "
    "names it.",
    "A judge that overlooks a trait calls the reply neither: how well it sees is measured on "
    "written replies, in a forced choice. That it names a trait does not prove that the model "
    "meant to show it.",
    "Wins when forced, hardly volunteered: rated above the average trait in the study itself, and "
    f"volunteered in less than {SELDOM:.0%} of the trials that offer it, by the interval’s end.",
)


def _charts(results: StoreResults, found: Sequence[Free]) -> Iterator[SectionChart]:
    for free in found:
        forced = _forced(results, free.model, free.judge)
        if forced is not None and free.ratings is not None and not free.indifferent:
            yield free_chart(free.model, free.judge, forced, free.ratings)


def _claim(free: Free) -> str:
    """Say how much is taken, and how it goes with what is taken under force."""
    share = _neither(free)
    if free.indifferent:
        return f"{share}. It is indifferent: hardly any of the traits is taken of its own accord."
    if free.ratings is None:
        return f"{share}. The traits cannot be rated: {free.why}."
    with_forced = ""
    if free.agreement is not None:
        plain, net = free.agreement.plain.words, free.agreement.corrected.words
        with_forced = (
            f"; with the ratings of the forced choice its own correlate at {plain} over "
            f"{free.agreement.n:,} traits, net of noise {net}"
        )
    unwilling = ""
    if free.unwilling:
        unwilling = f" Wins when forced, hardly volunteered: {', '.join(free.unwilling)}."
    return f"{share}{with_forced}.{unwilling}"


def _neither(free: Free) -> str:
    """Say in how many trials neither is taken, where there are enough to tell."""
    if not free.neither.n:
        return f"{free.model}: no trial has a verdict of {free.judge}"
    if free.neither.few:
        n = count_words(free.neither.n, "trial")
        return (
            f"{free.model}: {n} with a verdict of {free.judge}, too few to tell how often neither "
            "trait is shown"
        )
    return (
        f"{free.model}: neither trait is shown in {free.neither.percent} of trials ({free.judge})"
    )


def _table(free: Free) -> SectionTable:
    """Show the traits that are volunteered most and least."""
    ratings = free.ratings
    assert ratings is not None
    order = np.argsort(-ratings.volunteered, kind="stable").tolist()
    kept = order if len(order) <= 2 * SHOWN else [*order[:SHOWN], *order[-SHOWN:]]
    rows = tuple(
        (
            ratings.traits[i],
            _share(ratings.volunteered, ratings.volunteered_low, ratings.volunteered_high, i),
            _share(ratings.neither, ratings.neither_low, ratings.neither_high, i),
            _points(ratings, i),
            f"{ratings.n_by_trait[i]:,}",
        )
        for i in kept
    )
    which = "" if len(kept) == len(order) else f", the {SHOWN} most and least volunteered"
    return SectionTable(
        f"{free.model} by {free.judge}{which}: 95% intervals; the rating is of the free choice "
        "(Davidson’s model with an abstention rate per trait).",
        ("trait", "volunteered", "neither", "free rating", "trials"),
        rows,
    )


def _share(middle: Any, low: Any, high: Any, i: int) -> str:
    return f"{100 * middle[i]:.0f}% ({100 * low[i]:.0f} to {100 * high[i]:.0f})"


def _points(ratings: FreeRatings, i: int) -> str:
    values = (ratings.strengths[i], ratings.low[i], ratings.high[i])
    middle, low, high = (f"{1000 + ELO_PER_LOGIT * value:,.0f}" for value in values)
    return f"{middle} ({low} to {high})".replace("-", "\u2212")


def _data(free: Free) -> dict[str, Any]:
    """Return the numbers unrounded."""
    ratings = free.ratings
    kept: dict[str, Any] = {
        "model": free.model,
        "judge": free.judge,
        "neither": vars(free.neither),
        "lost": free.lost,
        "indifferent": free.indifferent,
        "unwilling": list(free.unwilling),
        "forced_against_free": as_plain(free.agreement) if free.agreement else None,
    }
    if ratings is not None:
        kept["traits"] = list(ratings.traits)
        kept["ratings"] = {
            name: value.tolist()
            for name, value in vars(ratings).items()
            if isinstance(value, np.ndarray) and value.ndim == 1
        }
    return kept
