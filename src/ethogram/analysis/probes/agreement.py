"""Probes as a second judge: which of a trial's two traits a reply shows, by its inside alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.validity.proportions import Estimate, bounded, contrast, proportion


@dataclass(frozen=True)
class ErrorTable:
    """Replies whose trait is known, by who finds it.

    Attributes
    ----------
    both, only_probe, only_judge, neither : int
    """

    both: int
    only_probe: int
    only_judge: int
    neither: int

    @property
    def n(self) -> int:
        """Replies."""
        return self.both + self.only_probe + self.only_judge + self.neither

    @property
    def chance_neither(self) -> float:
        """Replies that both would miss if their errors had nothing to do with each other."""
        judge_misses, probe_misses = self.only_probe + self.neither, self.only_judge + self.neither
        return judge_misses * probe_misses / self.n if self.n else float("nan")


def differences(scores: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """Score of the first trait minus that of the second, per reply; shape (n,)."""
    rows = np.arange(len(scores))
    difference: FloatArray = scores[rows, first] - scores[rows, second]
    return difference


def picks(difference: FloatArray) -> FloatArray:
    """1 where the first trait is picked, 0 where the second is, one half where neither."""
    chosen: FloatArray = (np.sign(difference) + 1) / 2
    return chosen


def agreement(pick: FloatArray, outcome: FloatArray, prompt: IntArray) -> Estimate:
    """Share of replies for which a pick is that of a judge; ties of the judge are left out."""
    hits, kept = _hits(pick, outcome)
    return proportion(hits, clusters=prompt[kept])


def agreement_gain(
    pick: FloatArray, other: FloatArray, outcome: FloatArray, prompt: IntArray
) -> Estimate:
    """How much more often one pick is the judge's than another's is, paired by reply."""
    mine, kept = _hits(pick, outcome)
    theirs, _ = _hits(other, outcome)
    n = len(mine)
    found = contrast(
        mine - theirs, np.zeros(n, dtype=np.int64), (1,), clusters=prompt[kept], span=2.0
    )
    return bounded(found, -1.0, 1.0)


def rank_correlation(
    difference: FloatArray, outcome: FloatArray, prompt: IntArray, *, seed: int = 0
) -> Estimate:
    """Spearman of a projection difference with the judge's probability; bootstrap over prompts."""
    from scipy.stats import rankdata

    n = len(difference)
    if n < 3 or not difference.std() or not outcome.std():
        return Estimate(float("nan"), -1.0, 1.0, 0)
    ranks = np.stack([rankdata(difference), rankdata(outcome)])
    _, of = np.unique(prompt, return_inverse=True)
    weights = np.random.default_rng([seed, 0xB0]).multinomial(
        of.max() + 1, np.full(of.max() + 1, 1 / (of.max() + 1)), size=1000
    )[:, of]
    drawn = [_weighted_correlation(ranks, w) for w in weights]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    middle = _weighted_correlation(ranks, np.ones(n))
    return Estimate(middle, float(low), float(high), n)


def compare_errors(probe_right: FloatArray, judge_right: FloatArray) -> ErrorTable:
    """Count who finds the trait of replies where it is known; a half (a tie) is no find."""
    probe, judge = probe_right > 0.5, judge_right > 0.5
    return ErrorTable(
        int((probe & judge).sum()),
        int((probe & ~judge).sum()),
        int((~probe & judge).sum()),
        int((~probe & ~judge).sum()),
    )


def _hits(pick: FloatArray, outcome: FloatArray) -> tuple[FloatArray, BoolArray]:
    """1 where pick and outcome are on one side, one half where nothing is picked."""
    kept = outcome != 0.5
    side = (outcome[kept] > 0.5).astype(np.float64)
    hits: FloatArray = 1 - np.abs(pick[kept] - side)
    return hits, kept


def _weighted_correlation(ranks: FloatArray, weight: FloatArray) -> float:
    total = weight.sum()
    centred = ranks - (ranks @ weight / total)[:, None]
    cross = (centred * weight) @ centred.T
    spread = np.sqrt(cross[0, 0] * cross[1, 1])
    return float(cross[0, 1] / spread) if spread > 0 else float("nan")
