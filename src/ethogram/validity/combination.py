"""One verdict of several judges: by one of them, by majority, by weights learnt from known truth.

Pure numpy. Takes votes as `validity.independence` does, and tries each way on replies that it has
not learnt from. Knows nothing of stores, models or what the replies are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.validity.independence import check_votes
from ethogram.validity.proportions import Estimate, cluster_sizes, contrast, proportion
from ethogram.validity.weighting import Weighting, learn_weights

DIVISIONS = 10
"""Times that the replies are halved, each half to learn from for the other. Ten parts were worse:
where judges are alike, the best of nine parts is whoever did badly in the tenth, and its share
right varies by 1.4 standard errors over simulated studies; by halves it is 0.9."""
_EVEN = 1e-9  # a weighted sum below is a tie

How = Literal["single", "majority", "weighted"]
HOWS: tuple[How, ...] = ("single", "majority", "weighted")
"""From the simplest on."""


# -- one verdict ----------------------------------------------------------------------------


def answered(votes: FloatArray) -> BoolArray:
    """Where at least two judges answered, a tie included, shape (n,)."""
    enough: BoolArray = (~np.isnan(votes)).sum(axis=1) >= 2
    return enough


def by_majority(votes: FloatArray) -> FloatArray:
    """Verdict of the majority: 1, -1, or 0 where it is split; NaN where fewer than two answered."""
    return np.where(answered(votes), np.sign(np.nansum(votes, axis=1)), np.nan)


def by_weights(votes: FloatArray, weighting: Weighting) -> FloatArray:
    """Verdict by weights learnt for the judges that named a trait; 0 and NaN as by majority."""
    named = np.abs(np.nan_to_num(votes)) == 1
    kinds, kind = np.unique(named, axis=0, return_inverse=True)
    weights = np.array([weighting.of(row) for row in kinds]).reshape(-1, votes.shape[1])
    total = (np.nan_to_num(votes) * weights[kind.ravel()]).sum(axis=1)
    verdict: FloatArray = np.where(np.abs(total) < _EVEN, 0.0, np.sign(total))
    return np.where(answered(votes), verdict, np.nan)


def best_judge(votes: FloatArray) -> int:
    """The judge that is right most often; no answer counts half, as a tie does."""
    return int(_score(votes).mean(axis=0).argmax()) if len(votes) else 0


def _score(verdict: FloatArray) -> FloatArray:
    """1 right, 0 wrong, one half for a tie or no verdict."""
    made: FloatArray = (np.nan_to_num(verdict) + 1) / 2
    return made


# -- tried on what they have not learnt from ------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """How one way of combining does on replies that it has not learnt from.

    Attributes
    ----------
    how : "single", "majority" or "weighted"
    accuracy : Estimate
        Share right; a tie or no verdict counts half.
    without : int
        Replies on which it gives no verdict (mean of the divisions): split votes, or no answer of
        the single judge.
    short : Estimate
        How much less accurate than the most accurate way, reply by reply.
    """

    how: How
    accuracy: Estimate
    without: int
    short: Estimate

    @property
    def is_clearly_worse(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.short.low > 0


@dataclass(frozen=True)
class Combinations:
    """Ways to one verdict of several judges, each tried on replies that it has not learnt from.

    Attributes
    ----------
    judges : tuple of str
    n, divisions : int
        Replies that at least two judges answered, and how often they were divided in halves.
    tried : tuple of Tried
        From the simplest on.
    best : str
        The single judge that is most accurate on all replies.
    chosen : dict of str to int
        From how many halves each judge was chosen as the single one.
    weights : float array, shape (m,)
        Learnt from all replies.
    shrinkage : float
    """

    judges: tuple[str, ...]
    n: int
    divisions: int
    tried: tuple[Tried, ...]
    best: str
    chosen: dict[str, int]
    weights: FloatArray
    shrinkage: float

    def of(self, how: How) -> Tried:
        """Return one way."""
        return next(one for one in self.tried if one.how == how)

    @property
    def most_accurate(self) -> Tried:
        """The way that was right most often; of equal ones the simplest."""
        return max(self.tried, key=lambda one: one.accuracy.estimate)

    @property
    def recommended(self) -> Tried:
        """The simplest way that is not clearly less accurate than the most accurate one."""
        return next(one for one in self.tried if not one.is_clearly_worse)


def try_combinations(
    votes: FloatArray,
    judges: Sequence[str],
    *,
    clusters: NDArray[np.integer] | None = None,
    divisions: int = DIVISIONS,
    seed: int = 0,
) -> Combinations:
    """Try the best single judge, the majority and weights on replies not learnt from.

    Parameters
    ----------
    votes : float array, shape (n, m)
        +1 right, -1 wrong, 0 a tie, NaN no answer.
    judges : sequence of str, length m
    clusters : int array, shape (n,), optional
        Replies of one cluster are in one half, and count as dependent.
    divisions : int
    seed : int
        Of the halves.

    Raises
    ------
    InputError
        Fewer than two clusters that at least two judges answered.
    """
    votes = check_votes(votes, judges)
    enough = answered(votes)
    votes, (_, of) = votes[enough], cluster_sizes(clusters, len(votes))
    _, of = np.unique(of[enough], return_inverse=True)
    count = len(np.unique(of))
    if count < 2 or divisions < 1:
        raise InputError(
            f"{divisions} halvings of {count} independent replies, expected at least 1 of 2"
        )
    rng = np.random.default_rng(seed)
    halves = [half == h for half in _halve(rng, of, divisions) for h in (0, 1)]
    weighting = learn_weights(votes)
    chosen = [judges[best_judge(votes[half])] for half in halves]
    return Combinations(
        judges=tuple(judges),
        n=len(votes),
        divisions=divisions,
        tried=_compared({how: _held_out(votes, halves, _LEARN[how]) for how in HOWS}, of),
        best=judges[best_judge(votes)],
        chosen={judge: chosen.count(judge) for judge in judges if judge in chosen},
        weights=weighting.weights,
        shrinkage=weighting.shrinkage,
    )


def _halve(rng: np.random.Generator, of: IntArray, divisions: int) -> list[IntArray]:
    """Divide clusters in two halves, several times; 0 or 1 for each row."""
    count = int(of.max()) + 1
    return [(rng.permutation(count) % 2)[of] for _ in range(divisions)]


_Rule = Callable[[FloatArray], FloatArray]


def _learn_single(votes: FloatArray) -> _Rule:
    best = best_judge(votes)
    return lambda unseen: unseen[:, best]


def _learn_weighted(votes: FloatArray) -> _Rule:
    weighting = learn_weights(votes)
    return lambda unseen: by_weights(unseen, weighting)


_LEARN: dict[How, Callable[[FloatArray], _Rule]] = {
    "single": _learn_single,
    "majority": lambda _: by_majority,
    "weighted": _learn_weighted,
}


def _held_out(
    votes: FloatArray, halves: Sequence[BoolArray], learn: Callable[[FloatArray], _Rule]
) -> FloatArray:
    """Return verdicts by rules learnt from the other half, one row per division."""
    verdicts = np.zeros((len(halves) // 2, len(votes)))
    for i, half in enumerate(halves):
        verdicts[i // 2, ~half] = learn(votes[half])(votes[~half])
    return verdicts


def _compared(verdicts: dict[How, FloatArray], of: IntArray) -> tuple[Tried, ...]:
    """Compare each way with the most accurate one, on the same replies."""
    scores = {how: _score(verdict).mean(axis=0) for how, verdict in verdicts.items()}
    best = max(scores.values(), key=lambda score: score.mean())
    alike = np.zeros(len(of), dtype=np.int64)
    return tuple(
        Tried(
            how=how,
            accuracy=proportion(scores[how], clusters=of),
            without=round(float((np.nan_to_num(verdict) == 0).sum() / len(verdict))),
            short=contrast(best - scores[how], alike, (1.0,), clusters=of),
        )
        for how, verdict in verdicts.items()
    )
