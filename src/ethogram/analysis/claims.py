"""The published study's claims, each tested on its win counts by one rule.

A claim comes down to one or more checks: a quantity of the profiles, and the values of it that fit
the claim. A check is decided by the quantity's 95% interval alone, a claim by its checks (`RULE`).
The claims stand in `data/reference/claims.json`; no result does. Pure: knows nothing of pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ethogram.analysis import claims_models as models
from ethogram.analysis import claims_places as places
from ethogram.analysis.claims_study import Estimate, Study, form_study
from ethogram.errors import InputError
from ethogram.ratings.threads import on_one_thread

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile


class Outcome(StrEnum):
    """What the data say of a claim, or of one check."""

    HOLDS = "holds"
    IN_PART = "holds in part"
    NOISE = "within noise"
    FAILS = "does not hold"
    UNTESTABLE = "cannot be tested"


RULE = (
    "A check holds if the whole 95% interval of its quantity fits the claim, does not hold if none "
    "of it does, and is within noise if some of it does. A published number fits as far as it was "
    "rounded. A claim whose checks all agree has their verdict; otherwise it holds in part if any "
    "check holds, does not hold if any check fails, and is within noise if neither."
)


@dataclass(frozen=True)
class Region:
    """The values of a quantity that fit a claim, ends included.

    Attributes
    ----------
    kind : {"at_most", "at_least", "above", "below", "between", "published"}
    ends : tuple of float
        As the claim has them.
    low, high : float
    """

    kind: str
    ends: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Check:
    """One quantity that a claim is about, as measured.

    Attributes
    ----------
    key, label, unit : str
    region : Region or None
        None for a quantity that is only shown: it has no part in the verdict.
    published : float or None
    measured : Estimate or None
    outcome : Outcome or None
        None if only shown.
    reason : str
        Why it cannot be decided, though a related quantity may be shown; else empty.
    """

    key: str
    label: str
    unit: str
    region: Region | None
    published: float | None
    measured: Estimate | None
    outcome: Outcome | None
    reason: str


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with its verdict.

    Attributes
    ----------
    id, topic, claim, source : str
    reading : str
        How the claim is read, so that data can test it.
    found : str
        What was found, with `{key}` where a check's measurement goes.
    limits : str
        What the verdict does not show.
    why : str
        Why the published numbers and those here differ, where they do; else empty.
    checks : tuple of Check
    verdict : Outcome
    """

    id: str
    topic: str
    claim: str
    source: str
    reading: str
    found: str
    limits: str
    why: str
    checks: tuple[Check, ...]
    verdict: Outcome


@dataclass(frozen=True)
class CheckedClaims:
    """All claims, and what they were tested on."""

    claims: tuple[CheckedClaim, ...]
    models: tuple[str, ...]
    n_traits: int
    n: tuple[int, ...]
    n_draws: int
    seed: int

    def count(self, verdict: Outcome) -> int:
        """Count the claims with a verdict."""
        return sum(claim.verdict == verdict for claim in self.claims)


QUANTITIES: dict[str, Callable[..., Estimate]] = {
    quantity.__name__: quantity
    for quantity in (
        places.place,
        places.place_by_rating,
        places.worst_place,
        places.share_in_end,
        places.lead,
        places.clear_lead,
        places.beyond_middle,
        places.mean_rank,
        places.rank_spread,
        places.excess_rank_spread,
        places.spread_place,
        models.tier_spread,
        models.tier_gap,
        models.tier_ratio,
        models.tier_beside_chance,
        models.spearman_summary,
        models.pair_place,
        models.group_lead,
        models.group_beside_tightest,
        models.group_without_noise,
        models.extreme_rating,
        models.explained,
        models.component_share,
        models.difference_noise,
    )
}
"""What a claim can be about, by the name that the table of claims uses."""


@on_one_thread
def check_claims(
    profiles: Sequence[Profile], *, n_draws: int = 2000, seed: int = 0
) -> CheckedClaims:
    """Check every claim of the published study on the profiles of its models.

    Parameters
    ----------
    profiles : sequence of Profile
        `ethogram.ratings.rate.reference_profiles()`, or others with the same names.
    n_draws, seed : int
        Of the simulated repeats behind the intervals.
    """
    study = form_study(profiles, n_draws=n_draws, seed=seed)
    published = {row["key"]: row for row in read_published()}
    return CheckedClaims(
        claims=tuple(_check_claim(row, study, published) for row in read_claims()),
        models=study.cohort.models,
        n_traits=len(study.cohort.traits),
        n=study.cohort.n,
        n_draws=n_draws,
        seed=seed,
    )


