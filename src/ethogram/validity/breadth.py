"""The breadth of a store's models: replies with log-probabilities, measured and put in words."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from ethogram.analysis.breadth import measure_breadth
from ethogram.analysis.views import split_views
from ethogram.store.logprobs import PROTOCOL, read_breadth
from ethogram.validity.breadth_words import breadth_words
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section

FEWEST_TRAITS = 3


def breadth_section(results: StoreResults) -> Section | None:
    """Say what a store has of the breadth of its models; None where none was asked."""
    counts = [count for count in results.counts if count.stage == PROTOCOL]
    if not any(count.done or count.lost for count in counts):
        return None
    return breadth_words(
        measure_breadth(read_breadth(results.store)),
        losses=_losses(results),
        agreement=_agreement(results),
    )


def _losses(results: StoreResults) -> list[str]:
    """Say what each model lost or still owes, and the service's reasons."""
    found = []
    for count in results.counts:
        if count.stage != PROTOCOL or not (count.lost or count.pending):
            continue
        statuses = [f"{n:,} {status}" for status, n in count.losses.items()]
        waiting = [f"{count.pending:,} not asked yet"] if count.pending else []
        reasons = "; ".join(dict.fromkeys(reason for _, reason, _ in count.reasons))
        found.append(
            f"{count.model}, {count.condition}: of {count.planned:,} replies "
            f"planned, {', '.join([*statuses, *waiting])}{f' ({reasons})' if reasons else ''}."
        )
    return found


def _agreement(results: StoreResults) -> dict[str, float]:
    """Mean rank correlation of each model's profile with the others', in the largest view."""
    profiles = results.rated().profiles
    views = split_views(profiles)
    if not views or len(views[0].places) < 2:
        return {}
    shown = [profiles[i] for i in views[0].places]
    shared = sorted(set(shown[0].traits).intersection(*(profile.traits for profile in shown)))
    if len(shared) < FEWEST_TRAITS:
        return {}
    rows = [[p.strengths[p.traits.index(trait)] for trait in shared] for p in shown]
    found = np.array([[spearmanr(a, b).statistic for b in rows] for a in rows])
    np.fill_diagonal(found, np.nan)
    means = np.nanmean(found, axis=1)
    return {p.model: float(mean) for p, mean in zip(shown, means, strict=True)}
