"""Headline sentences, written from the numbers.

A sentence is only there if its interval carries it: places in the list by rank ranges that hold
for all traits at once, differences by their corrected p-values, effects by intervals that leave
out zero. What is only the largest as measured is said to be that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.deviations import Deviations
from ethogram.analysis.similarity import Similarity
from ethogram.analysis.tiers import Convergence, Spread, Tier
from ethogram.ratings.comparisons import BoolArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.profile import Effect, Profile
from ethogram.ratings.shift import Shift

NOTABLE_LOSS = 0.05
LEVEL = 0.05


@dataclass(frozen=True)
class Finding:
    """One sentence or two, and the section of the report that shows it."""

    text: str
    section: str


def find_headlines(
    profiles: Sequence[Profile],
    labels: Sequence[str],
    analysis: Analysis | None,
    shifts: Sequence[Shift],
) -> tuple[Finding, ...]:
    """Write the findings of a report, the most telling first."""
    if not profiles:
        return ()
    findings = _places(profiles[0], labels[0]) if len(profiles) == 1 else _shared(profiles)
    if analysis is not None:
        if analysis.similarity is not None and len(profiles) > 2:
            findings.append(_alike(analysis.similarity))
        if len(profiles) == 2 and shifts:
            findings += _moved(shifts[0], labels, analysis.similarity)
        if analysis.deviations is not None and len(profiles) > 2:
            findings.append(_apart(analysis.deviations))
        if analysis.convergence is not None and len(profiles) > 2:
            findings += _tiers(analysis.convergence)
    findings += _positions(profiles, labels)
    return (*findings, *_losses(profiles, labels))


def upper_half(profile: Profile) -> BoolArray:
    """Which traits rank in the top half of the list, whatever the rank in their range."""
    return np.asarray(profile.rank_high <= len(profile.traits) // 2)


def lower_half(profile: Profile) -> BoolArray:
    """Which traits rank in the bottom half, whatever the rank in their range."""
    return np.asarray(profile.rank_low > (len(profile.traits) + 1) // 2)


def _places(profile: Profile, label: str) -> list[Finding]:
    """One model: which traits can be placed."""
    up, down = upper_half(profile), lower_half(profile)
    placed, k = int((up | down).sum()), len(profile.traits)
    if not placed:
        return [
            Finding(
                f"No trait of {label} can be placed: the 95% rank range of each of the {k} "
                "traits crosses the middle of the list. The order below may be chance.",
                "ranked",
            )
        ]
    toward = _named(profile, np.flatnonzero(up), best=True)
    away = _named(profile, np.flatnonzero(down), best=False)
    sides = [f"toward {toward}"] if toward else []
    sides += [f"away from {away}"] if away else []
    findings = [
        Finding(
            f"{label} leans {', and '.join(sides)}. {placed} of {k} traits can be placed in the "
            "top or the bottom half of the list (95% rank ranges that hold for all traits "
            "at once).",
            "ranked",
        )
    ]
    return [*findings, _first_place(profile)]


def _first_place(profile: Profile) -> Finding:
    """Who may be first."""
    open_to = [profile.traits[i] for i in np.flatnonzero(profile.rank_low == 1)]
    top = profile.traits[int(np.argmax(profile.strengths))]
    if len(open_to) == 1:
        return Finding(f"{top.capitalize()} ranks first by more than noise.", "ranked")
    return Finding(
        f"{top.capitalize()} ranks first as measured, but {spelled(len(open_to))} traits could "
        "truly be first.",
        "ranked",
    )


def _named(profile: Profile, traits: np.ndarray, *, best: bool, count: int = 3) -> str:
    """Name the strongest (or weakest) of some traits with their ratings and intervals."""
    order = sorted(traits, key=lambda i: -profile.strengths[i] if best else profile.strengths[i])
    parts = [
        f"{profile.traits[i]} ({profile.ratings[i]:.0f}, {profile.rating_low[i]:.0f} to "
        f"{profile.rating_high[i]:.0f})"
        for i in order[:count]
    ]
    return listed(parts)


def _shared(profiles: Sequence[Profile]) -> list[Finding]:
    """Several models: the traits that stand on the same side in all of them."""
    common = [t for t in profiles[0].traits if all(t in p.traits for p in profiles)]
    every = "both" if len(profiles) == 2 else f"all {spelled(len(profiles))}"
    sentences = []
    for half, side in ((upper_half, "top"), (lower_half, "bottom")):
        sets = [{p.traits[i] for i in np.flatnonzero(half(p))} for p in profiles]
        both = [t for t in common if all(t in s for s in sets)]
        if not both:
            sentences.append(f"No trait clearly ranks in the {side} half of {every} profiles.")
            continue
        strength = {t: np.mean([p.strengths[p.traits.index(t)] for p in profiles]) for t in both}
        both.sort(key=lambda t: -strength[t] if side == "top" else strength[t])
        rank = "trait ranks" if len(both) == 1 else "traits rank"
        end = "strongest" if side == "top" else "weakest"
        which = f"the {end} are {listed(both[:4])}" if len(both) > 4 else listed(both)
        many = spelled(len(both)).capitalize()
        sentences.append(f"{many} {rank} in the {side} half of {every} profiles: {which}.")
    sentences.append(f"(Of {len(common)} traits, by each profile's 95% rank ranges.)")
    return [Finding(" ".join(sentences), "table")]


def _alike(similarity: Similarity) -> Finding:
    """How far the models agree."""
    rho = similarity.spearman

    def pair(at: tuple[int, int]) -> str:
        names = f"{similarity.models[at[0]]} and {similarity.models[at[1]]}"
        return f"{names} ({rho.value[at]:.2f}, {rho.low[at]:.2f} to {rho.high[at]:.2f})"

    return Finding(
        f"Two models' trait ratings correlate at {rho.mean:.2f} on average (Spearman, 95% "
        f"interval {rho.mean_low:.2f} to {rho.mean_high:.2f}). As measured, the most "
        f"alike are {pair(rho.most)}, the least alike {pair(rho.least)}.",
        "similarity",
    )


def _moved(shift: Shift, labels: Sequence[str], similarity: Similarity | None) -> list[Finding]:
    """Two models: how many traits differ, and which most."""
    clear = np.flatnonzero(shift.raw.p_adjusted <= LEVEL)
    k, names = len(shift.traits), f"{labels[0]} and {labels[1]}"
    if not clear.size:
        text = (
            f"No trait of {k} differs between {names} by more than noise (corrected for {k} tests)."
        )
        return [Finding(text, "compare")]
    order = sorted(clear, key=lambda i: -abs(shift.raw.estimate[i]))[:3]
    parts = [f"{shift.traits[i]} ({_points(shift, int(i))})" for i in order]
    between = f"between {names} by more than noise (false discovery rate 5%)"
    unit = f"in Elo points from {labels[0]} to {labels[1]}"
    if len(clear) == 1:
        text = f"1 of {k} traits differs {between}: {parts[0]}, {unit}."
    else:
        text = (
            f"{len(clear)} of {k} traits differ {between}. The largest of these shifts as "
            f"measured, {unit}: {listed(parts)}."
        )
    findings = [Finding(text, "compare")]
    if similarity is not None:
        s = similarity.spearman
        findings.append(
            Finding(
                f"Their trait ratings correlate at {s.mean:.2f} (Spearman, 95% interval "
                f"{s.mean_low:.2f} to {s.mean_high:.2f}).",
                "compare",
            )
        )
    return findings


def _points(shift: Shift, i: int) -> str:
    change = [
        float(ELO_PER_LOGIT * v[i]) for v in (shift.raw.estimate, shift.raw.low, shift.raw.high)
    ]
    return "{}, {} to {}".format(*(signed(v) for v in change))


def _apart(deviations: Deviations) -> Finding:
    """How often a model differs from the others, and where most."""
    clear = deviations.significant
    total, count = clear.size, int(clear.sum())
    if not count:
        return Finding(
            "No model differs from the mean of the others on any trait by more than noise "
            f"(corrected for {total:,} tests).",
            "deviations",
        )
    masked = np.where(clear, np.abs(deviations.logits), -1)
    m, i = np.unravel_index(int(masked.argmax()), masked.shape)
    value, low, high = (
        float(ELO_PER_LOGIT * a[m, i]) for a in (deviations.logits, deviations.low, deviations.high)
    )
    return Finding(
        f"In {count:,} of {total:,} cases (one per model and trait) a model differs from the mean "
        "of the others by more than noise (false discovery rate 5%). The largest difference as "
        "measured: "
        f"{deviations.models[m]} on {deviations.traits[i]}, {signed(value)} Elo points "
        f"({signed(low)} to {signed(high)}).",
        "deviations",
    )


def _tiers(convergence: Convergence) -> list[Finding]:
    """Where models agree more or less than the null model, in ranks and then in points.

    Corrected for all tests: two a tier.
    """
    tiers, tests = convergence.tiers, 2 * len(convergence.tiers)
    sides = [(_side(t.ranks, tests), _side(t.logits, tests)) for t in tiers]
    if all(side == ("no", "no") for side in sides):
        text = (
            "On no tier of the list do the models agree more or less than chance, in ranks or in "
            "points, that is, than models that differ equally on every trait."
        )
        return [Finding(text, "convergence")]
    ranks = (
        f"In ranks, models {_tier_sides(tiers, lambda t: t.ranks, 1, tests)}. In brackets: the "
        "mean spread of a trait across the models, what it would be if they differed equally on "
        "every trait, and p."
    )
    points = (
        f"In Elo points, models {_tier_sides(tiers, lambda t: t.logits, ELO_PER_LOGIT, tests)}."
    )
    apart = [t.name for t, (one, other) in zip(tiers, sides, strict=True) if one != other]
    if apart:
        tier = "tier" if len(apart) == 1 else "tiers"
        points += f" So what is found on the {tier} {listed(apart)} depends on the measure."
    return [Finding(ranks, "convergence"), Finding(points, "convergence")]


def _side(spread: Spread, tests: int) -> str:
    """Whether a tier's spread is clearly less or more than by chance."""
    if spread.p * tests > LEVEL:
        return "no"
    return "more" if spread.value < spread.null else "less"


