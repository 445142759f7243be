"""Self-report as the report and the terminal show it: sentences, tables, what they leave open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ethogram.analysis.cohort import MINIMUM_TRAITS
from ethogram.analysis.word_and_deed import Agreement
from ethogram.design import Condition, Part
from ethogram.ratings.numbers import say_estimate, say_number
from ethogram.validity.asked_charts import word_chart
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section, SectionChart, SectionTable
from ethogram.validity.self_report import (
    Change,
    SelfReports,
    Told,
    WordAndDeed,
    measure_self_reports,
)

ASKED = {Part.STATED: "two words", Part.LIKERT: "statements"}
CONTEXTS = {Condition.FRESH.value: "fresh", Condition.ACTED.value: "after acting"}
MOST_TRAITS = 10  # that word and deed part on, in the table; all are in the JSON
MOST_NAMED = 3


def self_report_section(results: StoreResults) -> Section | None:
    """Say how far models are as they say; None where they were not asked."""
    found = measure_self_reports(results)
    if found is None:
        return None
    tables = [_agreements(found.against)] if found.against else []
    tables.append(_answers(found.told))
    if found.changes:
        tables.append(_changes(found))
    if any(one.parted for one in found.against):
        tables.append(_parted(found.against))
    return Section(
        name="self_report",
        title="Are they as they say?",
        claims=tuple(_claims(found)),
        tables=(*tables, PUBLISHED),
        notes=NOTES,
        data=_data(found),
        charts=tuple(_charts(results, found)),
    )


NOTES = (
    "Two words: which describes the model better, each pair in both orders, rated by "
    "Bradley-Terry. Statements: agreement from 1 to 5, half of them worded the other way round and "
    "turned. No judge reads the answers.",
    "Correlations are Spearman’s over traits, with 95% bootstrap intervals over traits. Net of "
    "noise: divided by the root of both reliabilities (split-half, or Cronbach’s alpha); it may "
    "exceed 1.",
    "A rating scale ends at 1 and 5, ratings do not: traits at either end may part for that alone. "
    "Agreement says nothing of why: a model may know its manner, or what is usually said of such "
    "models.",
    "What a model declines is counted and is in no score. The judge’s own errors are in what it "
    "does; a trait that the judge cannot see parts from any word.",
)

PUBLISHED = SectionTable(
    "Published, beside ours with care: correlations over 25 models for each of five factors, "
    "where ours are over the traits of one model (Contreras 2026, arXiv 2606.09843).",
    ("self-report against", "r"),
    (
        ("ratings by people, mean over factors", "\u22120.01"),
        ("ratings by three LLM judges, mean over factors", "0.13"),
        ("the same judges, factor Responsiveness", "0.53"),
        ("people, factor Responsiveness", "0.04"),
    ),
)


def _charts(results: StoreResults, found: SelfReports) -> Iterator[SectionChart]:
    """Draw what was said afresh against what is done, by each judge."""
    profiles = results.rated(Part.MAIN).profiles
    for told in found.told:
        if told.scores is None or told.context != Condition.FRESH.value:
            continue
        for deeds in profiles:
            if deeds.model == told.model:
                asked = ASKED[told.kind]
                yield word_chart(told.model, asked, told.scores, deeds.judge, deeds)


def _claims(found: SelfReports) -> Iterator[str]:
    """Say for each model how far word and deed agree, where they part, and what was declined."""
    for one in found.against:
        if one.context == Condition.FRESH or not _is_fresh_too(found, one):
            yield _agrees(one)
            if one.parted:
                yield _parts(one)
    for change in found.changes:
        if np.isfinite(change.more.estimate):
            yield _changed(change)
    for told in found.told:
        if told.scores is None:
            yield (
                f"{told.model}, asked by {ASKED[told.kind]} ({CONTEXTS[told.context]}): no scores "
                f"({told.why})."
            )
    yield from dict.fromkeys(_unheld(told) for told in found.told if _is_unheld(found, told))
    for model in dict.fromkeys(told.model for told in found.told):
        declined = [t for t in found.told if t.model == model and t.declined.estimate > 0]
        if declined:
            yield _declines(model, declined)


def _is_unheld(found: SelfReports, told: Told) -> bool:
    """Whether there are scores, and nothing that they could be held against."""
    key = (told.model, told.kind, told.context)
    held = {(one.model, one.kind, one.context) for one in found.against}
    return told.scores is not None and key not in held


def _unheld(told: Told) -> str:
    """Say why what a model says is held against nothing."""
    n = len(told.scores.traits) if told.scores else 0
    said = f"{told.model}: what it says of itself ({ASKED[told.kind]}) is held against nothing"
    if n < MINIMUM_TRAITS:
        return f"{said}: it speaks of {n} traits, and at least {MINIMUM_TRAITS} are needed."
    return (
        f"{said}: no judge’s ratings of what it does cover {MINIMUM_TRAITS} of its traits; "
        "`ethogram run` makes them."
    )


def _declines(model: str, declined: Sequence[Told]) -> str:
    """Say how often a model would not describe itself."""
    shares = (
        f"{t.declined.percent} of {t.asked:,} ({ASKED[t.kind]}, {CONTEXTS[t.context]})"
        for t in declined
    )
    return f"{model} declines to describe itself in {'; '.join(shares)}."


def _is_fresh_too(found: SelfReports, one: WordAndDeed) -> bool:
    """Whether the same was asked in a conversation of its own."""
    key = (one.model, one.judge, one.kind)
    return any(
        (o.model, o.judge, o.kind) == key and o.context == Condition.FRESH for o in found.against
    )


def _agrees(one: WordAndDeed) -> str:
    """Say how far one measurement of word and deed agree."""
    agreement, net = one.agreement, ""
    if not np.isfinite(agreement.plain.estimate):
        return (
            f"{one.model}: what it says of itself ({ASKED[one.kind]}) cannot be held against what "
            f"it does by {one.judge}: one of the two is the same for every trait."
        )
    if np.isfinite(agreement.corrected.estimate):
        net = f"; net of noise {agreement.corrected.words}"
    return (
        f"{one.model}: what it says of itself ({ASKED[one.kind]}) and what it does by {one.judge} "
        f"correlate at {agreement.plain.words} over {agreement.n:,} traits{net}."
    )


def _parts(one: WordAndDeed) -> str:
    """Say on which traits word and deed part."""
    more = [p.trait for p in one.parted if p.difference.estimate > 0]
    less = [p.trait for p in one.parted if p.difference.estimate < 0]
    said = []
    for traits, what in ((more, "says more than it does"), (less, "does more than it says")):
        if traits:
            others = f" and {len(traits) - MOST_NAMED} more" if len(traits) > MOST_NAMED else ""
            said.append(f"{what}: {', '.join(traits[:MOST_NAMED])}{others}")
    return (
        f"{one.model} parts from its word on {len(one.parted):,} of {one.agreement.n:,} traits, by "
        f"{one.judge} ({ASKED[one.kind]}). It {'; it '.join(said)}."
    )


def _changed(change: Change) -> str:
    """Say whether acting first makes a model's word truer."""
    low, high = change.more.low, change.more.high
    neither = "agrees neither clearly more nor clearly less"
    what = "agrees more" if low > 0 else "agrees less" if high < 0 else neither
    return (
        f"{change.model}: asked after it has acted, its word {what} with what it does by "
        f"{change.judge} ({ASKED[change.kind]}; difference {change.more.words})."
    )


