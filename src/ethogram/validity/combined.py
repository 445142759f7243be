"""One verdict per reply of all judges of a store, as comparisons to rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ethogram.design import Part
from ethogram.errors import InputError, guess
from ethogram.ratings.comparisons import Comparisons, FloatArray, IntArray, compare
from ethogram.validity.combination import answered, by_majority, by_weights
from ethogram.validity.results import StoreResults
from ethogram.validity.votes import REPLIES, KnownVotes, Votes, best_known, gather, read_part
from ethogram.validity.weighting import learn_weights

Combined = Literal["majority", "weighted"]
COMBINED: tuple[Combined, ...] = ("majority", "weighted")


def combine_judges(
    results: StoreResults, model: str, how: str = "majority", *, condition: str | None = None
) -> Comparisons:
    """Make one verdict per reply of all judges of a model.

    Parameters
    ----------
    results : StoreResults
    model : str
    how : "majority" or "weighted"
        Weights are learnt from replies whose trait is known.
    condition : str, optional
        Which, where the model was asked under several.

    Returns
    -------
    Comparisons
        By the judge "majority of 3", say. A split vote is a tie. A reply that fewer than two judges
        answered has no verdict and counts as lost; where a judge gave none, the others decide.

    Raises
    ------
    InputError
        No such model, several conditions, fewer than two judges of its replies, or, for weights,
        of replies whose trait is known.
    """
    _check_how(how)
    asked = [c for c in results.comparisons(Part.MAIN) if c.model == model]
    there = tuple(dict.fromkeys(c.condition for c in asked))
    if not asked:
        models = tuple(dict.fromkeys(c.model for c in results.comparisons(Part.MAIN)))
        raise InputError(
            f"no comparisons of {model!r}{guess(model, models)}; expected one of "
            f"{', '.join(models)}"
        )
    if condition not in there and (condition is not None or len(there) > 1):
        raise InputError(
            f"condition is {condition!r}, expected one of {', '.join(there)} for {model!r}"
        )
    wanted = there[0] if condition is None else condition
    return _combine(results, [c for c in asked if c.condition == wanted], how)


def combine_all(
    results: StoreResults, how: str, *, model: str | None = None
) -> tuple[Comparisons, ...]:
    """Combine the judges of each model and condition; see `combine_judges`."""
    _check_how(how)
    asked = results.comparisons(Part.MAIN)
    keys = dict.fromkeys((c.model, c.condition) for c in asked if model in (None, c.model))
    return tuple(combine_judges(results, m, how, condition=c) for m, c in keys)


def _check_how(how: str) -> None:
    if how not in COMBINED:
        raise InputError(f"combine is {how!r}{guess(how, COMBINED)}; expected majority or weighted")


def _combine(results: StoreResults, asked: Sequence[Comparisons], how: str) -> Comparisons:
    """Combine the judges that these comparisons of one model and condition are by."""
    model, condition = asked[0].model, asked[0].condition
    judges = tuple(c.judge for c in asked)
    if len(judges) < 2:
        raise _too_few(model, judges)
    known = best_known(results) if how == "weighted" else None
    if how == "weighted":
        judges = _weighable(known, judges)
    own = {
        judge: rows.of(model, condition)
        for judge, rows in read_part(results, Part.MAIN, judges).items()
    }
    votes = gather(results, own)
    if votes is None:
        raise _too_few(model, judges)
    verdict = _verdict(votes, known)
    traits = [t for t in votes.traits if any(t in c.traits for c in asked)]
    return _comparisons(votes, verdict, traits, asked[0], how, _note(votes, known))


def _too_few(model: str, judges: Sequence[str]) -> InputError:
    return InputError(
        f"{len(judges)} {'judge' if len(judges) == 1 else 'judges'} of {model!r} "
        f"({', '.join(judges)}), expected verdicts of at least 2 to combine"
    )


def _weighable(known: KnownVotes | None, judges: Sequence[str]) -> tuple[str, ...]:
    """Return the judges that there are votes of where the truth is known."""
    there = () if known is None else known.votes.judges
    kept = tuple(judge for judge in judges if judge in there)
    if len(kept) < 2:
        raise InputError(
            "no weights without two judges of the same planted or written replies: run "
            "`ethogram validity`, or combine by majority"
        )
    return kept


def _verdict(votes: Votes, known: KnownVotes | None) -> FloatArray:
    """Verdict on each reply: 1, 0 or -1; NaN none."""
    if known is None:
        return by_majority(votes.votes)
    columns = [known.votes.judges.index(judge) for judge in votes.judges]
    return by_weights(votes.votes, learn_weights(known.votes.votes[:, columns]))


def _note(votes: Votes, known: KnownVotes | None) -> str:
    """Say how the verdicts came about."""
    *most, last = votes.judges
    by = "by the majority of" if known is None else "by weighted votes of"
    note = (
        f"Each reply has one verdict, {by} {', '.join(most)} and {last}. A split vote is a tie; a "
        "reply that fewer than two of them answered has no verdict."
    )
    if known is not None:
        note += f" Weights are from {known.shared:,} {REPLIES[known.source]}."
    some = int((answered(votes.votes) & np.isnan(votes.votes).any(axis=1)).sum())
    if some:
        note += f" On {some:,} of {len(votes):,} replies not all of them answered."
    return note


def _comparisons(
    votes: Votes, verdict: FloatArray, traits: Sequence[str], like: Comparisons, how: str, note: str
) -> Comparisons:
    """Return the verdicts as comparisons; those without one are lost."""
    kept = ~np.isnan(verdict)
    local = np.array([traits.index(t) if t in traits else -1 for t in votes.traits])
    name = f"{'majority' if how == 'majority' else 'weighted vote'} of {len(votes.judges)}"
    return compare(
        traits,
        local[votes.first[kept]],
        local[votes.second[kept]],
        (verdict[kept] + 1) / 2,
        tie=verdict[kept] == 0,
        prompt=votes.prompt[kept],
        judge_first=_common_place(votes.place[kept]),
        lost=int((~kept).sum()),
        model=like.model,
        judge=name,
        condition=like.condition,
        notes=(*like.notes, note),
        adaptive=like.adaptive,
    )


def _common_place(place: FloatArray) -> IntArray:
    """+1 or -1 where all judges that answered saw the same order, else 0."""
    low, high = (np.where(np.isnan(place), fill, place) for fill in (np.inf, -np.inf))
    least, most = low.min(axis=1), high.max(axis=1)
    return np.where(least == most, least, 0.0).astype(np.int64)
