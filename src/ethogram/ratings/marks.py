"""Marks on traits whose rating says little about preference, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping

NOT_SEEN = "not seen"
NOT_ACTED = "not acted"
NOT_FOUND = "not found"

SIGNS = {NOT_SEEN: "\N{DAGGER}", NOT_ACTED: "\N{DOUBLE DAGGER}", NOT_FOUND: "\N{SECTION SIGN}"}
MEANINGS = {
    NOT_SEEN: "the judge is not shown to see it in written replies",
    NOT_ACTED: "the model is not shown to act it when told to",
    NOT_FOUND: "the judge does not find it where it was planted: it cannot see it, or the model "
    "cannot act it",
}
SO = "Such a rating says little about preference."
_NAMED = 12  # traits that are named; of more, how many there are


def with_sign(trait: str, mark: str) -> str:
    """Return a trait with the sign of its mark, if it has one."""
    return f"{trait} {SIGNS[mark]}" if mark else trait


def explain_marks(marks: Mapping[str, str]) -> str:
    """Say what the marks of a profile mean and which traits bear them; "" where none does."""
    parts = []
    for mark, sign in SIGNS.items():
        traits = [trait for trait, said in marks.items() if said == mark]
        if traits:
            named = ", ".join(traits[:_NAMED])
            more = f" and {len(traits) - _NAMED:,} more" if len(traits) > _NAMED else ""
            parts.append(f"{sign} {mark}: {MEANINGS[mark]} ({named}{more}).")
    return " ".join([*parts, SO]) if parts else ""