def _tier_sides(
    tiers: Sequence[Tier], spread_of: Callable[[Tier], Spread], scale: float, tests: int
) -> str:
    """Say on which tiers models agree more than chance, less, and neither, in one measure."""
    sides = []
    for side, words in _AGREE.items():
        own = [t for t in tiers if _side(spread_of(t), tests) == side]
        if own:
            named = [f"{t.name} ({_spread_words(spread_of(t), scale)})" for t in own]
            sides.append(f"{words} on the {'tier' if len(own) == 1 else 'tiers'} {listed(named)}")
    return "; ".join(sides)


_AGREE = {
    "more": "agree more than chance",
    "less": "differ more than chance",
    "no": "show no difference from chance",
}


def _spread_words(spread: Spread, scale: float) -> str:
    return f"{spread.value * scale:.1f}, by chance {spread.null * scale:.1f}, p {spread.p:.2g}"


def _positions(profiles: Sequence[Profile], labels: Sequence[str]) -> list[Finding]:
    """Position effects that differ from zero, whatever the number of profiles."""
    findings: list[Finding] = []
    words = {
        "model_position": (
            "named first in the model's prompt",
            "named second in the model's prompt",
        ),
        "judge_position": ("shown first to the judge", "shown second to the judge"),
    }
    tests = sum(len(p.effects) for p in profiles)
    for name, (first, second) in words.items():
        clear = [
            (label, e)
            for p, label in zip(profiles, labels, strict=True)
            for e in p.effects
            if e.name == name and _is_clear(e, tests)
        ]
        if not clear:
            continue
        label, e = max(clear, key=lambda pair: abs(pair[1].estimate))
        where = first if e.estimate > 0 else second
        many = (
            f" in {len(clear)} of {len(profiles)} profiles, most of all"
            if len(profiles) > 1
            else ""
        )
        findings.append(
            Finding(
                f"Position matters{many} for {label}: a trait {where} wins {_percent(e)} points "
                "more often than an equally strong one. The ratings are corrected for this.",
                "judge",
            )
        )
    return findings


