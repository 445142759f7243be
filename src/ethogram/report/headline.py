"""The headline of a report: one sentence written from the numbers, or that nothing can be said.

What it says is carried by the same intervals as the findings under it: sides of the list by rank
ranges that hold for all traits at once, differences by corrected p-values.
"""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.cohort import MINIMUM_TRAITS
from ethogram.ratings.numbers import count_words
from ethogram.ratings.profile import Profile
from ethogram.ratings.shift import Shift
from ethogram.report.leads import clear_shifts, furthest
from ethogram.report.sides import Sides, shared_sides
from ethogram.report.words import every, listed, sentence_case, spelled

NAMED = 3
FEW_PER_TRAIT = 5
"""Comparisons of a trait below which, where nothing is clear, there are said to be too few."""


def write_headline(
    profiles: Sequence[Profile],
    labels: Sequence[str],
    analysis: Analysis | None,
    shifts: Sequence[Shift],
    *,
    blind: Sequence[str] = (),
    planned: int = 0,
) -> str:
    """Write the headline of one view.

    Parameters
    ----------
    profiles, labels : of the view
    analysis : Analysis or None
    shifts : sequence of Shift
    blind : sequence of str
        Judges that were not shown to be above chance: then nothing is said of the models.
    planned : int
        Comparisons that were planned where nothing could be rated.
    """
    if not profiles:
        return "Nothing could be rated yet" if planned else "Nothing has been judged yet"
    who = labels[0] if len(profiles) == 1 else every(len(profiles))
    if profiles[0].judge in blind:
        return (
            f"{profiles[0].judge} was not shown to judge better than chance, so "
            f"its ratings say nothing about {labels[0] if len(profiles) == 1 else 'the models'}"
        )
    sides = shared_sides(profiles)
    if len(profiles) == 2 and shifts and clear_shifts(shifts[0]):
        return _two_differ(shifts[0], labels, chosen=profiles[0].condition != "random")
    if sides.up or sides.down:
        return _one_side(sides, who, len(profiles), chosen=profiles[0].condition != "random")
    return _no_side(profiles, who, analysis)


def _one_side(sides: Sides, who: str, count: int, *, chosen: bool) -> str:
    """Which traits are preferred to which, in all models."""
    up, down = (listed(side[:NAMED]) for side in (sides.up, sides.down))
    if not chosen:  # the trait was picked for the model: nothing is its preference
        what = " rather than ".join(text for text in (up, down) if text)
        seen = f"read as {what}" if up else f"hardly ever read as {down}"
        return f"With traits picked at random, replies of {who} {seen}"
    plural = "" if count > 1 else "s"
    if not up:
        return f"{sentence_case(who) if count > 1 else who} shy{plural} away from {down}".replace(
            "shys", "shies"
        )
    over = f" over {down}" if down else ""
    return f"{sentence_case(who) if count > 1 else who} favour{plural} {up}{over}"


def _two_differ(shift: Shift, labels: Sequence[str], *, chosen: bool) -> str:
    """On which traits the second model is above the first, and on which below."""
    order = clear_shifts(shift)
    up, down = (
        listed([shift.traits[i] for i in order if (shift.raw.estimate[i] > 0) == rises][:NAMED])
        for rises in (True, False)
    )
    first, second = labels
    if not chosen:
        what = "; ".join(f"{word} {text}" for word, text in (("more", up), ("less", down)) if text)
        return f"With traits picked at random, {second} reads differently from {first}: {what}"
    if not up:
        return f"{second} leans less toward {down} than {first} does"
    less = f", and less toward {down}" if down else ""
    return f"{second} leans more toward {up} than {first} does{less}"


def _no_side(profiles: Sequence[Profile], who: str, analysis: Analysis | None) -> str:
    """No trait is on one side in all models: what else can be said, if anything."""
    shared = len(shared_sides(profiles).traits)
    if len(profiles) > 1 and shared < MINIMUM_TRAITS:
        if not shared:
            return "No trait was asked of " + who
        traits = count_words(shared, "trait")
        return f"{sentence_case(who)} were asked {traits} in common, too few to compare them"
    deviations = analysis.deviations if analysis is not None else None
    if len(profiles) > 2 and deviations is not None and deviations.significant.any():
        m, i = furthest(deviations)
        return (
            f"{sentence_case(spelled(len(profiles)))} models share no clear favourite; "
            f"{deviations.models[m]} stands apart on {deviations.traits[i]}"
        )
    if analysis is not None and analysis.similarity is not None:
        rho = analysis.similarity.spearman
        if rho.mean_low > 0:
            tend = "order" if rho.low.min() > 0 else "tend to order"
            return (
                f"{sentence_case(spelled(len(profiles)))} models {tend} the traits alike, but "
                f"no favourite stands out in {'both' if len(profiles) == 2 else 'all of them'}"
            )
    return _too_few(profiles, who)


def _too_few(profiles: Sequence[Profile], who: str) -> str:
    """That the comparisons do not show what is preferred; hardly any is said to be few."""
    n = [p.n for p in profiles]
    whose = who if len(profiles) == 1 else f"{'either' if len(profiles) == 2 else 'any'} model"
    per = "" if len(profiles) == 1 else " per model"
    if 2 * max(n) < FEW_PER_TRAIT * len(profiles[0].traits):
        return f"Too few comparisons ({_span(n)}{per}) to tell what {whose} favours"
    if len(profiles) > 1 and any(_has_sides(p) for p in profiles):
        whose = "both models" if len(profiles) == 2 else "all models"
        return f"{_amount(n)} comparisons{per} show no favourite that {whose} share"
    return f"{_amount(n)} comparisons{per} do not show what {whose} favours"


def _has_sides(profile: Profile) -> bool:
    """Whether some trait is on one side in this profile alone."""
    sides = shared_sides([profile])
    return bool(sides.up or sides.down)


def _amount(n: Sequence[int]) -> str:
    """How many comparisons each model has, to begin a sentence."""
    return sentence_case(spelled(n[0])) if min(n) == max(n) else _span(n)


def _span(n: Sequence[int]) -> str:
    """From the fewest to the most; where equal, one number."""
    return f"{n[0]:,}" if min(n) == max(n) else f"{min(n):,} to {max(n):,}"