def _agreements(against: Sequence[WordAndDeed]) -> SectionTable:
    rows = tuple(
        (
            one.model,
            one.judge,
            ASKED[one.kind],
            CONTEXTS[one.context],
            one.agreement.plain.words,
            one.agreement.corrected.words,
            *_reliabilities(one.agreement),
            f"{one.agreement.n:,}",
            f"{len(one.parted):,}",
        )
        for one in against
    )
    return SectionTable(
        "What each model says of itself against what it does, over traits: Spearman’s correlation "
        "with 95% intervals, plain and net of noise; traits that clearly part (false discovery "
        "rate 5%).",
        (
            *("model", "judge", "asked by", "conversation", "Spearman", "net of noise"),
            *("reliability, said", "reliability, done", "traits", "part"),
        ),
        rows,
    )


def _reliabilities(agreement: Agreement) -> tuple[str, str]:
    said, done = agreement.reliability
    return say_number(said, 2), say_number(done, 2)


def _answers(told: Sequence[Told]) -> SectionTable:
    rows = tuple(
        (
            one.model,
            ASKED[one.kind],
            CONTEXTS[one.context],
            f"{one.planned:,}",
            f"{one.answered:,}",
            one.declined.percent,
            one.bias.percent if one.kind == Part.STATED else "does not apply",
            one.same.percent if one.same else "does not apply",
            say_estimate(one.bias.estimate, one.bias.low, one.bias.high)
            if one.kind == Part.LIKERT
            else "does not apply",
        )
        for one in told
    )
    return SectionTable(
        "How the questions were answered, with 95% intervals. First word: choices for the word "
        "shown first. Acquiescence: agreement with opposite statements alike, in points above 3.",
        (
            *("model", "asked by", "conversation", "asked", "answered", "declined"),
            *("first word", "same in both orders", "acquiescence"),
        ),
        rows,
    )


