"""The forms that comparisons come in: which column is what, and what a winner's cell says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ethogram.errors import InputError, guess
from ethogram.stimuli.tables.flags import NOTHING
from ethogram.stimuli.tables.names import is_tie

LOST = math.nan  # the outcome of a comparison without a verdict
TIE = 0.5


@dataclass(frozen=True)
class Form:
    """A way to lay out comparisons.

    Attributes
    ----------
    columns : dict of str to tuple of str
        What is read, and the columns that may hold it; the first that is there is used.
    needed : tuple of str
        What must be there, of the keys of `columns`.
    winner : "name", "side" or "score"
        What the winner's cell holds: a trait, "model_a" or "model_b", or 1, 0.5 or 0.
    forgiving : bool
        Whether a winner that is neither trait is an answer that was lost, instead of an error.
    folders : bool
        Whether a folder of files is read too.
    """

    columns: dict[str, tuple[str, ...]]
    needed: tuple[str, ...] = ("trait_1", "trait_2", "winner")
    winner: str = "name"
    forgiving: bool = False
    folders: bool = False


_LABELS: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("model", "judge", "condition", "judge_first", "prompt_id", "weight")
}
_PLAIN = {
    **_LABELS,
    **{name: (name,) for name in ("trait_1", "trait_2", "winner", "p_first", "chars")},
    **{
        name: (name,) for name in ("judging", "trial", "seq", "sample", "wording")
    },  # of our own export
}
_SIDES = {"trait_1": ("trait_1", "model_a"), "trait_2": ("trait_2", "model_b")}

FORMS = {
    "plain": Form(_PLAIN, needed=("model", "trait_1", "trait_2", "winner")),
    "arena": Form(
        {
            "model": ("model",),
            "trait_1": ("model_a", "trait_1"),
            "trait_2": ("model_b", "trait_2"),
            "winner": ("winner",),
            "prompt_id": ("question_id", "conversation_id", "prompt_id", "id"),
            "weight": ("weight",),
        },
        winner="side",
    ),
    "oct": Form(
        {**_LABELS, **_SIDES, "winner": ("answer", "winner")},
        forgiving=True,
        folders=True,
    ),
    "scores": Form({**_LABELS, **_SIDES, "winner": ("outcome", "score", "result")}, winner="score"),
}
_SIDE_WORDS = {  # without case, spaces and signs
    **dict.fromkeys(("modela", "a", "left", "assistanta", "responsea"), 1.0),
    **dict.fromkeys(("modelb", "b", "right", "assistantb", "responseb"), 0.0),
    **dict.fromkeys(("tie", "draw", "both", "neither", "equal"), TIE),
    **dict.fromkeys(("bothbad", "bothgood", "tiebothbad", "tiebothgood"), TIE),
}
_SIGNS = re.compile(r"[\W_]+")


def form_of(name: str) -> Form:
    """Return a form by name.

    Raises
    ------
    InputError
        There is no such form.
    """
    if name not in FORMS:
        raise InputError(f"--as {name!r}{guess(name, FORMS)}: expected one of {', '.join(FORMS)}")
    return FORMS[name]


def fitting(names: Iterable[str]) -> str:
    """Say which other form the columns look like; nothing if none."""
    there = set(names)
    looks = {
        "arena": {"model_a", "model_b", "winner"} <= there,
        "oct": {"trait_1", "trait_2", "answer"} <= there,
        "scores": {"trait_1", "trait_2"} <= there and bool(there & {"outcome", "score", "result"}),
    }
    found = next((name for name, fits in looks.items() if fits), "")
    return f"; for such a file add --as {found}" if found else ""


def outcome_of(winner: str, one: str, two: str, form: Form) -> float | None:
    """Return 1 where `one` won, 0 where `two` did, 0.5 for a tie; NaN if lost, None if neither.

    A program's word for nothing, such as "nan", is a loss, but for "none", which may mean a tie.
    """
    if not winner:
        return LOST
    if form.winner == "score":
        return LOST if _is_nothing(winner) else _score(winner)
    named = {one: 1.0, two: 0.0}.get(winner)
    if form.winner == "side":
        side = _SIDE_WORDS.get(_side(winner))
        if named is not None and side is not None and side != named:
            return None  # a trait called like the other side
        named = side if named is None else named
    if named is not None:
        return named
    if is_tie(winner):
        return TIE
    return LOST if form.forgiving or _is_nothing(winner) else None


def is_side(winner: str) -> bool:
    """Whether a winner is said by its side, as Arena does."""
    return _side(winner) in _SIDE_WORDS


def _side(winner: str) -> str:
    return _SIGNS.sub("", winner.casefold())


def _is_nothing(winner: str) -> bool:
    return winner.casefold() in NOTHING - {"none"}


def _score(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value in (0, TIE, 1) else None
