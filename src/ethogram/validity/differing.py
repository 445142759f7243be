"""Comparing two sides as they are found: asked alike, corrected where the judge's errors are known.

A side is a model of a store, of a comparison file, or of the published study, or a profile that is
there already. What was decided is `ethogram.ratings.differences`' to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ethogram.errors import EthogramError, InputError
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.differences import Difference, find_difference
from ethogram.ratings.drifts import Drift, spend
from ethogram.ratings.gates import Gate
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import LEVEL
from ethogram.store.setups import Setup, read_setup
from ethogram.store.store import Store
from ethogram.validity.comparable import check_comparable, say_unknown
from ethogram.validity.correction import CHAINS, DRAWS, NOISE_LIMIT, PLANT_LIMIT, Corrected
from ethogram.validity.measure import correct_own, has_own_plants
from ethogram.validity.results import StoreResults

PUBLISHED = "the published study"

_NO_PLANTS = (
    "Not corrected for the judge's errors: no planted replies are there (`ethogram validity`)."
)


@dataclass(frozen=True)
class FoundSide:
    """One side of a difference.

    Attributes
    ----------
    data : Comparisons or Profile
    setup : Setup
    store : Path, optional
        Where its planted replies are, and where the history of a gate is kept.
    fixed : bool
        No comparisons can be added to it.
    """

    data: Comparisons | Profile
    setup: Setup
    store: Path | None = None
    fixed: bool = False


def find_side(data: Comparisons | Profile, path: Path | None, *, store: bool = False) -> FoundSide:
    """Say how a side was asked, as far as its source knows.

    Parameters
    ----------
    data : Comparisons or Profile
    path : Path, optional
        Where it was read.
    store : bool
        Whether that is a store.
    """
    if path is not None and store and isinstance(data, Comparisons):
        with Store.read(path) as opened:
            return FoundSide(data, read_setup(opened, data), path)
    name = f"{data.model or 'the model'}{f' in {path}' if path else ''}"
    known = dict.fromkeys(data.traits)
    return FoundSide(data, Setup(name, known, judge=data.judge, condition=data.condition))


def published_side(profile: Profile) -> FoundSide:
    """Return a published profile as a side."""
    setup = Setup(
        f"the published {profile.model}",
        dict.fromkeys(profile.traits),
        judge=profile.judge,
        condition=profile.condition,
        protocol=PUBLISHED,
    )
    return FoundSide(profile, setup, fixed=True)


@dataclass
class Corrections:
    """Profiles corrected for the judge's errors, each made once: some seconds per model."""

    made: dict[tuple[Path, str, str, str], Corrected | str] = field(default_factory=dict)

    def of(self, side: FoundSide) -> Corrected | str:
        """Return a side's corrected profile, or why there is none; "" where there are no plants."""
        data = side.data
        if side.store is None or isinstance(data, Profile):
            return ""
        key = (side.store, data.model, data.judge, data.condition)
        if key not in self.made:
            self.made[key] = _correct(side.store, data)
        return self.made[key]


def has_plants(side: FoundSide) -> bool:
    """Whether the judge read replies that this side's model was told to write."""
    if side.store is None or isinstance(side.data, Profile):
        return False
    with StoreResults.open(side.store) as results:
        return has_own_plants(results, side.data)


def _correct(store: Path, comparisons: Comparisons) -> Corrected | str:
    with StoreResults.open(store) as results:
        try:
            return correct_own(results, comparisons)
        except EthogramError as error:
            return str(error)


def compare_found(
    before: FoundSide,
    after: FoundSide,
    *,
    gate: Gate | None = None,
    traits: Sequence[str] = (),
    despite: Collection[str] = (),
    correct: bool = True,
    joint: float = LEVEL,
    corrections: Corrections | None = None,
) -> Difference:
    """Decide what changed between two sides; see `ethogram.diff`."""
    _check_two(before, after)
    accepted = check_comparable(before.setup, after.setup, despite)
    sides, said = _with_corrections(before, after, corrections or Corrections(), correct=correct)
    corrected = sides[0] is not before.data
    found = find_difference(
        *sides,
        gate=gate,
        traits=traits,
        joint=joint,
        fixed=(before.fixed, after.fixed),
        freedom=CHAINS * DRAWS / 2 if corrected else None,  # draws of a chain are correlated
    )
    notes = (
        *said,
        *say_unknown(before.setup, after.setup),
        *_losses(before),
        *_losses(after),
        *found.notes,
    )
    return replace(
        found,
        corrected=corrected,
        accepted=accepted,
        notes=tuple(dict.fromkeys(notes)),
    )