def _changes(found: SelfReports) -> SectionTable:
    shown = {(o.model, o.judge, o.kind, o.context): o.shown for o in found.against}
    rows = []
    for change in found.changes:
        key = (change.model, change.judge, change.kind)
        named = [shown.get((*key, context)) for context in CONTEXTS]
        rows.append(
            (
                *(change.model, change.judge, ASKED[change.kind]),
                change.stable.plain.words,
                change.stable.corrected.words,
                change.more.words,
                *(one.percent if one else "does not apply" for one in named),
            )
        )
    return SectionTable(
        "Asked afresh against asked after acting: correlation of the two; by how much more the "
        "second agrees with what the model does, net of noise; how often the word is the trait "
        "that the reply to the same two shows.",
        (
            *("model", "judge", "asked by", "Spearman", "net of noise", "agrees more by"),
            *("names it, fresh", "names it, after acting"),
        ),
        tuple(rows),
    )


def _parted(against: Sequence[WordAndDeed]) -> SectionTable:
    rows = tuple(
        (
            part.trait,
            one.model,
            one.judge,
            ASKED[one.kind],
            CONTEXTS[one.context],
            say_number(part.one, 2),
            say_number(part.other, 2),
            part.difference.words,
        )
        for one in against
        for part in one.parted[:MOST_TRAITS]
    )
    return SectionTable(
        f"Traits that word and deed place clearly apart, at most {MOST_TRAITS} per row above, in "
        "standard deviations over traits (false discovery rate 5%).",
        ("trait", "model", "judge", "asked by", "conversation", "said", "done", "difference"),
        rows,
    )


def _data(found: SelfReports) -> dict[str, Any]:
    """Return the numbers unrounded; None where one cannot be told."""
    told: dict[str, Any] = _finite(_numbers(found))
    return told


def _finite(value: Any) -> Any:
    """Put None in the place of what is no number, in lists and mappings too."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _numbers(found: SelfReports) -> dict[str, Any]:
    return {
        "told": [_told_data(one) for one in found.told],
        "against": [_against_data(one) for one in found.against],
        "changes": [
            {
                **{"model": c.model, "judge": c.judge, "asked": str(c.kind)},
                "stable": _agreement_data(c.stable),
                "more": c.more._asdict(),
            }
            for c in found.changes
        ],
    }


def _told_data(one: Told) -> dict[str, Any]:
    scores = one.scores and {
        "reliability": one.scores.reliability,
        "traits": [
            {"trait": trait, "value": float(value), "error": float(variance) ** 0.5}
            for trait, value, variance in zip(
                one.scores.traits, one.scores.values, one.scores.variances, strict=True
            )
        ],
    }
    return {
        **{"model": one.model, "asked_by": str(one.kind), "context": one.context},
        **{"planned": one.planned, "asked": one.asked, "answered": one.answered},
        "declined": asdict(one.declined),
        "bias": asdict(one.bias),
        "same_in_both_orders": one.same and asdict(one.same),
        "scores": scores,
        "why_none": one.why,
    }


def _against_data(one: WordAndDeed) -> dict[str, Any]:
    return {
        **{"model": one.model, "judge": one.judge, "asked_by": str(one.kind)},
        "context": one.context,
        **_agreement_data(one.agreement),
        "names_what_it_shows": one.shown and asdict(one.shown),
        "parted": [{**p._asdict(), "difference": p.difference._asdict()} for p in one.parted],
    }


def _agreement_data(agreement: Agreement) -> dict[str, Any]:
    return {
        "spearman": agreement.plain._asdict(),
        "net_of_noise": agreement.corrected._asdict(),
        "reliability": list(agreement.reliability),
        "traits": agreement.n,
    }