def _is_clear(effect: Effect, tests: int) -> bool:
    """Whether an effect differs from zero, corrected (Bonferroni) for as many tests."""
    half = (effect.high - effect.low) / 2
    needed = norm.isf(LEVEL / 2 / tests) / norm.isf(LEVEL / 2)
    return bool(abs(effect.estimate) > needed * half)


def _percent(effect: Effect) -> str:
    ends = sorted(abs(v) for v in (effect.percent_low, effect.percent_high))
    return f"{abs(effect.percent):.1f} ({ends[0]:.1f} to {ends[1]:.1f}) percentage"


def _losses(profiles: Sequence[Profile], labels: Sequence[str]) -> list[Finding]:
    """Losses over a share that a reader should know of."""
    shares = [p.lost / max(1, p.n + p.lost) for p in profiles]
    worst = int(np.argmax(shares))
    if shares[worst] <= NOTABLE_LOSS:
        return []
    p = profiles[worst]
    return [
        Finding(
            f"{p.lost:,} of {p.n + p.lost:,} planned comparisons of {labels[worst]} "
            f"({shares[worst]:.0%}) have no verdict. If the lost ones differ from the rest, the "
            "ratings are biased.",
            "losses",
        )
    ]


def listed(parts: Sequence[str]) -> str:
    """Join parts as English does."""
    return (
        parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
    )


def spelled(count: int) -> str:
    """Spell a small number."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


_NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def signed(value: float) -> str:
    """A whole number with its sign; a true minus."""
    return f"{value:+.0f}".replace("-", "\u2212")
