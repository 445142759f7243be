"""People's labels: draw replies, hand them out as a file, take labels back, see what they say."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ethogram.api.label_rows import read_label_rows, text_cell
from ethogram.errors import InputError
from ethogram.report.evidence import without_thoughts
from ethogram.stimuli.tables.written import check_outputs, partial_file
from ethogram.store.labels import (
    Label,
    LabelDraw,
    LabelItem,
    add_labels,
    keep_draw,
    read_draw,
    read_labels,
    trial_words,
)
from ethogram.store.read import read_trials
from ethogram.store.store import Store
from ethogram.validity.accuracy import judge_accuracy
from ethogram.validity.label_results import chosen_verdicts, plan_labels
from ethogram.validity.label_sampling import OVERLAP
from ethogram.validity.labels import LABEL_LIMIT, LabelAccuracy, labels_needed
from ethogram.validity.proportions import FEWEST, Estimate
from ethogram.validity.results import StoreResults

COLUMNS = ("place", "trial", "shared", "message", "reply", "word_1", "word_2", "label", "labeller")
"""Of an exported queue; `label` and `labeller` are empty, for people to fill in."""

_UNREVEALED = 200_000  # characters of a text in a queue


def draw_labels(
    store: str | Path,
    size: int = 200,
    *,
    judge: str | None = None,
    models: Sequence[str] = (),
    overlap: float = OVERLAP,
    seed: int = 0,
) -> LabelDraw:
    """Draw chosen replies for people to label, and keep the queue in the store.

    A larger draw with the same seed begins with the replies of the smaller one, as long as the
    study has no new replies: so a queue is made longer. Labels that are there stay.

    Parameters
    ----------
    store : path
    size : int
    judge : str, optional
        Whose verdicts people are to be the yardstick of; else the first.
    models : sequence of str
        Only their replies; else all.
    overlap : float
        Share of the queue that every labeller is asked about.
    seed : int

    Raises
    ------
    InputError
        An unknown judge or model, or no reply with a verdict.
    """
    with Store.open(store) as opened:
        draw = plan_labels(
            StoreResults(opened), size, judge=judge, models=models, overlap=overlap, seed=seed
        )
        keep_draw(opened, draw)
    return draw


def label_card(store: Store, item: LabelItem) -> dict[str, str]:
    """Return what a person sees of a reply: message, reply and the two words, and nothing else."""
    record = read_trials(store, [item.trial], chars=_UNREVEALED)[0]
    words = [record["trait_1"], record["trait_2"]]
    if item.swapped:
        words.reverse()
    reply = without_thoughts(record["reply"] or "")
    return {"message": record["prompt"], "reply": reply, "word_1": words[0], "word_2": words[1]}


def export_labels(store: str | Path, out: str | Path, *, force: bool = False) -> int:
    """Write the queue as CSV, blinded, for labels made elsewhere; returns how many rows.

    Raises
    ------
    InputError
        Nothing was drawn, or the file is not ethogram's.
    """
    out = Path(out)
    if out.suffix.lower() != ".csv":
        raise InputError(f"{out}: a queue is written as CSV; name a file that ends in .csv")
    check_outputs([out], force=force, columns=list(COLUMNS))
    with Store.read(store) as opened:
        draw = _draw_of(opened)
        text = io.StringIO()
        rows = csv.DictWriter(text, COLUMNS, restval="")
        rows.writeheader()
        for item in draw.items:
            place = {"place": item.place + 1, "trial": item.trial, "shared": int(item.shared)}
            card = label_card(opened, item)
            rows.writerow({**place, **{name: text_cell(text) for name, text in card.items()}})
    with partial_file(out) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8", newline="")
    return len(draw.items)


def _draw_of(store: Store) -> LabelDraw:
    draw = read_draw(store)
    if draw is None:
        raise InputError(
            f"{store.path} has no replies drawn to be labelled: run `ethogram labels draw` first"
        )
    return draw


def import_labels(store: str | Path, source: str | Path, *, labeller: str | None = None) -> int:
    """Take labels from a table: columns trial, label, and labeller unless it is given.

    A label is one of the trial's two words, or both, neither, unsure (can't tell). Rows without a
    label are passed over. Optional columns: seconds, word_1 and word_2 (to check the trial by).

    Returns
    -------
    int
        How many labels are new or changed.

    Raises
    ------
    InputError
        A row that cannot be read; nothing is kept then.
    """
    source = Path(source)
    with Store.open(store) as opened:
        return add_labels(opened, read_label_rows(source, trial_words(opened), labeller))


@dataclass(frozen=True)
class LabelStatus:
    """What labels there are, and what they say of each judge.

    Attributes
    ----------
    drawn : int
        Replies in the queue.
    labelled : int
        Of these, with a label.
    by_labeller : mapping of str to int
        Labels of each person.
    seconds : float or None
        Median seconds per label, where known.
    judges : tuple of LabelAccuracy
    needed : mapping of judge to int
        Labels that are still needed for the wanted half width.
    unlabelled : mapping of judge to int
        Chosen replies with a verdict of the judge and without a label: all that can be labelled.
    half_width : float
    """

    drawn: int
    labelled: int
    by_labeller: Mapping[str, int]
    seconds: float | None
    judges: tuple[LabelAccuracy, ...]
    needed: Mapping[str, int]
    unlabelled: Mapping[str, int]
    half_width: float

    def sentences(self) -> Iterator[str]:
        """Say it in plain words."""
        pace = f", {self.seconds:.0f} seconds per label (median)" if self.seconds else ""
        yield f"{self.labelled:,} of {self.drawn:,} drawn replies are labelled{pace}."
        for who, n in self.by_labeller.items():
            yield f"{who}: {n:,} label{'' if n == 1 else 's'}."
        points = f"\u00b1{100 * self.half_width:g} points"
        for found in self.judges:
            yield f"{found.judge}: {found.sentence}"
            yield from (f"{found.judge}: {text}" for text in found.findings())
        for judge, n in self.needed.items():
            if not n:
                yield f"{judge}: the interval is within {points}."
                continue
            more = f"{n:,} more {'reply' if n == 1 else 'replies'}"
            there = self.unlabelled[judge]
            short = f"; the study has {there:,} without a label" if n > there else ""
            yield f"{judge}: {more} to label for an interval of {points}{short}."


def read_label_status(store: str | Path, *, half_width: float = 0.05) -> LabelStatus:
    """Say what labels a store has, what they say of its judges, and how many are still needed."""
    with StoreResults.open(store) as results:
        draw, labels = read_draw(results.store), read_labels(results.store)
        drawn = {item.trial for item in draw.items} if draw else set()
        times = sorted(label.seconds for label in labels if label.seconds is not None)
        found = {name: results.beside_people(name) for name in results.judges}
        return LabelStatus(
            drawn=len(drawn),
            labelled=len(drawn & {label.trial for label in labels}),
            by_labeller=dict(Counter(label.labeller for label in labels)),
            seconds=times[len(times) // 2] if times else None,
            judges=tuple(one for one in found.values() if one is not None),
            needed={name: _needed(results, name, one, half_width) for name, one in found.items()},
            unlabelled={name: _unlabelled(results, name, labels) for name in found},
            half_width=half_width,
        )


def _needed(
    results: StoreResults, judge: str, found: LabelAccuracy | None, half_width: float
) -> int:
    """Return how many more labels a judge needs, by labels, or by plants where there are none."""
    have = found.n if found is not None else 0
    half = (found.overall.high - found.overall.low) / 2 if found is not None else 1.0
    if have >= FEWEST and half <= half_width:
        return 0
    if found is not None and have >= LABEL_LIMIT:
        more = labels_needed(half_width, accuracy=found.overall.estimate, n=have, half=half)
        return max(1, more)
    plants = results.plants(judge)
    known: Estimate | None = judge_accuracy(plants).overall if plants is not None else None
    likely = known.estimate if known is not None and known.n else 0.75
    more = labels_needed(half_width, accuracy=likely) - have
    return more if more > 0 else max(1, LABEL_LIMIT - have)  # fewer are not told


def _unlabelled(results: StoreResults, judge: str, labels: Sequence[Label]) -> int:
    """How many chosen replies have a verdict of a judge, but no label."""
    rows = chosen_verdicts(results, judge)
    judged = set(rows.trial[rows.code >= 0].tolist()) if len(rows) else set()
    return len(judged - {label.trial for label in labels})
