"""Rate many sets of comparisons by the method that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ethogram.errors import DisconnectedError
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.methods import DEFAULT_METHOD, rating_method
from ethogram.ratings.profile import Profile
from ethogram.ratings.threads import on_one_thread


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


@on_one_thread
def rate_all(
    comparisons: Iterable[Comparisons], *, method: str = DEFAULT_METHOD, **options: Any
) -> Rated:
    """Rate each; comparisons that give no common scale are said to be unrated, with the reason."""
    make_profile = rating_method(method)
    rated, unrated = [], []
    for one in comparisons:
        try:
            rated.append(make_profile(one, **options))
        except DisconnectedError as error:
            unrated.append(Unrated.of(one, str(error)))
    return Rated(tuple(rated), tuple(unrated))
