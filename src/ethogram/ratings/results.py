"""Rate many sets of comparisons; the JSON form of what came out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ethogram.errors import DisconnectedError, InputError
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate, rate_elo

METHODS = ("bradley-terry", "elo")


@dataclass(frozen=True)
class Unrated:
    """Comparisons that cannot be rated, and why."""

    model: str
    judge: str
    condition: str
    n: int
    lost: int
    reason: str

    @classmethod
    def of(cls, comparisons: Comparisons, reason: str) -> Unrated:
        """Say of these comparisons why they cannot be rated."""
        return cls(
            comparisons.model,
            comparisons.judge,
            comparisons.condition,
            len(comparisons),
            comparisons.lost,
            reason,
        )


@dataclass(frozen=True)
class Rated:
    """Profiles, as a sequence, and what could not be rated."""

    profiles: tuple[Profile, ...]
    unrated: tuple[Unrated, ...]

    def __iter__(self) -> Iterator[Profile]:
        return iter(self.profiles)

    def __len__(self) -> int:
        return len(self.profiles)

    def __getitem__(self, place: int) -> Profile:
        return self.profiles[place]


def rate_all(
    comparisons: Iterable[Comparisons], *, method: str = "bradley-terry", **options: Any
) -> Rated:
    """Rate each; comparisons that give no common scale are said to be unrated, with the reason."""
    if method not in METHODS:
        raise InputError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    rated, unrated = [], []
    for found in comparisons:
        try:
            profile = (rate if method == "bradley-terry" else rate_elo)(found, **options)
        except DisconnectedError as error:
            unrated.append(Unrated.of(found, str(error)))
        else:
            rated.append(profile)
    return Rated(tuple(rated), tuple(unrated))


def as_json(rated: Rated) -> dict[str, Any]:
    """Return the JSON form of `ethogram ratings`."""
    return {
        "profiles": [_profile_json(profile) for profile in rated.profiles],
        "unrated": [
            {
                "model": u.model,
                "judge": u.judge,
                "condition": u.condition,
                "n": u.n,
                "lost": u.lost,
                "reason": u.reason,
            }
            for u in rated.unrated
        ],
    }


def _profile_json(profile: Profile) -> dict[str, Any]:
    return {
        "model": profile.model,
        "judge": profile.judge,
        "condition": profile.condition,
        "method": profile.method,
        "n": profile.n,
        "lost": profile.lost,
        "ties": profile.ties,
        "interval": profile.interval,
        "reliability": profile.reliability,
        "effects": [
            {
                "name": e.name,
                "estimate": e.estimate,
                "low": e.low,
                "high": e.high,
                "percent": e.percent,
            }
            for e in profile.effects
        ],
        "caveats": list(profile.caveats),
        "ratings": [
            {
                "trait": row["trait"],
                "rating": row["rating"],
                "low": row["low"],
                "high": row["high"],
                "rank": row["rank"],
                "n": row["n"],
            }
            for row in profile.frame().sort("rank").to_dicts()
        ],
    }
