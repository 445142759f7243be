"""Views: the profiles of one judge under one condition.

Models are compared within a view only. Between views the judge or the question differs too, and
what differs with them is not a difference between models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethogram.errors import InputError, guess

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class View:
    """Where the profiles of one judge and condition stand among those given.

    Attributes
    ----------
    judge, condition : str
    places : tuple of int
    planned : int
        Comparisons behind all of these profiles, those without a verdict included.
    """

    judge: str
    condition: str
    places: tuple[int, ...]
    planned: int


DEFAULT_RULE = "the most planned comparisons, the first where equal"
"""Which view stands first, in plain words."""


def split_views(profiles: Sequence[Profile]) -> tuple[View, ...]:
    """Split profiles by judge and condition.

    Returns
    -------
    tuple of View
        First the one with the most planned comparisons (of equal ones the first), then the
        others in the order of the profiles.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for i, p in enumerate(profiles):
        found.setdefault((p.judge, p.condition), []).append(i)
    views = [
        View(judge, condition, tuple(at), sum(profiles[i].n + profiles[i].lost for i in at))
        for (judge, condition), at in found.items()
    ]
    first = max(views, key=lambda view: view.planned, default=None)
    return (*[v for v in views if v is first], *[v for v in views if v is not first])


def differ_in(views: Sequence[View]) -> tuple[str, ...]:
    """In which of "judge" and "condition" the views differ."""
    return tuple(
        thing for thing in ("judge", "condition") if len({getattr(v, thing) for v in views}) > 1
    )


def name_views(views: Sequence[View]) -> tuple[str, ...]:
    """Name each view by what the views differ in; one alone has an empty name."""
    things = differ_in(views)
    return tuple(", ".join(getattr(v, thing) or f"no {thing}" for thing in things) for v in views)


def caption_views(views: Sequence[View]) -> tuple[str, ...]:
    """Say a sentence on each view, such as "Judged by glm."; one alone has none."""
    words = {"judge": "judged by", "condition": "condition"}
    unnamed = {"judge": "judge not named", "condition": "condition not named"}
    parts = [
        "; ".join(
            f"{words[t]} {getattr(v, t)}" if getattr(v, t) else unnamed[t] for t in differ_in(views)
        )
        for v in views
    ]
    return tuple(f"{text[0].upper()}{text[1:]}." if text else "" for text in parts)


def pick_view(
    views: Sequence[View], judge: str | None = None, condition: str | None = None
) -> View:
    """Return the view of this judge and condition with the most planned comparisons; None is any.

    Raises
    ------
    InputError
        There is none.
    """
    fit = [
        view
        for view in views
        if judge in (None, view.judge) and condition in (None, view.condition)
    ]
    if fit:
        return max(fit, key=lambda view: view.planned)
    wanted = [
        f"{k} {v!r}{guess(v, [getattr(view, k) for view in views])}"
        for k, v in (("judge", judge), ("condition", condition))
        if v
    ]
    there = "; ".join(f"judge {v.judge!r}, condition {v.condition!r}" for v in views)
    raise InputError(f"no profile of {' and '.join(wanted)} is there; expected one of {there}")


def say_view(
    views: Sequence[View], view: View, judge: str | None = None, condition: str | None = None
) -> str:
    """Say which of several views is used and which others there are; "" for one alone.

    Where it was not wholly named, by this judge and condition, the reason for it is said too.
    """
    if len(views) == 1:
        return ""
    names = dict(zip(views, name_views(views), strict=True))
    things = differ_in(views)
    what, named = " and ".join(things), {"judge": judge, "condition": condition}
    why = f" ({DEFAULT_RULE})" if any(named[thing] is None for thing in things) else ""
    others = "; ".join(name for other, name in names.items() if other is not view)
    return f"Compared within one {what}: {names[view]}{why}. Others: {others}."


def check_one_view(profiles: Sequence[Profile]) -> None:
    """Check that profiles may be compared as models.

    Raises
    ------
    InputError
        They are of several judges or conditions.
    """
    views = split_views(profiles)
    if len(views) > 1:
        things = " and ".join(differ_in(views))
        raise InputError(
            f"the profiles are of more than one {things} ({'; '.join(name_views(views))}), "
            "expected one: between them, models cannot be told from judges or conditions"
        )
