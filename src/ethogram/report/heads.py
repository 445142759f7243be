"""Heads of sections that say what the section shows, where the intervals carry a claim.

A section without an entry here keeps the plain title of its figure or table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.components import Components
from ethogram.analysis.deviations import Deviations
from ethogram.analysis.similarity import Similarity
from ethogram.analysis.tiers import Convergence
from ethogram.ratings.profile import Profile
from ethogram.report.findings import tier_sides
from ethogram.report.leads import alike_words
from ethogram.report.sides import shared_sides
from ethogram.report.words import every, listed, sentence_case, spelled
from ethogram.store.read import StageCount


def section_claims(profiles: Sequence[Profile], analysis: Analysis | None) -> dict[str, str]:
    """Write the head of each section that compares models, by the section's name."""
    claims = {"table": _table(profiles) if len(profiles) > 1 else ""}
    if analysis is not None and len(profiles) > 2:
        for name, claim in (
            ("similarity", _similarity),
            ("deviations", _deviations),
            ("convergence", _convergence),
            ("components", _components),
        ):
            part = getattr(analysis, name)
            claims[name] = claim(part) if part is not None else ""
    return {name: text for name, text in claims.items() if text}


def _table(profiles: Sequence[Profile]) -> str:
    """How many traits are on one side in all models."""
    sides, models = shared_sides(profiles), every(len(profiles))
    halves = [("high", sides.up), ("low", sides.down)]
    parts = [
        f"{spelled(len(traits))}{' trait' if not i else ''}"
        f"{'s' if not i and len(traits) > 1 else ''} {'ranks' if len(traits) == 1 else 'rank'} "
        f"{side}"
        for i, (side, traits) in enumerate(half for half in halves if half[1])
    ]
    return f"{sentence_case(' and '.join(parts))} in {models}" if parts else ""


def _similarity(similarity: Similarity) -> str:
    return alike_words(similarity) if similarity.spearman.mean_low > 0 else ""


def _deviations(deviations: Deviations) -> str:
    count, k = int(np.any(deviations.significant, axis=0).sum()), len(deviations.traits)
    if not count:
        return ""
    which = f"all {k}" if count == k else f"{count} of {k}"
    return f"On {which} traits some model differs from the others by more than noise"


def _convergence(convergence: Convergence) -> str:
    """Where models agree more or less than chance in both measures, else in which."""
    sides = tier_sides(convergence)
    parts = []
    for side, words in (("more", "agree more"), ("less", "differ more")):
        names = [name for name, (one, other) in sides.items() if one == other == side]
        parts += [f"{words} than chance on {_tier_words(names)}"] if names else []
    apart = [name for name, (one, other) in sides.items() if one != other]
    if parts:
        return f"Models {' and '.join(parts)}" + (
            f"; on {_tier_words(apart)} it depends on the measure" if apart else ""
        )
    if apart:
        which = _tier_words(apart)
        found = {side for name in apart for side in sides[name]} - {"no"}
        only = {"more": "agree more", "less": "differ more"}
        either = only[min(found)] if len(found) == 1 else "agree more or less"
        return f"Whether models {either} than chance on {which} depends on the measure"
    return ""


def _tier_words(names: Sequence[str]) -> str:
    """Tiers as a sentence has them: the top 20, places 21 to 50."""
    return listed([f"places {n}" if n[:1].isdigit() else f"the {n}" for n in names])


def _components(components: Components) -> str:
    count = components.above_null
    if not count:
        return ""
    directions = "One direction carries" if count == 1 else f"{spelled(count)} directions carry"
    return f"{sentence_case(directions)} more of the differences than chance would"


# -- what is told of the whole report ------------------------------------------------------------


def losses_claim(stages: Sequence[StageCount]) -> str:
    """How many of the planned replies and verdicts were lost."""
    planned, lost = sum(c.planned for c in stages), sum(c.lost for c in stages)
    pending = sum(c.pending for c in stages)
    if pending:
        return f"{pending:,} of {planned:,} planned replies and verdicts are still to come"
    if not lost:
        return f"None of the {planned:,} planned replies and verdicts was lost"
    was = "was" if lost == 1 else "were"
    return f"{lost:,} of {planned:,} planned replies and verdicts {was} lost"