def _check_two(before: FoundSide, after: FoundSide) -> None:
    """Refuse a side that is compared with itself, or with its copy: every gate would pass."""
    one, other = before.data, after.data
    names = ("strengths",) if isinstance(one, Profile) else ("first", "second", "outcome", "prompt")
    if type(one) is not type(other) or one.traits != other.traits:
        return
    if all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names):
        raise InputError(
            f"{before.setup.name} and {after.setup.name} hold the same verdicts, expected two "
            "measurements: name another model or file"
        )


def _losses(side: FoundSide) -> list[str]:
    """Say what a side lacks."""
    lost, planned = side.data.lost, side.data.lost + _size(side.data)
    have = "has" if lost == 1 else "have"
    said = f"{lost:,} of {planned:,} planned comparisons of {side.setup.name} {have} no verdict."
    return [said] if lost else []


def _size(data: Comparisons | Profile) -> int:
    return data.n if isinstance(data, Profile) else len(data)


Pair = tuple[Comparisons | Profile, Comparisons | Profile]


def _with_corrections(
    before: FoundSide, after: FoundSide, corrections: Corrections, *, correct: bool
) -> tuple[Pair, list[str]]:
    """Put corrected profiles in the place of both sides where that can be done, and say so."""
    plain: Pair = (before.data, after.data)
    planted = [side for side in (before, after) if has_plants(side)]
    if not planted:
        stores = any(side.store is not None for side in (before, after))
        return plain, [_NO_PLANTS] if stores else []
    if len(planted) == 1:
        other = after if planted[0] is before else before
        return plain, [
            "Not corrected for the judge's errors: planted replies are there for "
            f"{planted[0].setup.name} only, not for {other.setup.name}."
        ]
    if not correct:
        return plain, ["Not corrected for the judge's errors, as asked, although plants are there."]
    made = [corrections.of(side) for side in (before, after)]
    lacking = [
        f"{side.setup.name}: {one}"
        for side, one in zip((before, after), made, strict=True)
        if isinstance(one, str)
    ]
    if lacking:
        return plain, [f"Not corrected for the judge's errors: {'; '.join(lacking)}."]
    ready = [c for c in made if isinstance(c, Corrected)]
    said = [
        "Corrected for the judge's errors, as measured on planted replies of both models; the "
        "intervals carry what is not known of the judge, and the two sides count as independent."
    ]
    said += [
        f"{side.setup.name}: {c.judge.n:,} planted replies, and noise is {c.noise:.0%} of the "
        f"variance of the corrected ratings: with fewer than {PLANT_LIMIT}, or more noise than "
        f"{NOISE_LIMIT:.0%}, these are not reliably nearer to the truth than the plain ones."
        for side, c in zip((before, after), ready, strict=True)
        if not c.preferred
    ]
    return (ready[0].profile, ready[1].profile), said


def follow(
    since: FoundSide,
    releases: Sequence[FoundSide],
    *,
    traits: Sequence[str] = (),
    despite: Collection[str] = (),
    correct: bool = True,
    joint: float = LEVEL,
) -> Drift:
    """Compare each release with one before them; see `ethogram.drift`."""
    if not releases:
        raise InputError(f"no release after {since.data.model!r}, expected at least one")
    corrections, found = Corrections(), []
    for number, release in enumerate(releases, start=1):
        found.append(
            compare_found(
                since,
                release,
                traits=traits,
                despite=despite,
                correct=correct,
                joint=1 - spend(1 - joint, number),
                corrections=corrections,
            )
        )
    return Drift(since.data.model, tuple(found), tuple(traits), joint)
