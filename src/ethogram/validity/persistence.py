"""Persistence: does the manner that a model chose at the first turn last?

Of each conversation the judge reads the replies at several turns, for the same two traits. Kept is
a conversation whose verdict at a later turn is that of the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from ethogram.design import Part
from ethogram.errors import EthogramError
from ethogram.ratings.comparisons import Comparisons, FloatArray, IntArray, compare
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import count_words
from ethogram.ratings.quantiles import normal_quantile
from ethogram.ratings.shift import shift
from ethogram.store.read import Verdicts, is_judged_twice
from ethogram.store.turns import read_turns
from ethogram.validity.both_orders import has_probabilities, merge_verdicts
from ethogram.validity.proportions import Estimate, proportion
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Mark, Section, SectionChart, SectionTable

LEAST_RIGHT = 0.6  # a judge that is hardly ever right says nothing net of its errors
LEAST_PER_TRAIT = 4  # verdicts of a turn, before ratings of turns are compared


@dataclass(frozen=True)
class Kept:
    """One model by one judge at one later turn, against the first.

    Attributes
    ----------
    model, judge : str
    turn : int
    share : Estimate
        Conversations whose verdict is that of the first turn.
    net : Estimate or None
        The same net of the judge's errors, by its accuracy on replies whose trait is known; None
        where that is not known, or at chance. It takes errors at two turns to be independent.
    lost : int
        Conversations with a verdict at one of the two turns only.
    moved : float
        Root mean square shift of the ratings since the first turn, Elo points, net of noise; NaN
        where there are too few verdicts.
    clear : tuple of str
        Traits whose rating at this turn differs from that at the first (false discovery rate 5%).
    """

    model: str
    judge: str
    turn: int
    share: Estimate
    net: Estimate | None
    lost: int
    moved: float
    clear: tuple[str, ...]


def measure_persistence(results: StoreResults) -> tuple[Kept, ...]:
    """Return what a store has, by model, judge and turn; empty where it has nothing."""
    if not any(c.part == Part.PERSISTENCE for c in results.counts):
        return ()
    return tuple(kept for judge in results.judges for kept in _of_judge(results, judge))


def _of_judge(results: StoreResults, judge: str) -> Iterator[Kept]:
    """Yield each model's later turns by one judge."""
    rows = results.verdicts(judge).part(Part.PERSISTENCE)
    if is_judged_twice(results.store, judge):
        if has_probabilities(rows):
            rows = merge_verdicts(rows)
        else:  # where the orders differ, each verdict counts one half
            rows = merge_verdicts(rows.take(rows.code >= 0))
            rows = replace(rows, code=np.where(rows.tied, 0, rows.code))
    known = read_turns(results.store)
    turn = np.array([known[t].turn for t in rows.trial.tolist()], dtype=np.int64)
    begun = np.array([known[t].first for t in rows.trial.tolist()], dtype=np.int64)
    for number, model in enumerate(rows.models):
        own = rows.model == number
        first = _by_conversation(rows, begun, own & (turn == 1))
        for later in np.unique(turn[own & (turn > 1)]).tolist():
            now = _by_conversation(rows, begun, own & (turn == later))
            yield _kept(results, rows, (model, judge, later), first, now)


def _by_conversation(rows: Verdicts, begun: IntArray, mask: np.ndarray) -> dict[int, int]:
    """Return the place of each conversation's verdict, where it has one."""
    return {int(begun[i]): int(i) for i in np.flatnonzero(mask & (rows.code >= 0))}


def _kept(
    results: StoreResults,
    rows: Verdicts,
    key: tuple[str, str, int],
    first: dict[int, int],
    now: dict[int, int],
) -> Kept:
    """Compare one later turn with the first, conversation by conversation."""
    both = sorted(first.keys() & now.keys())
    one = np.array([first[c] for c in both], dtype=np.int64)
    other = np.array([now[c] for c in both], dtype=np.int64)
    share = proportion(_same(rows, one, other), clusters=rows.prompt[one])
    moved, clear = _moved(rows, one, other)
    lost = len(first.keys() | now.keys()) - len(both)
    return Kept(*key, share, _net(results, key[1], share), lost, moved, clear)


def _same(rows: Verdicts, one: IntArray, other: IntArray) -> FloatArray:
    """Return whether verdicts are the same; of words in both orders, the mean over their pairs."""
    p, q = (np.where(rows.tied[at], 0.5, rows.code[at]) for at in (one, other))
    same: FloatArray = p * q + (1 - p) * (1 - q)
    return same


def _net(results: StoreResults, judge: str, share: Estimate) -> Estimate | None:
    """Return a share net of errors that the judge makes at either turn."""
    right = _accuracy(results, judge)
    if right is None or right.estimate <= LEAST_RIGHT or not share.n:
        return None

    def without_errors(kept: float, sees: float) -> float:
        return 0.5 + (kept - 0.5) / (2 * sees - 1) ** 2

    middle = without_errors(share.estimate, right.estimate)
    sure = (max(right.low, LEAST_RIGHT), right.high)
    by_share = [without_errors(kept, right.estimate) - middle for kept in (share.low, share.high)]
    by_judge = [without_errors(share.estimate, sees) - middle for sees in sure]
    # Both are uncertain: how far each moves it, squared and added (Zou & Donner 2008).
    low = middle - math.hypot(by_share[0], min(by_judge))
    high = middle + math.hypot(by_share[1], max(by_judge))
    low, middle, high = np.clip([low, middle, high], 0, 1).tolist()
    return Estimate(middle, low, high, share.n)


