"""Position effects: which of them a design lets one tell from the strengths.

A trait may win because it stood first in the model's prompt or in the judge's. Both are covariates
of the fit, but only where traits stood on both sides often enough; else the effect and the
strengths would explain the same wins.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ethogram.comparisons import FloatArray, IntArray
from ethogram.pairs import PairCounts, merge

MOST_EXPLAINED = 0.5
"""Share of a position column that the other columns may explain before it is left out."""


def position_covariates(
    rows: PairCounts, judge_first: IntArray
) -> tuple[tuple[str, ...], FloatArray, list[str]]:
    """Position columns to fit, and what to say of those that cannot be.

    Parameters
    ----------
    rows : PairCounts
        One row a comparison, `first` being choice 1 in the model's prompt; no covariates.
    judge_first : int array, shape (n,)
        +1 where the judge was shown `first` first, -1 where second, 0 where unknown.

    Returns
    -------
    names : tuple of str
    columns : float array, shape (n, len(names))
    caveats : list of str
    """
    n = len(judge_first)
    chosen = {"model_position": np.ones(n), "judge_position": judge_first.astype(np.float64)}
    caveats = []
    if abs(judge_first.sum()) == n:
        del chosen["judge_position"]
        same = "the same" if judge_first[0] > 0 else "the opposite"
        caveats.append(
            f"The judge saw the traits in {same} order as the model throughout, so the position "
            f"effects of the two cannot be told apart."
        )
    elif not judge_first.any():
        del chosen["judge_position"]
        caveats.append("The order shown to the judge is unknown; its effect is not taken out.")
    for name in list(chosen):
        others = [column for other, column in chosen.items() if other != name]
        if _explained(rows, chosen[name], others) > MOST_EXPLAINED:
            del chosen[name]
            who = name.removesuffix("_position")
            caveats.append(
                f"Traits stood mostly on one side in the {who}'s prompt, so the effect of that "
                f"position cannot be told from the strengths and is not taken out."
            )
    columns = np.stack(list(chosen.values()), axis=1) if chosen else np.zeros((n, 0))
    return tuple(chosen), columns, caveats


def _explained(rows: PairCounts, column: FloatArray, others: list[FloatArray]) -> float:
    """Share of a column's sum of squares that items and other columns explain."""
    width = rows.n_items + len(others)
    if len(column) <= width:
        return 1.0
    covariates = np.stack([*others, column], axis=1)
    pairs = merge(replace(rows, covariates=covariates))
    gram = pairs.information(pairs.count)
    gram[np.diag_indices(len(gram))] += 1e-9 * len(column)
    inside, across = gram[:-1, :-1], gram[:-1, -1]
    return float(across @ np.linalg.solve(inside, across) / gram[-1, -1])
