"""What a report says of its judges; the validity measurements hand theirs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ethogram.analysis.judges import JudgesCompared
from ethogram.validity.measure import NOT_TESTED, JudgeValidity, Validity

JUDGES_CANNOT_SHOW = (
    "Agreement is not truth: judges that err in the same way agree with each other. They read the "
    "same replies, so what chance put into these replies is in both profiles, and their "
    "agreement says nothing of it. Nor does a difference in points say who is right: it also "
    "grows where one judge's ratings merely lie further apart, with the traits in the same order."
)
"""Stands beneath every comparison of judges."""


@dataclass(frozen=True)
class JudgeAccount:
    """How far the judges' verdicts can be believed, in plain words and a table.

    Attributes
    ----------
    tested : bool
        Whether a judge was given replies whose trait is known.
    sentences : tuple of str
        The first ones are repeated among the findings (`banner`); where no judge was tested the
        first follows the words "judge not tested:", which the page sets in bold.
    columns : tuple of str
    rows : tuple of tuple of str
        One row per judge or measurement, as many cells as there are columns.
    caption : str
        What n is and what the intervals are.
    banner : int
        How many of the first sentences say whether a judge can be believed, all judges together.
    """

    tested: bool
    sentences: tuple[str, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    banner: int = 1

    @property
    def opening(self) -> str:
        """The first sentence, which where no judge was tested begins by saying so."""
        return self.sentences[0] if self.tested else f"{NOT_TESTED}: {self.sentences[0]}"

    @property
    def headline(self) -> str:
        """Whether the judges can be believed, every one of them."""
        return " ".join([self.opening, *self.sentences[1 : self.banner]])


def judge_rows(compared: Sequence[JudgesCompared]) -> list[tuple[str, str, JudgesCompared]]:
    """Name the model of each comparison (and its condition, if there are several) and the two."""
    several = len({two.condition for two in compared}) > 1
    return [
        (
            f"{two.model}, {two.condition}" if several else two.model,
            " and ".join(two.judges),
            two,
        )
        for two in compared
    ]


def untested(judges: Sequence[str]) -> JudgeAccount:
    """Return the account of judges that were given no reply with a known trait."""
    named = " or ".join(dict.fromkeys(judge for judge in judges if judge))
    return JudgeAccount(
        tested=False,
        sentences=(
            "no reply written to show a known trait was given to "
            f"{named or 'the judge'}, so this report cannot say how often the verdicts are right, "
            "or whether they are better than chance.",
        ),
    )


def judge_account(validity: Validity) -> JudgeAccount:
    """Return what a report says of its judges, from the checks that were run."""
    tested = [j for j in validity.judges if j.tested]
    sentences = _other_checks(validity.judges)
    sentences += validity.agreement.findings() if validity.agreement is not None else []
    sentences += [f"{n.profile.model}, {n.profile.condition}: {n.sentence}" for n in validity.nets]
    if not tested:
        first = untested([j.judge for j in validity.judges]).sentences
        return JudgeAccount(tested=False, sentences=(*first, *sentences))
    rows = [
        (j.judge, j.accuracy.overall.percent, f"{j.accuracy.n:,}", j.accuracy.lean.percent)
        for j in tested
        if j.accuracy is not None
    ]
    return JudgeAccount(
        tested=True,
        sentences=(*(j.sentence for j in validity.judges), *sentences, *validity.notes),
        banner=len(validity.judges),
        columns=(
            "judge",
            "found the planted trait",
            "replies",
            "leans toward the trait shown first",
        ),
        rows=tuple(rows),
        caption="Replies whose model was told to show one named trait; 95% intervals in brackets, "
        "clustered by prompt. Chance is 50%. A planted reply is acted, and often stronger than a "
        "chosen one, so the judge may err more on the replies that are rated.",
    )


def _other_checks(judges: Sequence[JudgeValidity]) -> list[str]:
    """What the checks besides accuracy found; one of several judges is named each time."""
    return [
        f"{judge.judge}: {text}" if len(judges) > 1 else text
        for judge in judges
        for text in judge.findings()
    ]