def _accuracy(results: StoreResults, judge: str) -> Estimate | None:
    """Return how often a judge is right on replies whose trait is known."""
    sight, plants = results.sight(judge), results.plants(judge)
    if sight is not None:
        return sight.accuracy.overall
    if plants is None or not plants.read.any():
        return None
    return proportion(plants.hit[plants.read], clusters=plants.prompt[plants.read])


def _moved(rows: Verdicts, one: IntArray, other: IntArray) -> tuple[float, tuple[str, ...]]:
    """Return how far the ratings moved, and of which traits that is clear."""
    traits = np.unique([rows.first[one], rows.second[one]]) if len(one) else np.zeros(0)
    if len(traits) < 3 or len(one) * 2 < LEAST_PER_TRAIT * len(traits):
        return float("nan"), ()
    before, after = (_comparisons(rows, places, rows.prompt[one]) for places in (one, other))
    try:
        found = shift(before, after)
    except EthogramError:
        return float("nan"), ()
    noise = np.mean(((found.raw.high - found.raw.low) / (2 * normal_quantile())) ** 2)
    square = float(np.mean(found.raw.estimate**2) - noise)
    moved = ELO_PER_LOGIT * max(0.0, square) ** 0.5
    clear = [t for t, p in zip(found.traits, found.raw.p_adjusted, strict=True) if p < 0.05]
    return moved, tuple(clear)


def _comparisons(rows: Verdicts, places: IntArray, prompt: IntArray) -> Comparisons:
    """Return one turn's verdicts as comparisons, paired by the prompt that began each."""
    used = np.unique([rows.first[places], rows.second[places]])
    local = np.full(len(rows.traits), -1)
    local[used] = np.arange(len(used))
    outcome = np.where(np.isnan(rows.p_first[places]), rows.code[places], rows.p_first[places])
    return compare(
        [rows.traits[i] for i in used],
        local[rows.first[places]],
        local[rows.second[places]],
        outcome,
        prompt=prompt,
        judge_first=np.where(rows.swapped[places], -1, 1),
    )


def persistence_section(results: StoreResults) -> Section | None:
    """Say how long the chosen manner lasts; None where no conversation went on."""
    found = measure_persistence(results)
    if not found:
        return None
    return Section(
        name="persistence",
        title="Does the chosen manner last?",
        claims=tuple(_claims(found)),
        tables=(_table(found),),
        notes=NOTES,
        data={"turns": [asdict(kept) for kept in found]},
        charts=tuple(chart for chart in (_chart(found),) if chart is not None),
    )


NOTES = (
    "Kept: the judge names the same of the two traits as at the first turn. One half would be kept "
    "by chance alone, and more where a model would choose the same again.",
    "The judge reads the last message and its reply, not what stood before. Half of the later "
    "replies are shown to it with the two words in the other order than at the first turn, so that "
    "a liking for the word shown first keeps nothing. Net of its errors: by its accuracy on "
    "replies whose trait is known, if it errs at each turn anew.",
    "The instruction stays at the head of the conversation; the user never repeats it.",
)


def _claims(found: tuple[Kept, ...]) -> Iterator[str]:
    """Say the last turn of each model and judge."""
    last = {(kept.model, kept.judge): kept for kept in found}
    for (model, judge), kept in last.items():
        if not kept.share.n:
            yield f"{model}: no conversation has verdicts of {judge} at turns 1 and {kept.turn}."
            continue
        if kept.share.few:
            yield (
                f"{model}: {count_words(kept.share.n, 'conversation')} with verdicts of {judge} at "
                f"turns 1 and {kept.turn}, too few to tell whether the manner lasts."
            )
            continue
        net = f"; {kept.net.percent} net of the judge’s errors" if kept.net else ""
        yield (
            f"{model}: at turn {kept.turn}, {kept.share.percent} of {kept.share.n:,} conversations "
            f"still show the trait of their first reply, by {judge}{net}."
        )


def _table(found: tuple[Kept, ...]) -> SectionTable:
    rows = tuple(
        (
            kept.model,
            kept.judge,
            f"{kept.turn}",
            kept.share.percent,
            kept.net.percent if kept.net else "not known",
            f"{kept.share.n:,}",
            f"{kept.lost:,}",
            "too few" if np.isnan(kept.moved) else f"{kept.moved:.0f}",
            ", ".join(kept.clear) or "none",
        )
        for kept in found
    )
    return SectionTable(
        "Verdicts at each turn against the first, with 95% intervals (Wilson, clustered by "
        "prompt); shifts of ratings in Elo points, root mean square net of noise.",
        (
            *("model", "judge", "turn", "kept", "net of errors", "conversations", "lost"),
            *("ratings moved", "traits that clearly moved"),
        ),
        rows,
    )


def _chart(found: tuple[Kept, ...]) -> SectionChart | None:
    """Draw how many conversations still show the trait of their first reply, by turn."""
    judges = {kept.judge for kept in found}
    marks = tuple(
        Mark(
            kept.turn,
            kept.share.estimate,
            kept.share.low,
            kept.share.high,
            kept.model if len(judges) == 1 else f"{kept.model}, by {kept.judge}",
        )
        for kept in found
        if kept.share.n
    )
    if not marks:
        return None
    by = f" by {judges.pop()}" if len(judges) == 1 else ""
    return SectionChart(
        "persistence",
        "Conversations that still show the trait of their first reply",
        f"Share whose later reply is judged{by} to show the same of the two traits, not net of the "
        "judge's errors. Bars: 95% intervals by prompt. Dashed: what chance alone keeps.",
        "lines",
        "turn",
        "share",
        marks,
        ((0.5, "chance"),),
        percent=True,
    )
