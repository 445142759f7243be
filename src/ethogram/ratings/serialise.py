"""Results as JSON has them: the one place where profiles, shifts and their like are spelt out.

`as_plain` takes any result; `ratings_json` and `shift_json` are the forms of the command line,
whose keys other programs rely on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.profile import Profile
from ethogram.ratings.results import Rated
from ethogram.ratings.shift import Change, Shift


def as_plain(value: Any) -> Any:
    """Turn results into dictionaries, lists, numbers and text; what is not finite becomes None.

    A profile becomes its table of ratings, and a key of several names is joined by "and".
    """
    if isinstance(value, Profile):
        return _table(value)
    if is_dataclass(value):
        return {f.name: as_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {
            " and ".join(k) if isinstance(k, tuple) else k: as_plain(v) for k, v in value.items()
        }
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _key(key: str | tuple[str, ...]) -> str:
    return " and ".join(key) if isinstance(key, tuple) else key


def _table(profile: Profile) -> dict[str, Any]:
    """A profile inside another result: who, and the ratings."""
    rows = profile.frame().select("trait", "rating", "low", "high", "rank").to_dicts()
    return {"model": profile.model, "condition": profile.condition, "ratings": rows}


def ratings_json(rated: Rated) -> dict[str, Any]:
    """Return the JSON form of `ethogram ratings`."""
    return {
        "profiles": [_profile(profile) for profile in rated.profiles],
        "unrated": as_plain(rated.unrated),
        "notes": list(rated.notes),
    }


def _profile(profile: Profile) -> dict[str, Any]:
    names = ("model", "judge", "condition", "method", "n", "lost", "ties", "interval")
    columns = ("trait", "rating", "low", "high", "rank", "n", "mark")
    return {
        **{name: getattr(profile, name) for name in names},
        "reliability": profile.reliability,
        "effects": [{**as_plain(effect), "percent": effect.percent} for effect in profile.effects],
        "caveats": list(profile.caveats),
        "ratings": profile.frame().sort("rank").select(columns).to_dicts(),
    }


def shift_json(shift: Shift) -> dict[str, Any]:
    """Return the JSON form of `ethogram shift`: one row per trait."""
    names = ("before", "after", "stretch", "paired", "n_shared")
    return {
        **{name: getattr(shift, name) for name in names},
        "caveats": list(shift.caveats),
        "shifts": shift.frame().to_dicts(),
    }


def change_json(change: Change) -> dict[str, Any]:
    """Return a difference by columns, in Elo points, in the order of its traits."""
    return {
        "shift": ELO_PER_LOGIT * change.estimate,
        "low": ELO_PER_LOGIT * change.low,
        "high": ELO_PER_LOGIT * change.high,
        "p": change.p,
        "p_adjusted": change.p_adjusted,
    }
