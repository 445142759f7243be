"""What has changed between two profiles, and whether a gate lets it pass.

`shift` measures trait by trait, as an exploration. Here something is decided: all intervals that
were asked for hold at once, so that a change is not found because many traits were looked at, and
each verdict follows from the interval that is shown beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.errors import InputError, Problems, guess
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.distance import Length, Overall, find_noise, measure_distance
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import (
    MOST_MORE,
    UNMOVED,
    Bound,
    Gate,
    Interval,
    Row,
    Verdict,
    combine,
    decide,
    growth_to_settle,
    outward,
)
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import LEVEL, simultaneous
from ethogram.ratings.shift import Shift, shift_between
from ethogram.ratings.sides import Sides, pair_sides
from ethogram.ratings.threads import on_one_thread


@dataclass(frozen=True)
class Difference:
    """What changed from one profile to another.

    Attributes
    ----------
    before, after : str
        Names of the two models.
    rows : tuple of Row
        With a gate one per bound, in its order; else one per trait asked, the largest rise first.
    verdict : Verdict or None
        Of the gate: fail if any bound fails, else undecided if any is, else pass.
    gate : Gate or None
    overall : Overall
        The test of any change, and the distance.
    distance : Interval
        That of `overall` as it is shown.
    shift : Shift
        Every shared trait, intervals at `level`.
    level, joint : float
        Of each interval on its own, and of all of them at once.
    intervals : int
        How many hold at once.
    corrected : bool
        For the judge's measured errors.
    accepted : tuple of str
        What differs between the two sides beside the model, and was accepted.
    notes : tuple of str
        What a reader must know.
    judge, condition : str
        Of `after`.
    """

    before: str
    after: str
    rows: tuple[Row, ...]
    verdict: Verdict | None
    gate: Gate | None
    overall: Overall
    distance: Interval
    shift: Shift
    level: float
    joint: float
    intervals: int
    corrected: bool = False
    accepted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    judge: str = ""
    condition: str = ""

    def __repr__(self) -> str:
        said = f"gate {self.gate.name}: {self.verdict}" if self.gate else f"{len(self.moved)} moved"
        return (
            f"<Difference from {self.before or 'unnamed model'} to {self.after or 'unnamed model'}:"
            f" {len(self.rows)} {'bounds' if self.gate else 'traits'}, {said}>"
        )

    def as_run(self, before: str) -> GateRun:
        """Return the record of a gate's verdict; `before` says what that side is."""
        assert self.gate is not None  # only then is there a verdict
        assert self.verdict is not None
        return GateRun(
            time=time.time(),
            gate=self.gate.name,
            digest=self.gate.digest,
            before=before,
            after=self.after,
            judge=self.judge,
            condition=self.condition,
            verdict=self.verdict,
            rows=self.rows,
        )

    @property
    def moved(self) -> tuple[Row, ...]:
        """The traits that are shown to have risen or fallen."""
        return tuple(row for row in self.rows if row.trait and row.movement != UNMOVED)


@on_one_thread
def find_difference(
    before: Comparisons | Profile,
    after: Comparisons | Profile,
    *,
    gate: Gate | None = None,
    traits: Sequence[str] = (),
    joint: float = LEVEL,
    fixed: tuple[bool, bool] = (False, False),
    freedom: float | None = None,
) -> Difference:
    """Decide what changed between two sides.

    Parameters
    ----------
    before, after : Comparisons or Profile
        As in `shift`.
    gate : Gate, optional
    traits : sequence of str
        Without a gate: only these; else all that both have.
    joint : float
        Probability that all intervals hold at once.
    fixed : (bool, bool)
        Sides that no further comparisons can be added to.
    freedom : float, optional
        Draws that the covariances of finished profiles are from; else they are taken as known.

    Returns
    -------
    Difference

    Raises
    ------
    InputError
        Unknown traits, traits together with a gate, or fewer than two shared traits.
    DisconnectedError, NotConverged
        As in `rate`.
    """
    shared = [trait for trait in before.traits if trait in set(after.traits)]
    bounds = _bounds(gate, traits, shared)
    asked = list(dict.fromkeys(b.trait for b in bounds)) if gate else list(traits) or shared
    level = simultaneous(len(asked), joint)
    sides = pair_sides(before, after, level=level)
    moved = shift_between(sides)
    on_distance = "" in asked
    overall = measure_distance(sides, level=level if on_distance else joint, freedom=freedom)
    if gate:
        rows = _decide_all(bounds, moved, overall, _Settling.of(sides, fixed))
    else:
        rows = _tell_all(asked, moved)
    verdicts = [row.verdict for row in rows if row.verdict is not None]
    return Difference(
        before=moved.before,
        after=moved.after,
        rows=tuple(rows),
        verdict=combine(verdicts) if gate else None,
        gate=gate,
        overall=overall,
        distance=outward(overall.distance, overall.low, overall.high),
        shift=moved,
        level=level,
        joint=joint,
        intervals=len(asked),
        notes=moved.caveats,
        judge=sides.other.profile.judge,
        condition=sides.other.profile.condition,
    )


