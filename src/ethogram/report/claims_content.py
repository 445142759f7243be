"""The published study, claim by claim: every number of it put into words, for a page to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ethogram import __version__
from ethogram.analysis.claims import (
    RULE,
    Check,
    CheckedClaim,
    CheckedClaims,
    Outcome,
    Region,
)
from ethogram.analysis.claims_study import Estimate
from ethogram.figures.dumbbells import Dumbbell
from ethogram.ratings.numbers import say_number
from ethogram.ratings.serialise import as_plain
from ethogram.report.words import listed, spelled

TITLE = "The published study, claim by claim"
NONE = "none"
NAMED_CHECKS = 2
"""Checks that do not hold are named in the sentence up to this number."""

SMALL_CHANCE = 0.01
"""Chances below this are shown with a digit more."""

NOT_COVERED = (
    "They do not cover another collection of prompts, another judge, other traits or other models. "
    "The study showed the trait that comes earlier in its list as choice 1 every time, and what "
    "that is worth to model and judge is part of every number here and there."
)
METHOD = (
    "The study rated its verdicts in one pass of Elo, whose result depends on the order of the "
    "comparisons. Here the same verdicts are rated by Bradley-Terry, which does not depend on it. "
    "So a published number that does not hold need not be a slip: it is what one pass of Elo gives."
)


@dataclass(frozen=True)
class ShownCheck:
    """One check in words; `verdict` is empty if it is only shown."""

    label: str
    published: str
    here: str
    interval: str
    fits: str
    verdict: str


@dataclass(frozen=True)
class ShownClaim:
    """One claim in words; `kind` is the verdict as a style."""

    id: str
    claim: str
    source: str
    verdict: str
    kind: str
    reading: str
    found: str
    limits: str
    why: str
    checks: tuple[ShownCheck, ...]


@dataclass(frozen=True)
class ClaimsReport:
    """What a page on the claims shows.

    Attributes
    ----------
    title, summary : str
        The summary is two sentences with the count of each verdict.
    counts : tuple of (str, str, int)
        Verdict, its style, and how many claims have it.
    topics : tuple of (str, tuple of ShownClaim)
    notes : tuple of (str, str)
        How to read it: a head and a paragraph each.
    numbers : tuple of (str, tuple of ShownCheck)
        Published and recomputed numbers, by unit.
    """

    title: str
    summary: str
    counts: tuple[tuple[str, str, int], ...]
    topics: tuple[tuple[str, tuple[ShownClaim, ...]], ...]
    notes: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, tuple[ShownCheck, ...]], ...]
    checked: CheckedClaims
    version: str
    written_at: datetime


def describe_claims(checked: CheckedClaims, *, written_at: datetime | None = None) -> ClaimsReport:
    """Put the claims and their verdicts into words."""
    shown = [(claim.topic, _show_claim(claim)) for claim in checked.claims]
    return ClaimsReport(
        title=TITLE,
        summary=_summary(checked),
        counts=tuple((str(o), _kind(o), checked.count(o)) for o in Outcome),
        topics=tuple(
            (topic, tuple(claim for t, claim in shown if t == topic))
            for topic in dict.fromkeys(topic for topic, _ in shown)
        ),
        notes=_notes(checked),
        numbers=_numbers(checked),
        checked=checked,
        version=__version__,
        written_at=written_at or datetime.now(UTC),
    )


def claims_json(report: ClaimsReport) -> dict[str, Any]:
    """Return every claim with its checks, numbers unrounded and in words, for JSON."""
    words = {claim.id: claim for _, claims in report.topics for claim in claims}
    checked = report.checked
    return {
        "title": report.title,
        "summary": report.summary,
        "ethogram": report.version,
        "made": report.written_at.isoformat(),
        "seed": checked.seed,
        "draws": checked.n_draws,
        "models": list(checked.models),
        "verdicts": {name: count for name, _, count in report.counts},
        "notes": [{"head": head, "text": text} for head, text in report.notes],
        "claims": [{**as_plain(claim), "found": words[claim.id].found} for claim in checked.claims],
    }


def rows_for_dumbbells(checked: CheckedClaims) -> tuple[Dumbbell, ...]:
    """Every published number that these data have a counterpart of; an axis for each unit."""
    return tuple(_dumbbell(check) for check in _with_both(checked))


def _dumbbell(check: Check) -> Dumbbell:
    unit, measured = UNITS[check.unit], check.measured
    assert measured is not None, check.label
    assert check.published is not None, check.label
    return Dumbbell(
        label=check.label,
        before=check.published * unit.scale,
        after=measured.value * unit.scale,
        low=measured.low * unit.scale,
        high=measured.high * unit.scale,
        group=unit.name[0].upper() + unit.name[1:],
        digits=unit.digits,
        suffix=unit.after,
    )


def _with_both(checked: CheckedClaims) -> list[Check]:
    """The checks with a published and a measured number; a quantity once."""
    both = {
        check.label: check
        for claim in checked.claims
        for check in claim.checks
        if check.published is not None and check.measured is not None
    }
    return list(both.values())


def _numbers(checked: CheckedClaims) -> tuple[tuple[str, tuple[ShownCheck, ...]], ...]:
    both = _with_both(checked)
    names = dict.fromkeys(UNITS[check.unit].name for check in both)
    return tuple(
        (name, tuple(_show_check(check) for check in both if UNITS[check.unit].name == name))
        for name in names
    )


# -- sentences --------------------------------------------------------------------------------


def _summary(checked: CheckedClaims) -> str:
    """Two sentences: how many claims have which verdict."""
    total, beyond = len(checked.claims), checked.count(Outcome.UNTESTABLE)
    parts = [
        _many(outcome, count)
        for outcome in Outcome
        if outcome != Outcome.UNTESTABLE and (count := checked.count(outcome))
    ]
    models = f"its {spelled(len(checked.models))} models"
    rest = (
        f"The other {spelled(beyond)} cannot be tested with these data."
        if beyond
        else "None is beyond these data."
    )
    return (
        f"Of {total} claims in the study’s post, paper and harness, {total - beyond} can be tested "
        f"on the public win counts of {models}: {listed(parts) or 'none'}. {rest}"
    )


_VERBS = {
    Outcome.HOLDS: ("holds", "hold"),
    Outcome.IN_PART: ("holds in part", "hold in part"),
    Outcome.NOISE: ("is within noise", "are within noise"),
    Outcome.FAILS: ("does not hold", "do not hold"),
    Outcome.UNTESTABLE: ("cannot be tested", "cannot be tested"),
}


def _many(outcome: Outcome, count: int) -> str:
    """Such as "two do not hold"."""
    return f"{spelled(count)} {_VERBS[outcome][count != 1]}"


def _divided(claim: CheckedClaim) -> str:
    """Which checks hold and which do not, where they disagree; else empty."""
    decided = [check for check in claim.checks if check.outcome is not None]
    kinds = {check.outcome for check in decided}
    if len(kinds) == 1:
        return ""
    parts = []
    for outcome in Outcome:
        own = [check.label for check in decided if check.outcome == outcome]
        named = outcome in (Outcome.NOISE, Outcome.FAILS) and len(own) <= NAMED_CHECKS
        if own:
            parts.append(_many(outcome, len(own)) + (f" ({'; '.join(own)})" if named else ""))
    return f" Of {spelled(len(decided))} checks, {listed(parts)}."


def _notes(checked: CheckedClaims) -> tuple[tuple[str, str], ...]:
    """How to read the page: the rule, the intervals, the ratings."""
    n, k = checked.n, checked.n_traits
    each = f"{min(n):,}" if min(n) == max(n) else f"{min(n):,} to {max(n):,}"
    decided = sum(
        check.outcome not in (None, Outcome.UNTESTABLE)
        for claim in checked.claims
        for check in claim.checks
    )
    intervals = (
        "All are 95% intervals, from "
        f"{checked.n_draws:,} simulated repeats (seed {checked.seed}). They cover the noise of "
        "single verdicts: which prompt a pair was asked with, which reply came, what the judge "
        f"said. There are {each} comparisons per model, about {2 * min(n) / k:.0f} per trait, as "
        f"the harness asked nearly every pair once. {NOT_COVERED} The {decided} checks are not "
        "corrected for their number: about one interval in twenty misses."
    )
    return (("The rule", RULE), ("The intervals", intervals), ("The ratings", METHOD))


def _show_claim(claim: CheckedClaim) -> ShownClaim:
    measured = {check.key: _Words(check) for check in claim.checks}
    return ShownClaim(
        id=claim.id,
        claim=claim.claim,
        source=claim.source,
        verdict=str(claim.verdict),
        kind=_kind(claim.verdict),
        reading=claim.reading,
        found=claim.found.format(**measured) + _divided(claim),
        limits=claim.limits,
        why=claim.why,
        checks=tuple(_show_check(check) for check in claim.checks),
    )


def _kind(outcome: Outcome) -> str:
    return outcome.name.lower().replace("_", "-")


class _Words:
    """A check's measurement inside a sentence: `{key}`, `{key.note}`, `{key.aside}`."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.note = check.measured.note if check.measured else check.reason
        self.aside = f" ({self.note})" if self.note else ""

    def __str__(self) -> str:
        if self.check.measured is None:
            return f"not known ({self.check.reason})"
        interval = _interval(self.check.measured, self.check.unit)
        here = UNITS[self.check.unit].show(self.check.measured.value)
        return f"{here} ({interval})" if interval else here


