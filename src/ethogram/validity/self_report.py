"""Self-report: what a model says of itself, and how far that is what it does.

Its choices between two words are rated like any comparisons; its statements are averaged after
those that are worded the other way round are turned. Both are held against the study's own profile
by each judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ethogram.analysis.cohort import MINIMUM_TRAITS
from ethogram.analysis.word_and_deed import (
    Agreement,
    Interval,
    Parted,
    Scores,
    compare_agreement,
    find_parted,
    measure_agreement,
    score_items,
    score_profile,
)
from ethogram.design import Condition, Part
from ethogram.engine.requests import Status
from ethogram.errors import EthogramError
from ethogram.protocols.numbers import LEAST, MOST
from ethogram.protocols.self_report import is_reversed
from ethogram.ratings.comparisons import Comparisons, FloatArray, compare
from ethogram.ratings.rate import rate
from ethogram.ratings.results import Rated
from ethogram.store.self_reports import SelfReport, read_self_reports
from ethogram.validity.proportions import Estimate, contrast, proportion
from ethogram.validity.results import StoreResults

KINDS = (Part.STATED, Part.LIKERT)


@dataclass(frozen=True)
class Told:
    """What one model says of itself, asked in one way in one context.

    Attributes
    ----------
    model : str
    kind : Part
        `Part.STATED` (one of two words) or `Part.LIKERT` (agreement with statements).
    context : str
        "fresh" or "acted".
    scores : Scores or None
        None where there are too few answers; `why` says so.
    declined : Estimate
        Share of the questions asked that it declined to answer.
    planned, asked, answered : int
    bias : Estimate
        Of words, the share of choices for the one shown first; of statements, points of agreement
        above the middle, averaged over statements that say opposite things.
    same : Estimate or None
        Of pairs of words answered in both orders, the share in which the choice is the same.
    """

    model: str
    kind: Part
    context: str
    scores: Scores | None
    why: str
    declined: Estimate
    planned: int
    asked: int
    answered: int
    bias: Estimate
    same: Estimate | None


@dataclass(frozen=True)
class WordAndDeed:
    """What a model says of itself against what it does by one judge.

    Attributes
    ----------
    model, judge : str
    kind, context
        As of `Told`.
    agreement : Agreement
    parted : tuple of Parted
        Traits that the two clearly place apart; `one` is what it says.
    shown : Estimate or None
        Of words, how often it names the trait that its reply to the same two shows, by the judge.
    """

    model: str
    judge: str
    kind: Part
    context: str
    agreement: Agreement
    parted: tuple[Parted, ...]
    shown: Estimate | None


@dataclass(frozen=True)
class Change:
    """A model asked afresh against the same model asked after it acted.

    Attributes
    ----------
    model, judge, kind
    stable : Agreement
        Of the two with each other.
    more : Interval
        By how much more the second agrees with what it does, net of noise.
    """

    model: str
    judge: str
    kind: Part
    stable: Agreement
    more: Interval


@dataclass(frozen=True)
class SelfReports:
    """All that a store holds of self-reports, measured."""

    told: tuple[Told, ...]
    against: tuple[WordAndDeed, ...]
    changes: tuple[Change, ...]


def measure_self_reports(results: StoreResults) -> SelfReports | None:
    """Measure what a store holds of self-reports; None where it has no answer."""
    if not any(c.part in KINDS and c.stage == c.part for c in results.counts):
        return None
    answers = {kind: read_self_reports(results.store, kind) for kind in KINDS}
    told = [
        _tell(model, kind, context, rows)
        for kind, every in answers.items()
        for (model, context), rows in _grouped(every).items()
    ]
    if not told:
        return None
    deeds = _Deeds(results, answers[Part.STATED])
    against = [one for say in told for one in deeds.against(say)]
    return SelfReports(tuple(told), tuple(against), tuple(deeds.changes(told)))


def _grouped(rows: Sequence[SelfReport]) -> dict[tuple[str, str], list[SelfReport]]:
    """Part answers by model and context, fresh ones first."""
    found: dict[tuple[str, str], list[SelfReport]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.context != Condition.FRESH):
        found[row.model, row.context].append(row)
    return found


# -- what it says ---------------------------------------------------------------------------


def _tell(model: str, kind: Part, context: str, rows: Sequence[SelfReport]) -> Told:
    """Sum up the answers of one model in one context."""
    asked = [row for row in rows if row.asked]
    declined = np.array([row.status == Status.REFUSED for row in asked], dtype=bool)
    names = {row.first: i for i, row in enumerate(rows)}
    of = [row.place if kind == Part.STATED else names[row.first] for row in asked]
    if kind == Part.STATED:
        scores, why = rate_choices(rows)
        bias, same = _position(rows)
    else:
        traits, answers = turned_answers(rows)
        scores = score_items(traits, answers)
        why = "" if scores else _why_none(answers)
        bias, same = _acquiescence(answers), None
    return Told(
        model,
        kind,
        context,
        scores,
        why,
        proportion(declined, clusters=np.array(of, dtype=np.int64)),
        len(rows),
        len(asked),
        sum(row.choice is not None or row.value is not None for row in rows),
        bias,
        same,
    )


def compare_choices(rows: Sequence[SelfReport]) -> Comparisons:
    """Return choices between words as comparisons; both orders of a pair are one cluster."""
    chosen = [row for row in rows if row.choice is not None]
    traits = list(dict.fromkeys(t for row in chosen for t in (row.first, row.second)))
    place = {trait: i for i, trait in enumerate(traits)}
    return compare(
        traits,
        np.array([place[row.first] for row in chosen], dtype=np.int64),
        np.array([place[row.second] for row in chosen], dtype=np.int64),
        np.array([row.choice == row.first for row in chosen], dtype=np.float64),
        prompt=np.array([row.place for row in chosen], dtype=np.int64),
        lost=len(rows) - len(chosen),
        model=rows[0].model if rows else "",
        condition=Part.STATED,
    )


def rate_choices(rows: Sequence[SelfReport]) -> tuple[Scores | None, str]:
    """Rate choices between words by Bradley-Terry, or say why that cannot be done."""
    comparisons = compare_choices(rows)
    if not len(comparisons):
        return None, "no answer names one of the two words"
    try:
        return score_profile(rate(comparisons)), ""
    except EthogramError as error:
        return None, str(error)


def turned_answers(rows: Sequence[SelfReport]) -> tuple[tuple[str, ...], FloatArray]:
    """Return the traits and their answers (K, I), reversed items turned round, NaN where none."""
    traits = tuple(dict.fromkeys(row.first for row in rows))
    place = {trait: i for i, trait in enumerate(traits)}
    answers = np.full((len(traits), 1 + max(row.item for row in rows)), np.nan)
    for row in rows:
        if row.value is not None:
            turned = LEAST + MOST - row.value if is_reversed(row.item) else row.value
            answers[place[row.first], row.item] = turned
    return traits, answers


def _why_none(answers: FloatArray) -> str:
    """Say why answers to statements come to no scores."""
    rated = int((~np.isnan(answers)).any(axis=1).sum())
    few = rated < MINIMUM_TRAITS
    return f"{rated} rated, at least {MINIMUM_TRAITS} traits needed" if few else "too few answers"


def _acquiescence(answers: FloatArray) -> Estimate:
    """How far a model agrees with opposite statements alike, in points above the middle."""
    turn = np.array([is_reversed(item) for item in range(answers.shape[1])])
    middle = (LEAST + MOST) / 2
    given = np.where(turn, 2 * middle - answers, answers) - middle
    means = []
    for part in (given[:, ~turn], given[:, turn]):
        there = ~np.isnan(part)
        total = np.where(there, part, 0).sum(axis=1)
        n = there.sum(axis=1)
        means.append(np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0))
    values = (means[0] + means[1]) / 2
    values = values[~np.isnan(values)]
    cell = np.zeros(len(values), dtype=np.int64)
    return contrast(values, cell, (1.0,), span=float(MOST - LEAST))


def _position(rows: Sequence[SelfReport]) -> tuple[Estimate, Estimate]:
    """Return how often the first word is chosen, and how often both orders give the same one."""
    orders: dict[int, list[SelfReport]] = defaultdict(list)
    for row in rows:
        if row.choice is not None:
            orders[row.place].append(row)
    both = {place: pair for place, pair in orders.items() if len(pair) == 2}  # else unbalanced
    chosen = [(row.choice == row.first, place) for place, pair in both.items() for row in pair]
    first = proportion(
        np.array([hit for hit, _ in chosen], dtype=bool),
        clusters=np.array([place for _, place in chosen], dtype=np.int64),
    )
    same = [len({row.choice for row in pair}) == 1 for pair in both.values()]
    return first, proportion(np.array(same, dtype=bool))


# -- against what it does -------------------------------------------------------------------


class _Deeds:
    """What the models of a store do, by each judge, against what they say."""

    def __init__(self, results: StoreResults, stated: Sequence[SelfReport]) -> None:
        self.results = results
        self.stated = _grouped(stated)
        self._shown: dict[str, Mapping[tuple[str, int], str]] = {}

    @cached_property
    def profiles(self) -> Rated:
        """The study's own."""
        return self.results.rated(Part.MAIN)

    def scores(self, model: str) -> Iterator[tuple[str, Scores]]:
        """Yield each judge's ratings of a model."""
        for profile in self.profiles.profiles:
            if profile.model == model:
                yield profile.judge, score_profile(profile)

    def against(self, told: Told) -> Iterator[WordAndDeed]:
        """Hold what a model says against what it does, by each judge."""
        if told.scores is None:
            return
        for judge, deeds in self.scores(told.model):
            agreement = measure_agreement(told.scores, deeds)
            if agreement is not None:
                yield WordAndDeed(
                    told.model,
                    judge,
                    told.kind,
                    told.context,
                    agreement,
                    find_parted(told.scores, deeds),
                    self._names_shown(told, judge) if told.kind == Part.STATED else None,
                )

    def _names_shown(self, told: Told, judge: str) -> Estimate:
        """How often a model says the word that its reply to the same two shows."""
        shown = self.shown(judge)
        rows = [
            (row.choice == shown[row.model, row.place], row.place)
            for row in self.stated[told.model, told.context]
            if row.choice is not None and (row.model, row.place) in shown
        ]
        return proportion(
            np.array([hit for hit, _ in rows], dtype=bool),
            clusters=np.array([place for _, place in rows], dtype=np.int64),
        )

    def shown(self, judge: str) -> Mapping[tuple[str, int], str]:
        """Return the trait that each reply of the study shows, where its verdicts are one."""
        if judge not in self._shown:
            verdicts = self.results.verdicts(judge).part(Part.MAIN)
            found: dict[tuple[str, int], set[str]] = defaultdict(set)
            for i in np.flatnonzero(verdicts.code >= 0).tolist():
                won = (verdicts.first if verdicts.code[i] else verdicts.second)[i]
                key = (verdicts.models[verdicts.model[i]], int(verdicts.seq[i]))
                found[key].add(verdicts.traits[won])
            self._shown[judge] = {key: won.pop() for key, won in found.items() if len(won) == 1}
        return self._shown[judge]

    def changes(self, told: Sequence[Told]) -> Iterator[Change]:
        """Compare the two contexts of each model and way of asking."""
        known = {(t.model, t.kind, t.context): t.scores for t in told}
        for (model, kind, context), before in known.items():
            after = known.get((model, kind, Condition.ACTED))
            if context != Condition.FRESH or before is None or after is None:
                continue
            stable = measure_agreement(before, after)
            if stable is not None:
                for judge, deeds in self.scores(model):
                    more = compare_agreement(before, after, deeds)
                    yield Change(model, judge, kind, stable, more)
