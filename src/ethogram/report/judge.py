"""What a report says of its judges; the validity measurements hand theirs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ethogram.analysis.judges import JudgesCompared
from ethogram.design import Condition
from ethogram.report.words import every, listed, sentence_case
from ethogram.validity.accuracy import JudgeAccuracy
from ethogram.validity.controls import NetProfile
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
        How many of the first sentences say whether judges, and the order found, can be believed.
    claim : str
        The head of the section, where the checks carry one.
    blind : tuple of str
        Judges that were tested and not shown to be above chance.
    """

    tested: bool
    sentences: tuple[str, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    banner: int = 1
    claim: str = ""
    blind: tuple[str, ...] = ()

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
    names = list(dict.fromkeys(judge for judge in judges if judge))
    named = " or ".join(names)
    return JudgeAccount(
        tested=False,
        sentences=(
            "no reply written to show a known trait was given to "
            f"{named or 'the judge'}, so this report cannot say how often the verdicts are right, "
            "or whether they are better than chance.",
        ),
        claim=f"The {'judges have' if len(names) > 1 else 'judge has'} not been tested",
    )


def judge_account(validity: Validity, *, only: str | None = None) -> JudgeAccount:
    """Return what a report says of its judges, or of one, from the checks that were run."""
    if only is not None:
        validity = _of_judge(validity, only)
    tested = [j for j in validity.judges if j.tested]
    by_coin = _by_coin(validity.nets)
    sentences = [*by_coin, *_other_checks(validity.judges)]
    sentences += validity.agreement.findings() if validity.agreement is not None else []
    sentences += [f"{n.profile.model}, {n.profile.condition}: {n.sentence}" for n in validity.nets]
    if not tested:
        account = untested([j.judge for j in validity.judges])
        return replace(account, sentences=(*account.sentences, *sentences))
    return JudgeAccount(
        tested=True,
        sentences=(*(j.sentence for j in validity.judges), *sentences, *validity.notes),
        banner=len(validity.judges) + len(by_coin),
        claim=_claim(tested),
        blind=tuple(j.judge for j in tested if not (_few(j) or _above_chance(j))),
        columns=COLUMNS,
        rows=tuple(row for j in tested for row in _rows(j)),
        caption=" ".join([*_captions(tested), CAPTION, *_doubt(tested)]),
    )


def _by_coin(nets: Sequence[NetProfile]) -> list[str]:
    """Say whose order stays much the same where it is told to choose by chance: no preference."""
    found = [
        net
        for net in nets
        if net.control.condition == Condition.RANDOM and net.left.low > MUCH_REMAINS
    ]
    if not found:
        return []
    models = listed([*dict.fromkeys(net.profile.model for net in found)])
    shares = listed([net.left.interval for net in found])
    return [
        f"Told to choose by the toss of a coin, {models} gave much the same ratings "
        f"({shares} of a lead between two traits remains): their order says little about "
        "preference."
    ]


MUCH_REMAINS = 0.5
"""Of a lead between two traits: where clearly more than half is there without a preference."""
COLUMNS = (
    "judge",
    "replies",
    "found the trait",
    "verdicts",
    "leans toward the trait shown first",
    "acted, net of the judge’s errors",
)
CAPTION = "95% intervals in brackets, clustered by reply or prompt. Chance is 50%."
ON_CHOSEN = (
    "A judge may err more on the replies that are rated, which show their trait less plainly."
)


def _captions(tested: Sequence[JudgeValidity]) -> list[str]:
    """Say what the replies are whose trait is known."""
    said = []
    if any(j.labels is not None for j in tested):
        said.append(
            "Chosen replies are those that are rated; people said which trait they show, and each "
            "counts for as many as it stands for in the draw."
        )
    if any(j.sight is not None for j in tested):
        said.append("Written replies were made to show one trait: they try the judge alone.")
    if any(j.accuracy is not None for j in tested):
        said.append(
            "Planted replies are a model’s that was told to show one trait: whether the judge "
            "finds it depends on whether the model can act it."
        )
    return said


def _doubt(tested: Sequence[JudgeValidity]) -> list[str]:
    """Say what is not known where nobody labelled chosen replies."""
    return [] if all(j.labels is not None for j in tested) else [ON_CHOSEN]


def _rows(judge: JudgeValidity) -> list[tuple[str, ...]]:
    """Return what a judge made of written replies, and of each model's planted ones."""
    rows: list[tuple[str, ...]] = []
    if judge.labels is not None:
        found = judge.labels
        name = f"chosen, labelled by {_people(found.labellers)}"
        rows.append((judge.judge, name, found.overall.percent, f"{found.n:,}", "", ""))
    if judge.sight is not None:
        rows.append(_row(judge.judge, "written", judge.sight.accuracy))
    for model, acting in judge.acting.items():
        rows.append(_row(judge.judge, f"planted, {model}", acting.plants, acting.said))
    if not judge.acting and judge.accuracy is not None:
        rows.append(_row(judge.judge, "planted", judge.accuracy))
    return rows


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _row(judge: str, replies: str, found: JudgeAccuracy, acted: str = "") -> tuple[str, ...]:
    return (judge, replies, found.overall.percent, f"{found.n:,}", found.lean.percent, acted)


def _of_judge(validity: Validity, name: str) -> Validity:
    """Return what the checks say of this judge; it agrees with no other then."""
    return replace(
        validity,
        judges=tuple(j for j in validity.judges if j.judge == name),
        agreement=None,
        nets=tuple(n for n in validity.nets if n.profile.judge == name),
    )


def _above_chance(judge: JudgeValidity) -> bool:
    return judge.known is not None and judge.known.above_chance


def _few(judge: JudgeValidity) -> bool:
    """Whether the replies whose trait is known are too few to tell."""
    return judge.known is not None and bool(judge.known.overall.few)


def _claim(tested: Sequence[JudgeValidity]) -> str:
    """Say whether the tested judges are better than chance, in the head of the section."""
    if any(_few(j) for j in tested):
        return "Too few replies have a known trait to test " + (
            "the judge" if len(tested) == 1 else "every judge"
        )
    able = [j.judge for j in tested if _above_chance(j)]
    known = tested[0].known
    if len(tested) == 1 and known is not None:
        if able and known.source == "labels":
            return f"The judge names what people see in {known.overall.percent} of chosen replies"
        if able and known.source == "exemplars":
            return f"The judge finds the trait in {known.overall.percent} of written replies"
        if able:
            return f"The judge finds the planted trait in {known.overall.percent} of replies"
        return "The judge was not shown to be better than chance"
    if len(able) == len(tested):
        return f"{sentence_case(every(len(able), 'judge'))} that were tested beat chance"
    if not able:
        return "No judge was shown to be better than chance"
    beat = "beats" if len(able) == 1 else "beat"
    unable = [j.judge for j in tested if not _above_chance(j)]
    was = "was" if len(unable) == 1 else "were"
    return f"{listed(able)} {beat} chance; {listed(unable)} {was} not shown to"


def _other_checks(judges: Sequence[JudgeValidity]) -> list[str]:
    """What the checks besides accuracy found; one of several judges is named each time."""
    return [
        f"{judge.judge}: {text}" if len(judges) > 1 else text
        for judge in judges
        for text in judge.findings()
    ]