def read_published() -> list[dict[str, Any]]:
    """Read the published figures."""
    text = files("ethogram").joinpath("data/reference/published.json").read_text("utf-8")
    figures: list[dict[str, Any]] = json.loads(text)["figures"]
    return figures


def read_claims() -> list[dict[str, Any]]:
    """Read the table of claims."""
    text = files("ethogram").joinpath("data/reference/claims.json").read_text("utf-8")
    claims: list[dict[str, Any]] = json.loads(text)["claims"]
    return claims


_TEXTS = ("id", "topic", "claim", "source", "reading", "found", "limits")


def _check_claim(row: dict[str, Any], study: Study, published: dict[str, Any]) -> CheckedClaim:
    checks = tuple(_check_quantity(one, study, published) for one in row["checks"])
    outcomes = [check.outcome for check in checks if check.outcome is not None]
    return CheckedClaim(
        **{key: row[key] for key in _TEXTS},
        why=published[row["why_from"]]["why"] if "why_from" in row else "",
        checks=checks,
        verdict=decide_claim(outcomes),
    )


def _check_quantity(row: dict[str, Any], study: Study, published: dict[str, Any]) -> Check:
    """Measure one quantity and decide its check."""
    value = row.get("published")
    if isinstance(value, list):
        value = published[value[0]]["values"][value[1]]
    region = read_region(row.get("region"), value)
    measured, reason = _measure(row.get("quantity"), study)
    reason = reason or row.get("reason", "")
    shown_only = region is None and "quantity" in row
    return Check(
        key=row["key"],
        label=row["label"],
        unit=row["unit"],
        region=region,
        published=value,
        measured=measured,
        outcome=None if shown_only else decide_check(None if reason else measured, region),
        reason=reason,
    )


def _measure(quantity: list[Any] | None, study: Study) -> tuple[Estimate | None, str]:
    """Measure a quantity, or say why it cannot be."""
    if quantity is None:
        return None, "not in these data"
    name, *arguments = quantity
    try:
        measured = QUANTITIES[name](study, *arguments)
    except InputError as error:
        return None, str(error)
    # NaN compares false with everything, so it would pass for an interval within noise.
    if not all(math.isfinite(v) for v in (measured.value, measured.low, measured.high)):
        return None, "not defined for these data"
    return measured, ""


def read_region(spec: list[Any] | str | None, published: float | None) -> Region | None:
    """Read which values fit a claim; a published number fits as far as it was rounded."""
    if spec is None:
        return None
    if isinstance(spec, str):
        assert published is not None, "a region of kind 'published' needs a published number"
        half = 0.5 * 10.0 ** -_decimals(published)
        return Region(spec, (published,), published - half, published + half)
    kind, ends = str(spec[0]), [float(end) for end in spec[1:]]
    low, high = {
        "at_most": lambda: (-math.inf, ends[0]),
        "below": lambda: (-math.inf, math.nextafter(ends[0], -math.inf)),
        "at_least": lambda: (ends[0], math.inf),
        "above": lambda: (math.nextafter(ends[0], math.inf), math.inf),
        "between": lambda: (ends[0], ends[1]),
    }[kind]()
    return Region(kind, tuple(ends), low, high)


def _decimals(value: float) -> int:
    """Digits after the point, as the number is written."""
    return len(repr(value).partition(".")[2])


def decide_check(measured: Estimate | None, region: Region | None) -> Outcome:
    """Decide a check by its interval alone; see `RULE`."""
    if measured is None or region is None:
        return Outcome.UNTESTABLE
    if region.low <= measured.low and measured.high <= region.high:
        return Outcome.HOLDS
    if measured.high < region.low or region.high < measured.low:
        return Outcome.FAILS
    return Outcome.NOISE


def decide_claim(outcomes: Sequence[Outcome]) -> Outcome:
    """Decide a claim by its checks; see `RULE`."""
    kinds = set(outcomes)
    if len(kinds) == 1:
        return kinds.pop()
    if Outcome.HOLDS in kinds:
        return Outcome.IN_PART
    return Outcome.FAILS if Outcome.FAILS in kinds else Outcome.NOISE