def _show_check(check: Check) -> ShownCheck:
    unit = UNITS[check.unit]
    measured = check.measured
    verdict = "" if check.outcome is None else str(check.outcome)
    return ShownCheck(
        label=check.label,
        published="" if check.published is None else unit.show_published(check.published),
        here=NONE if measured is None else unit.show(measured.value),
        interval="" if measured is None else _interval(measured, check.unit),
        fits=_fits(check.region, unit),
        verdict=f"{verdict}: {check.reason}" if verdict and check.reason else verdict,
    )


def _interval(measured: Estimate, unit: str) -> str:
    if measured.low == measured.value == measured.high and unit in ("chance", "points"):
        return ""
    return f"{UNITS[unit].show(measured.low)} to {UNITS[unit].show(measured.high)}"


def _fits(region: Region | None, unit: Unit) -> str:
    """Say which values fit the claim."""
    if region is None:
        return ""
    ends = [unit.show_end(end) for end in region.ends]
    words = {
        "at_most": ends[0] if region.ends[0] == 1 else f"at most {ends[0]}",
        "at_least": f"at least {ends[0]}",
        "above": f"above {ends[0]}",
        "below": f"below {ends[0]}",
        "between": " to ".join(ends),
        "published": "as published",
    }
    return words[region.kind]


