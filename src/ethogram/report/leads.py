"""The three findings of the first screen: one sentence each, the numbers behind it beside it.

A sentence is only there if its interval carries it. What is only the largest as measured is said
to be that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.deviations import Deviations
from ethogram.analysis.similarity import Similarity
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words, say_interval, say_number, say_range
from ethogram.ratings.profile import Profile
from ethogram.ratings.shift import Shift
from ethogram.report.sides import Sides, rank_limits, shared_sides
from ethogram.report.words import Finding, every, listed, sentence_case, spelled

LEVEL = 0.05
NAMED = 3


def lead_findings(
    profiles: Sequence[Profile],
    labels: Sequence[str],
    analysis: Analysis | None,
    shifts: Sequence[Shift],
) -> list[Finding]:
    """Write the findings that come first: of one model, of two, or of many."""
    if len(profiles) == 1:
        return _of_one(profiles[0], labels[0])
    similarity = analysis.similarity if analysis is not None else None
    shared = _shared(profiles)
    if len(profiles) == 2:
        moved = [_moved(shifts[0], labels)] if shifts else []
        return [*moved, *([_alike_two(similarity)] if similarity else []), shared]
    findings = [shared]
    if similarity is not None:
        findings.append(_alike(similarity))
    if analysis is not None and analysis.deviations is not None:
        findings.append(_apart(analysis.deviations))
    return findings


# -- one model -------------------------------------------------------------------------------


def _of_one(profile: Profile, label: str) -> list[Finding]:
    if profile.is_flat:
        return [_flat(profile, label)]
    sides = shared_sides([profile])
    return [_leaning(profile, label, sides), _first_place(profile), _precision(profile)]


def _flat(profile: Profile, label: str) -> Finding:
    """Nothing to place, to rank or to be sure of, where all ratings are the same."""
    return Finding(
        f"All {len(profile.traits)} traits of {label} are rated the same: nothing in the "
        f"{profile.n:,} comparisons tells them apart.",
        "ranked",
        f"ratings: {say_number(profile.ratings[0])} each",
    )


def _leaning(profile: Profile, label: str, sides: Sides) -> Finding:
    """Which traits can be placed, and on which side."""
    placed, k = len(sides.up) + len(sides.down), len(profile.traits)
    if not placed:
        return Finding(
            f"No trait of {label} can be placed: the rank range of each of the {k} crosses the "
            "middle of the list, so its order may be chance.",
            "ranked",
            "95% rank ranges, which hold for all traits at once",
        )
    halves = [
        f"{len(traits)} in the {side} half"
        for side, traits in (("top", sides.up), ("bottom", sides.down))
        if traits
    ]
    where = f": {listed(halves)}"
    if len(halves) == 1:
        where = f", {'all ' if placed > 1 else ''}in the {'top' if sides.up else 'bottom'} half"
    named = [*sides.up[:1], *sides.down[:1]]
    return Finding(
        f"{placed} of the {k} traits of {label} can be placed{where} of the list.",
        "ranked",
        f"ratings: {'; '.join(_rating(profile, trait) for trait in named)}; by 95% rank ranges, "
        "which hold for all traits at once",
    )


def _rating(profile: Profile, trait: str) -> str:
    """One trait's rating with its interval."""
    i = profile.traits.index(trait)
    ends = say_interval(profile.rating_low[i], profile.rating_high[i])
    return f"{trait} {say_number(profile.ratings[i])} ({ends})"


def _first_place(profile: Profile) -> Finding:
    """Who may be first."""
    open_to = int((profile.rank_low == 1).sum())
    top = profile.traits[int(np.argmax(profile.strengths))]
    numbers = f"rating: {_rating(profile, top)}, rank {say_range(*rank_limits([profile], top))}"
    if open_to == 1:
        return Finding(f"By more than noise, {top} ranks first.", "ranked", numbers)
    return Finding(
        f"As measured, {top} ranks first, but {spelled(open_to)} traits could truly be first.",
        "ranked",
        numbers,
    )


def _precision(profile: Profile) -> Finding:
    """How far off a rating may be, and what it would take to know more."""
    half = float(np.median(profile.rating_high - profile.rating_low)) / 2
    target = 100 if half > 100 else 50 if half > 50 else 25
    more = (
        f"about {_rounded(profile.needed(target)):,} comparisons would bring that to {target}"
        if half > target
        else "half the width of the 95% interval, median over traits"
    )
    return Finding(
        f"A typical rating may be off by {say_number(half)} Elo points either way, after "
        f"{count_words(profile.n, 'comparison')}.",
        "ranked",
        more,
    )


