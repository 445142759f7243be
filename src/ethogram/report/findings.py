"""Headline sentences, written from the numbers.

A sentence is only there if its interval carries it: places in the list by rank ranges that hold
for all traits at once, differences by their corrected p-values, effects by intervals that leave
out zero. What is only the largest as measured is said to be that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import norm

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.tiers import Convergence, Spread, Tier
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import part_of, say_p
from ethogram.ratings.profile import Effect, Profile
from ethogram.ratings.shift import Shift
from ethogram.report.leads import LEVEL, lead_findings
from ethogram.report.words import Finding, listed

NOTABLE_LOSS = 0.05


def find_headlines(
    profiles: Sequence[Profile],
    labels: Sequence[str],
    analysis: Analysis | None,
    shifts: Sequence[Shift],
) -> tuple[Finding, ...]:
    """Write the findings of a report, the most telling first."""
    if not profiles:
        return ()
    findings = lead_findings(profiles, labels, analysis, shifts)
    if analysis is not None and analysis.convergence is not None and len(profiles) > 2:
        findings += _tiers(analysis.convergence)
    findings += _positions(profiles, labels)
    return (*findings, *_losses(profiles, labels))


def _tiers(convergence: Convergence) -> list[Finding]:
    """Where models agree more or less than the null model, in ranks and then in points.

    Corrected for all tests: two a tier.
    """
    tiers, tests = convergence.tiers, 2 * len(convergence.tiers)
    sides = tier_sides(convergence)
    if all(side == ("no", "no") for side in sides.values()):
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
    apart = [name for name, (one, other) in sides.items() if one != other]
    if apart:
        tier = "tier" if len(apart) == 1 else "tiers"
        points += f" So what is found on the {tier} {listed(apart)} depends on the measure."
    return [Finding(ranks, "convergence"), Finding(points, "convergence")]


def tier_sides(convergence: Convergence) -> dict[str, tuple[str, str]]:
    """Whether models agree "more" or "less" than chance, or "no": by tier, in ranks and points."""
    tests = 2 * len(convergence.tiers)
    return {t.name: (_side(t.ranks, tests), _side(t.logits, tests)) for t in convergence.tiers}


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
    return f"{spread.value * scale:.1f}, by chance {spread.null * scale:.1f}, p {say_p(spread.p)}"


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
        many = ""
        if len(profiles) > 1:
            which = f"{len(clear)} of {len(profiles)} profiles"
            many = f" in {which}, most of all" if len(clear) > 1 else f" in {which},"
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
    have = "has" if p.lost == 1 else "have"
    return [
        Finding(
            f"{part_of(p.lost, p.n + p.lost, f'planned comparisons of {labels[worst]}')} "
            f"{have} no verdict. If the lost ones differ from the rest, the ratings are biased.",
            "losses",
        )
    ]
