"""What a report says of several judges: how many votes they amount to, and which verdict to use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.ratings.numbers import say_interval, say_number
from ethogram.ratings.serialise import as_plain
from ethogram.validity.accuracy import Source
from ethogram.validity.combination import Combinations, How, Tried, try_combinations
from ethogram.validity.independence import (
    Independence,
    PairErrors,
    effective_votes,
    measure_independence,
)
from ethogram.validity.proportions import FEWEST, Estimate
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section, SectionTable
from ethogram.validity.votes import REPLIES, KnownVotes, known_votes

HALF_WIDTH = 0.1
"""Of the interval of the mean correlation: with a wider one, the replies that it takes are said."""

CHANCE = 0.5
_FEW_CLUSTERS = 20
_SOURCES: tuple[Source, ...] = ("plants", "exemplars")
_NOTES = (
    "An error is a reply on which a judge did not name the trait that it was made to show. A "
    "correlation of 0 means that judges err independently, 1 that they always err together. Of "
    "judges with different error rates it cannot reach 1. A tie or a missing verdict is no error.",
    "Part of it is the replies' doing: one that does not show its trait misleads every judge. On "
    "written replies there is less of that.",
    "A trait was asked for on these replies. What judges have in common on replies that a model "
    "chose, such as a liking for a word, they may not have in common here.",
    "Ways to combine are tried on replies that they have not learnt from, and a tie or no verdict "
    "counts half. With few replies no way is clearly better, and the simplest is named.",
)


@dataclass(frozen=True)
class _Measured:
    """What was found on one kind of replies; no combinations where there are too few replies."""

    known: KnownVotes
    found: Independence
    tried: Combinations | None

    @property
    def replies(self) -> str:
        """What the votes are on, such as 400 planted replies."""
        return f"{self.found.n:,} {REPLIES[self.known.source]}"


def independence_section(results: StoreResults) -> Section | None:
    """Say whether a store's judges err independently, and which verdict of theirs to report.

    Parameters
    ----------
    results : StoreResults

    Returns
    -------
    Section or None
        None where no two judges read the same planted or written replies.
    """
    measured = [m for source in _SOURCES if (m := _measure(results, source)) is not None]
    if not measured:
        return None
    headline = next((m for m in measured if m.tried is not None), measured[0])
    return Section(
        name="judges",
        title="Do the judges err independently?",
        claims=tuple(_claims(headline)),
        tables=tuple(table for one in measured for table in _tables(one)),
        notes=_notes(measured),
        data={one.known.source: _data(one) for one in measured},
    )


def _measure(results: StoreResults, source: Source) -> _Measured | None:
    """Measure on planted or on written replies; None where no two judges share any."""
    known = known_votes(results, source)
    if known is None:
        return None
    votes, judges = known.votes.votes, known.votes.judges
    found = measure_independence(votes, judges, clusters=known.clusters)
    enough = known.shared >= FEWEST and found.clusters >= FEWEST
    tried = try_combinations(votes, judges, clusters=known.clusters) if enough else None
    return _Measured(known, found, tried)


# -- in words -------------------------------------------------------------------------------


def _claims(one: _Measured) -> list[str]:
    """Say how many votes, which verdict to use, and what another judge would add."""
    said = [_votes_sentence(one)]
    if one.tried is not None:
        said.append(_recommendation(one.tried))
    if one.found.known:
        said.append(_further_judges(one.found))
    more = one.found.replies_for(HALF_WIDTH)
    if one.found.known and more:
        said.append(
            f"To know the mean correlation to ±{HALF_WIDTH} takes about {_rounded(more):,} such "
            f"replies; there are {one.found.n:,}."
        )
    return said


def _votes_sentence(one: _Measured) -> str:
    found, m = one.found, len(one.found.judges)
    if not found.known:
        return (
            f"How many independent votes the {m} judges amount to is unknown: their errors on "
            f"{one.replies} have no correlation, as each pair has a judge that is always right or "
            "always wrong there."
        )
    some = sum(bool(np.isfinite(pair.phi.estimate)) for pair in found.pairs)
    of = len(found.pairs)
    only = f", over {some} of {of} pairs (the others have none)" if some < of else ""
    return (
        f"The {m} judges count as {_say(found.effective)} independent votes: their errors on "
        f"{one.replies} have a mean correlation of {_say(found.mean, 2)}{only}."
    )


def _say(one: Estimate, digits: int = 1) -> str:
    return f"{say_number(one.estimate, digits)} ({say_interval(one.low, one.high, digits)})"


def _recommendation(tried: Combinations) -> str:
    """Name the way to report, and what it may cost against the most accurate one."""
    use, top = tried.recommended, tried.most_accurate
    if top.accuracy.low <= CHANCE:
        return (
            "No verdict of these judges is to be reported: the most accurate, "
            f"{_name(top.how, tried)}, is right on {top.accuracy.percent} of replies not learnt "
            "from, which is not shown to be above chance (50%)."
        )
    right = f"right on {use.accuracy.percent} of replies not learnt from"
    if use.how == "single":
        right = f"the best judge on one half is {right}"
    said = f"Report {_name(use.how, tried)}: {right}"
    if use is top:
        return f"{said}, and no other way is right more often."
    low, high = (say_number(100 * x, 1) for x in (use.short.low, use.short.high))
    return (
        f"{said}. {_capital(_name(top.how, tried))} is right on {top.accuracy.percent}, which is "
        f"not clearly more: {low} to {high} percentage points."
    )


def _name(how: How, tried: Combinations) -> str:
    m = len(tried.judges)
    return {
        "single": f"the single judge {tried.best}",
        "majority": f"the majority of {m}",
        "weighted": f"the weighted vote of {m}",
    }[how]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _further_judges(found: Independence) -> str:
    """Say what another judge would add, and the most that any number of them could."""
    m, mean = len(found.judges), found.mean
    added = [
        effective_votes(m + 1, r) - effective_votes(m, r)
        for r in (mean.estimate, mean.high, mean.low)
    ]
    apart = found.with_one_more(alike=False) - found.effective.estimate
    said = f"A further judge like these would add {say_number(added[0], 2)} votes "
    said += f"({say_interval(added[1], added[2], 2)})"
    if mean.low > 0:
        most = f"{say_number(found.ceiling, 1)} ({say_interval(1 / mean.high, 1 / mean.low, 1)})"
        said += f", and no number of them would make more than {most}"
    return f"{said}; one that errs independently of these {m} would add {say_number(apart, 2)}."


def _rounded(count: int) -> int:
    """Round up to two digits: a forecast is no count."""
    unit = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // unit) * unit


def _notes(measured: list[_Measured]) -> tuple[str, ...]:
    lost = [note for one in measured if (note := _missing(one))]
    few = [
        f"On {REPLIES[one.known.source]}, intervals rest on {one.found.clusters} independent "
        "prompts or texts: with so few they may be too short."
        for one in measured
        if 1 < one.found.clusters < _FEW_CLUSTERS
    ]
    return (*_NOTES, *lost, *few)


def _missing(one: _Measured) -> str:
    """Say how many votes are ties or not there; "" where none is."""
    votes = one.known.votes.votes
    ties, none = int((votes == 0).sum()), int(np.isnan(votes).sum())
    if not (ties or none):
        return ""
    return (
        f"Of {votes.size:,} votes on {REPLIES[one.known.source]}, {ties:,} are ties and {none:,} "
        "are missing: these are in no correlation."
    )


# -- tables ---------------------------------------------------------------------------------


def _tables(one: _Measured) -> list[SectionTable]:
    """Every pair of judges; then every judge, and the ways to combine, where there are enough."""
    pairs = SectionTable(
        f"How often two judges err on the same of {one.replies}, and the correlation of their "
        "errors (phi, 95% intervals by a bootstrap of prompts or texts).",
        ("Judges", "phi", "both wrong", "if independent", "replies"),
        tuple(_pair_row(pair) for pair in one.found.pairs),
    )
    if one.tried is None:
        return [pairs]
    judges = SectionTable(
        f"Each judge on {REPLIES[one.known.source]}: share of its verdicts that is wrong (95% "
        "interval), and its weight where all answer.",
        ("Judge", "wrong", "verdicts", "weight"),
        tuple(
            (name, rate.percent, f"{rate.n:,}", say_number(float(weight), 2))
            for name, rate, weight in zip(
                one.found.judges, one.found.errors, one.tried.weights, strict=True
            )
        ),
    )
    tried = SectionTable(
        f"One verdict of several judges: share right on {one.tried.n:,} "
        f"{REPLIES[one.known.source]}, each half by what was learnt from the other (mean of "
        f"{one.tried.divisions} divisions; 95% intervals).",
        ("Verdict", "right", "ties or no verdict", "points below the best"),
        tuple(_tried_row(way, one.tried) for way in one.tried.tried),
    )
    return [pairs, judges, tried]


def _pair_row(pair: PairErrors) -> tuple[str, ...]:
    phi = "unknown" if np.isnan(pair.phi.estimate) else _say(pair.phi, 2)
    return (
        " and ".join(pair.judges),
        f"{phi}, {pair.few}" if pair.few and phi != "unknown" else phi,
        f"{pair.both:,}",
        say_number(pair.expected, 1),
        f"{pair.phi.n:,}",
    )


def _tried_row(way: Tried, tried: Combinations) -> tuple[str, ...]:
    is_top = way is tried.most_accurate
    points = [say_number(100 * x, 1) for x in (way.short.estimate, way.short.low, way.short.high)]
    return (
        _chosen(tried) if way.how == "single" else _capital(_name(way.how, tried)),
        way.accuracy.percent,
        f"{way.without:,}",
        "the best" if is_top else f"{points[0]} ({points[1]} to {points[2]})",
    )


def _chosen(tried: Combinations) -> str:
    """Name the judges that were chosen as the single one, the most frequent first."""
    names = sorted(tried.chosen, key=tried.chosen.__getitem__, reverse=True)
    if len(names) == 1:
        return f"Best single judge ({names[0]})"
    shares = [f"{name} {tried.chosen[name] / (2 * tried.divisions):.0%}" for name in names]
    return f"Best single judge, chosen anew ({', '.join(shares)})"


def _data(one: _Measured) -> dict[str, object]:
    """Return the numbers unrounded."""
    found: dict[str, object] = as_plain(one.found)
    found["ceiling"] = as_plain(one.found.ceiling)
    found["with_one_more"] = as_plain(one.found.with_one_more())
    found["with_one_independent_more"] = as_plain(one.found.with_one_more(alike=False))
    tried = as_plain(one.tried)
    if one.tried is not None:
        tried["recommended"] = one.tried.recommended.how
    return {**found, "combinations": tried}