def _rounded(count: int) -> int:
    """Two digits of a planned number, rounded up."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


# -- two models ------------------------------------------------------------------------------


def _moved(shift: Shift, labels: Sequence[str]) -> Finding:
    """How many traits differ between two, and which most."""
    k, names = len(shift.traits), f"{labels[0]} and {labels[1]}"
    order = clear_shifts(shift)
    if not order:
        return Finding(
            f"No trait of {k} differs between {names} by more than noise.",
            "compare",
            f"corrected for {k} tests",
        )
    top = order[0]
    change = "higher" if shift.raw.estimate[top] > 0 else "lower"
    points, low, high = (
        float(ELO_PER_LOGIT * v[top]) for v in (shift.raw.estimate, shift.raw.low, shift.raw.high)
    )
    many = f"{spelled(len(order))} of {k} traits {'differs' if len(order) == 1 else 'differ'}"
    furthest = "it is" if len(order) == 1 else "furthest, as measured, is"
    return Finding(
        f"{sentence_case(many)} between {names} by more than noise: {furthest} "
        f"{shift.traits[top]}, {say_number(abs(points))} Elo points {change} in {labels[1]}.",
        "compare",
        f"95% interval {say_interval(low, high, sign=True)}; false discovery rate 5%",
    )


def clear_shifts(shift: Shift) -> list[int]:
    """The traits that differ by more than noise, the largest shift first."""
    clear = np.flatnonzero(shift.raw.p_adjusted <= LEVEL)
    return sorted((int(i) for i in clear), key=lambda i: -abs(shift.raw.estimate[i]))


def _alike_two(similarity: Similarity) -> Finding:
    s = similarity.spearman
    return Finding(
        f"The two {order_words(s.mean, s.mean_low)}: their trait ratings correlate at "
        f"{say_number(s.mean, 2)}.",
        "compare",
        f"Spearman, 95% interval {_ends(s.mean_low, s.mean_high)}",
    )


# -- several models --------------------------------------------------------------------------


def _shared(profiles: Sequence[Profile]) -> Finding:
    """The traits that stand on the same side in all of them."""
    sides, models = shared_sides(profiles), every(len(profiles))
    carried = f"of {count_words(len(sides.traits), 'trait')}, by each profile’s 95% rank ranges"
    if not sides.traits:
        return Finding(
            f"No trait was asked of {models}, so their lists cannot be compared.",
            "table",
            f"{listed([f'{len(p.traits):,}' for p in profiles])} traits",
        )
    if not (sides.up or sides.down):
        text = f"No trait clearly ranks in the same half of the list for {models}."
        return Finding(text, "table", carried)
    reach = [
        f"{trait} {say_range(*rank_limits(profiles, trait))}"
        for trait in (*sides.up[:1], *sides.down[:1])
    ]
    first, other = ("top", "bottom") if sides.up else ("bottom", "top")
    leading, rest = (sides.up, sides.down) if sides.up else (sides.down, ())
    rank = "trait ranks" if len(leading) == 1 else "traits rank"
    text = (
        f"{sentence_case(spelled(len(leading)))} {rank} "
        f"in the {first} half for {models} ({_named(leading, first)}), "
        f"{spelled(len(rest)) if rest else 'none clearly'} in the {other} half"
        f"{f' ({_named(rest, other)})' if rest else ''}."
    )
    return Finding(text, "table", f"ranks: {'; '.join(reach)} in any of them ({carried})")


def _named(traits: Sequence[str], side: str) -> str:
    """The furthest traits of a side; that there are more is said."""
    end = "strongest" if side == "top" else "weakest"
    more = f"the {end}: " if len(traits) > NAMED else ""
    return f"{more}{listed(traits[:NAMED])}"


def _alike(similarity: Similarity) -> Finding:
    """How far the models agree."""
    rho = similarity.spearman

    def names(at: tuple[int, int]) -> str:
        return f"{similarity.models[at[0]]} and {similarity.models[at[1]]}"

    def number(at: tuple[int, int]) -> str:
        return f"{say_number(rho.value[at], 2)} ({_ends(rho.low[at], rho.high[at])})"

    return Finding(
        f"{alike_words(similarity)}, with a mean correlation of "
        f"{say_number(rho.mean, 2)}; as measured, the most alike are {names(rho.most)}, the least "
        f"{names(rho.least)}.",
        "similarity",
        f"Spearman, 95% interval {_ends(rho.mean_low, rho.mean_high)}; most "
        f"{number(rho.most)}, least {number(rho.least)}",
    )


def alike_words(similarity: Similarity) -> str:
    """How alike the models order the traits: any two of them only where the least alike do."""
    rho = similarity.spearman
    if rho.mean_low <= 0:
        return f"The models {order_words(rho.mean, rho.mean_low)}"
    words = order_words(rho.mean, rho.mean_low)
    lows = rho.low[np.triu_indices(len(rho.low), 1)]
    any_two = lows.min() > 0 and order_words(rho.value[rho.least], lows.min()) == words
    return f"{'Any two models' if any_two else 'On average, two models'} {words}"


def _ends(low: float, high: float) -> str:
    """Ends of a correlation's interval; the bootstrap's may lie beyond what a correlation can."""
    return say_interval(max(-1, low), min(1, high), 2)


def order_words(value: float, low: float) -> str:
    """What a rank correlation says, in words; nothing where its interval holds zero."""
    if low <= 0:
        return "do not clearly order the traits alike"
    for least, words in ((0.9, "almost the same way"), (0.7, "much alike"), (0.4, "partly alike")):
        if value >= least:
            return f"order the traits {words}"
    return "order the traits only loosely alike"


def _apart(deviations: Deviations) -> Finding:
    """How often a model differs from the others, and where most."""
    clear = deviations.significant
    total, count = clear.size, int(clear.sum())
    if not count:
        return Finding(
            "No model differs from the mean of the others on any trait by more than noise.",
            "deviations",
            f"corrected for {total:,} tests",
        )
    m, i = furthest(deviations)
    value, low, high = (
        float(ELO_PER_LOGIT * a[m, i]) for a in (deviations.logits, deviations.low, deviations.high)
    )
    side = "above" if value > 0 else "below"
    return Finding(
        f"The largest gap as measured is {deviations.models[m]} on {deviations.traits[i]}, "
        f"{say_number(abs(value))} Elo points {side} the mean of the others.",
        "deviations",
        f"95% interval {say_interval(low, high, sign=True)}; {count:,} of {total:,} cases (one per "
        "model and trait) differ by more than noise, at a false discovery rate of 5%",
    )


def furthest(deviations: Deviations) -> tuple[int, int]:
    """Model and trait of the largest difference that is more than noise."""
    masked = np.where(deviations.significant, np.abs(deviations.logits), -1)
    m, i = np.unravel_index(int(masked.argmax()), masked.shape)
    return int(m), int(i)
