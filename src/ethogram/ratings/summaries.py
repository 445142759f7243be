"""What a notebook or `print` shows of a profile, a shift or a set of profiles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ethogram.ratings.cards import Card, Row, pick_ends
from ethogram.ratings.marks import explain_marks, with_sign
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words, rank_words, say_interval, say_number, say_p

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.results import Rated, Unrated
    from ethogram.ratings.shift import Shift

CLEAR = 0.05  # a corrected p-value up to it calls a shift clear


def name_source(model: str, judge: str, condition: str) -> str:
    """Say whose ratings these are: the model, its judge and the condition, as far as known."""
    parts = [
        model or "unnamed model",
        f"judged by {judge}" if judge else "",
        f"condition {condition}" if condition else "",
    ]
    return ", ".join(part for part in parts if part)


# -- one profile ----------------------------------------------------------------------------


def profile_line(profile: Profile) -> str:
    """Return a profile in one line."""
    who = name_source(profile.model, profile.judge, profile.condition)
    return f"<Profile of {who}: {count_words(len(profile.traits), 'trait')}, {_losses(profile)}>"


def profile_card(profile: Profile) -> Card:
    """Return a profile's card: the traits it expresses most and least."""
    places, gap = pick_ends(profile.ratings)
    ranks = rank_words(profile.ratings)
    return Card(
        title=name_source(profile.model, profile.judge, profile.condition),
        lines=(
            f"{count_words(len(profile.traits), 'trait')}, {_losses(profile)}; rated by "
            f"{profile.method.title()}, mean 1,000.",
            f"Intervals: {profile.interval}.",
        ),
        heads=("trait", "rank", "rating", f"{profile.level:.0%} interval") if places else (),
        rows=tuple(_profile_row(profile, i, ranks[i]) for i in places),
        gap=gap,
        notes=(*filter(None, [explain_marks(profile.marks)]), *profile.caveats),
    )


def _profile_row(profile: Profile, place: int, rank: str) -> Row:
    low, middle, high = (
        float(values[place])
        for values in (profile.rating_low, profile.ratings, profile.rating_high)
    )
    cells = (
        with_sign(profile.traits[place], profile.marks.get(profile.traits[place], "")),
        rank,
        say_number(middle, grouped=True),
        say_interval(low, high, grouped=True),
    )
    return Row(cells, (low, middle, high))


def _losses(source: Profile | Unrated) -> str:
    """Write how many comparisons there are, and how many were lost."""
    return f"{count_words(source.n, 'comparison')}, {source.lost:,} lost"


# -- a shift --------------------------------------------------------------------------------


def shift_line(moved: Shift) -> str:
    """Return a shift in one line."""
    return f"<Shift from {_sides(moved)}: {_clear(moved)}>"


def shift_card(moved: Shift) -> Card:
    """Return a shift's card: the traits that rose and fell most."""
    places, gap = pick_ends(moved.raw.estimate)
    paired = f"; paired by {moved.n_shared:,} shared {moved.paired}" if moved.paired else ""
    return Card(
        title=f"Shift from {_sides(moved)}",
        lines=(
            f"{_clear(moved)} (p at most {CLEAR}, corrected for as many tests).",
            f"Rating points, pointwise 95% intervals{paired}.",
        ),
        heads=("trait", "shift", "95% interval", "p, corrected") if places else (),
        rows=tuple(_shift_row(moved, i) for i in places),
        gap=gap,
        notes=moved.caveats,
    )


def _sides(moved: Shift) -> str:
    return f"{moved.before or 'unnamed model'} to {moved.after or 'unnamed model'}"


def _clear(moved: Shift) -> str:
    clear = int((moved.raw.p_adjusted <= CLEAR).sum())
    return f"{clear:,} of {count_words(len(moved.traits), 'trait')} moved clearly"


def _shift_row(moved: Shift, place: int) -> Row:
    low, middle, high = (
        ELO_PER_LOGIT * float(values[place])
        for values in (moved.raw.low, moved.raw.estimate, moved.raw.high)
    )
    p = float(moved.raw.p_adjusted[place])
    cells = (
        moved.traits[place],
        say_number(middle, sign=True, grouped=True),
        say_interval(low, high, sign=True, grouped=True),
        say_p(p),
    )
    return Row(cells, (low, middle, high))


# -- several profiles -----------------------------------------------------------------------


def rated_line(rated: Rated) -> str:
    """Return a set of profiles in one line."""
    unrated = f", {len(rated.unrated):,} not rated" if rated.unrated else ""
    who = ": " + ", ".join(p.model or "unnamed model" for p in rated.profiles)
    return f"<Rated, {count_words(len(rated), 'profile')}{who if len(rated) else ''}{unrated}>"


def rated_card(rated: Rated) -> Card:
    """Return the card of several profiles, a row for each; of one alone, its own."""
    notes = (*(say_unrated(one) for one in rated.unrated), *rated.notes)
    if not len(rated):
        return Card("No profiles", () if notes else ("There are no comparisons.",), notes=notes)
    if len(rated) == 1 and not rated.unrated:
        card = profile_card(rated[0])
        return replace(card, notes=(*card.notes, *rated.notes))
    whose = {(profile.judge, profile.condition) for profile in rated.profiles}
    title = count_words(len(rated), "profile")
    several = ("judge", "condition") if len(whose) > 1 else ()
    return Card(
        title if several else name_source(title, *whose.pop()),
        heads=("model", *several, "most expressed", "least", "comparisons", "lost"),
        rows=tuple(_rated_row(profile, several=bool(several)) for profile in rated.profiles),
        left=3 + len(several),
        notes=notes,
    )


def _rated_row(profile: Profile, *, several: bool) -> Row:
    """Return a profile as a row, with judge and condition where there are several."""
    order = np.argsort(-profile.strengths, kind="stable")
    each = min(3, len(order) // 2)
    most = ", ".join(profile.traits[i] for i in order[:each])
    least = ", ".join(profile.traits[i] for i in order[::-1][:each])
    view = (profile.judge, profile.condition) if several else ()
    numbers = (f"{profile.n:,}", f"{profile.lost:,}")
    return Row((profile.model or "unnamed model", *view, most, least, *numbers))


def say_unrated(one: Unrated) -> str:
    """Say whose comparisons could not be rated, how many there are, and why."""
    who = name_source(one.model, one.judge, one.condition)
    if not one.n and not one.lost:
        return f"{who}: not rated, as none of its trials has been judged yet."
    return f"{who}: not rated ({_losses(one)}). {one.reason}"