def _bounds(gate: Gate | None, traits: Sequence[str], shared: Sequence[str]) -> tuple[Bound, ...]:
    """Return the bounds on shared traits; refuse names that are not there."""
    if gate is not None:
        if traits:
            raise InputError("traits are named, and a gate is given: the gate names its traits")
        return gate.over(shared)
    problems = Problems()
    for trait in traits:
        if trait not in shared:
            near = guess(trait, shared)
            problems.add(
                InputError(f"no trait {trait!r}{near} among the {len(shared)} that both sides have")
            )
    problems.raise_any()
    if len(set(traits)) < len(traits):
        raise InputError(f"traits are {', '.join(traits)}, expected each once")
    return ()


def trait_interval(moved: Shift, place: int) -> Interval:
    """Return the interval of one trait's shift as it is shown."""
    raw = moved.raw
    ends = (float(ELO_PER_LOGIT * x[place]) for x in (raw.estimate, raw.low, raw.high))
    return outward(*ends)


def _tell_all(asked: Sequence[str], moved: Shift) -> list[Row]:
    """One row per trait, the largest rise first."""
    place = {trait: i for i, trait in enumerate(moved.traits)}
    order = sorted(asked, key=lambda trait: -moved.raw.estimate[place[trait]])
    return [Row(trait, trait_interval(moved, place[trait])) for trait in order]


def _decide_all(
    bounds: Sequence[Bound], moved: Shift, overall: Overall, rest: _Settling
) -> list[Row]:
    """One row per bound, with its verdict."""
    place = {trait: i for i, trait in enumerate(moved.traits)}
    whole = outward(overall.distance, overall.low, overall.high)
    rows = []
    for bound in bounds:
        at = place[bound.trait] if bound.trait else -1
        interval = trait_interval(moved, at) if bound.trait else whole
        verdict = decide(interval.low, interval.high, bound)
        further: int | None = 0
        if verdict is Verdict.UNDECIDED:
            if bound.trait:
                further = rest.of_trait(float(moved.raw.estimate[at]), interval, at, bound)
            else:
                further = rest.of_distance(overall.level, bound)
        rows.append(Row(bound.trait, interval, bound, verdict, further))
    return rows


@dataclass(frozen=True)
class _Settling:
    """How many further comparisons would settle what is undecided."""

    n: int
    held: FloatArray  # (K,) share of each variance that further comparisons do not lessen
    length: Length

    @classmethod
    def of(cls, sides: Sides, fixed: tuple[bool, bool]) -> _Settling:
        one, other = sides.one.profile, sides.other.profile
        if all(fixed):
            fixed = (False, False)  # what it would have taken
        kept = fixed[0] * one.variances + fixed[1] * other.variances
        held = kept / np.maximum(one.variances + other.variances, 1e-300)
        n = max(p.n for p, still in zip((one, other), fixed, strict=True) if not still)
        return cls(n, held, Length.of(sides.difference, find_noise(sides)))

    def of_trait(self, shift: float, shown: Interval, at: int, bound: Bound) -> int | None:
        """Take it that the interval, as it is shown, shrinks around the estimate (logits)."""
        growth = growth_to_settle(ELO_PER_LOGIT * shift, shown.low, shown.high, bound)
        if growth is None:
            return None
        left = 1 / growth - float(self.held[at])
        return self._further((1 - float(self.held[at])) / left if left > 0 else math.inf)

    def of_distance(self, level: float, bound: Bound) -> int | None:
        """Find the least growth at which the interval is off the bound, by halving."""
        held = float(self.held.mean())

        def settled(growth: float) -> bool:
            distance, low, high = self.length.shrunk(held + (1 - held) / growth).interval(level)
            shown = outward(distance, low, high)
            return decide(shown.low, shown.high, bound) is not Verdict.UNDECIDED

        least, most = 1.0, float(MOST_MORE)
        if not settled(most):
            return None
        while most / least > 1.02:
            middle = math.sqrt(least * most)
            least, most = (least, middle) if settled(middle) else (middle, most)
        return self._further(most)

    def _further(self, growth: float) -> int | None:
        if growth > MOST_MORE:
            return None
        return max(1, math.ceil(self.n * (growth - 1)))