# -- units ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """How numbers of a unit are shown: `name` groups units that share an axis."""

    name: str
    digits: int
    scale: float = 1.0
    sign: bool = False
    after: str = ""

    def show(self, value: float) -> str:
        """A number with a true minus, and a plus for differences; ordinals for places."""
        if self.name == "place":
            return ordinal(round(value))
        small = self.name == "share of repeats" and 0 < value < SMALL_CHANCE
        return self._number(value, 1 if small else self.digits)

    def show_published(self, value: float) -> str:
        """A published number, to the digits that it was published with."""
        if self.name == "place":
            return ordinal(round(value))
        digits = len(repr(value).partition(".")[2]) if self.scale == 1 else self.digits
        return self._number(value, digits)

    def show_end(self, value: float) -> str:
        """An end of a region, to no more digits than it has."""
        if self.name == "place":
            return ordinal(round(value))
        return f"{value * self.scale:g}{self.after}"

    def _number(self, value: float, digits: int) -> str:
        text = say_number(value * self.scale, digits, sign=self.sign, grouped=True)
        return text + self.after


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


UNITS = {
    "place": Unit("place", 0),
    "ranks": Unit("ranks", 1),
    "rank difference": Unit("ranks, difference", 1, sign=True),
    "points": Unit("Elo points", 0),
    "point difference": Unit("Elo points, difference", 0, sign=True),
    "Elo": Unit("Elo points", 0),
    "correlation": Unit("correlation", 3),
    "correlation difference": Unit("correlation, difference", 3, sign=True),
    "share": Unit("share of variance", 1, scale=100, after="%"),
    "share difference": Unit("percentage points", 1, scale=100, sign=True),
    "ratio": Unit("ratio", 2),
    "chance": Unit("share of repeats", 0, scale=100, after="%"),
}
"""The units that the table of claims uses."""
