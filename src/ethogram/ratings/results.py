"""Rate many sets of comparisons by the method that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ethogram.errors import DisconnectedError, NotConverged
from ethogram.ratings.budget import correlations_fit
from ethogram.ratings.cards import card_html, card_text
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.methods import DEFAULT_METHOD, rating_method
from ethogram.ratings.phases import part
from ethogram.ratings.profile import Profile
from ethogram.ratings.summaries import rated_card, rated_line
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
    """Profiles, as a sequence, what could not be rated, and notes on the file they are from."""

    profiles: tuple[Profile, ...]
    unrated: tuple[Unrated, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return rated_line(self)

    def __str__(self) -> str:
        return card_text(rated_card(self))

    def _repr_html_(self) -> str:
        return str(card_html(rated_card(self)))

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
    several = list(comparisons)
    for i, one in enumerate(several):
        with part(f"{one.model or 'profile'}, {i + 1} of {len(several)}"):
            try:
                rated.append(keep_what_fits(make_profile(one, **options), len(several)))
            except (DisconnectedError, NotConverged) as error:
                unrated.append(Unrated.of(one, str(error)))
    notes = dict.fromkeys(note for one in several for note in one.source_notes)
    return Rated(tuple(rated), tuple(unrated), tuple(notes))


def keep_what_fits(profile: Profile, n_profiles: int) -> Profile:
    """Drop the correlations of a profile where so many such profiles take too much memory."""
    if profile.covariance.ndim == 1 or correlations_fit(len(profile.traits), n_profiles):
        return profile
    return replace(profile, covariance=profile.variances.copy())  # its caveats follow
