"""People's labels in a store: the draw of replies, the queue, and what each person said.

A label that is taken back, or replaced, stays as a row with the time of that. Which replies are
drawn is decided in `ethogram.validity.label_sampling`; this module keeps it.
"""

from __future__ import annotations

import time as clock
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ethogram.engine.requests import USABLE
from ethogram.errors import InputError, guess
from ethogram.store.labellers import labeller_key, spelled_alike
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{status}'" for status in sorted(USABLE))
ANSWERS = ("trait_1", "trait_2", "both", "neither", "unsure")


class LabelItem(NamedTuple):
    """A reply in the queue; `swapped`: its second trait is shown first."""

    place: int
    trial: int
    stratum: int
    shared: bool
    swapped: bool


@dataclass(frozen=True)
class LabelDraw:
    """A draw of replies for people to label.

    Attributes
    ----------
    judge : str
        Whose confidence it is stratified by.
    seed : int
    overlap : float
    strata : tuple of (str, int)
        Name of each stratum, and how many replies it had.
    items : tuple of LabelItem
        In the order asked.
    """

    judge: str
    seed: int
    overlap: float
    strata: tuple[tuple[str, int], ...]
    items: tuple[LabelItem, ...]


class Label(NamedTuple):
    """What a person said of a trial's reply, in the order of the table's columns."""

    trial: int
    labeller: str
    answer: str
    swapped: bool
    time: float
    seconds: float | None = None
    source: str = ""


def keep_draw(store: Store, draw: LabelDraw) -> None:
    """Keep a draw; it is the one that is labelled from now on.

    Labels that are there already stay, and count where their replies are drawn again.
    """
    party, _ = store.parties("judge")[draw.judge]
    with store.planning():
        number = store.write(
            "INSERT INTO label_draw (judge, seed, overlap, drawn) VALUES (?, ?, ?, ?)",
            (party, draw.seed, draw.overlap, clock.time()),
        )
        for stratum, (name, replies) in enumerate(draw.strata):
            store.write(
                "INSERT INTO label_stratum VALUES (?, ?, ?, ?)", (number, stratum, name, replies)
            )
        for item in draw.items:
            store.write("INSERT INTO label_item VALUES (?, ?, ?, ?, ?, ?)", (number, *item))


def read_draw(store: Store) -> LabelDraw | None:
    """Return the last draw; None where nothing was drawn."""
    _, rows = store.query(
        "SELECT d.id, p.name, d.seed, d.overlap FROM label_draw d JOIN party p ON p.id = d.judge "
        "ORDER BY d.id DESC LIMIT 1"
    )
    if not rows:
        return None
    number, judge, seed, overlap = rows[0]
    _, strata = store.query(
        "SELECT name, replies FROM label_stratum WHERE draw = ? ORDER BY stratum", (number,)
    )
    _, items = store.query(
        "SELECT place, trial, stratum, shared, swapped FROM label_item WHERE draw = ? "
        "ORDER BY place",
        (number,),
    )
    made = (LabelItem(p, t, s, bool(shared), bool(swapped)) for p, t, s, shared, swapped in items)
    return LabelDraw(judge, seed, overlap, tuple(map(tuple, strata)), tuple(made))


_COLUMNS = ", ".join(Label._fields)


def read_labels(store: Store) -> list[Label]:
    """Return the labels that stand, in the order given."""
    _, rows = store.query(f"SELECT {_COLUMNS} FROM label WHERE undone IS NULL ORDER BY id")
    return [Label(t, who, what, bool(swapped), *rest) for t, who, what, swapped, *rest in rows]


def add_labels(store: Store, labels: Sequence[Label]) -> int:
    """Keep labels, all or none; returns how many are new or different.

    One by the same person on the same reply replaces the earlier one. Names that differ by case,
    spaces or composition only are one person's; the first spelling in the store stays.

    Raises
    ------
    InputError
        An unknown answer, a labeller without a name, or a trial that is not there.
    """
    for label in labels:
        _check(store, label)
    _, known = store.query("SELECT labeller FROM label GROUP BY labeller ORDER BY min(id)")
    names = spelled_alike((label.labeller for label in labels), (name for (name,) in known))
    labels = [label._replace(labeller=names[label.labeller]) for label in labels]
    changed = 0
    with store.planning():
        for label in labels:
            changed += _put(store, label)
    return changed


def _check(store: Store, label: Label) -> None:
    if label.answer not in ANSWERS:
        raise InputError(
            f"label {label.answer!r}{guess(label.answer, ANSWERS)} on trial {label.trial}: "
            f"expected {', '.join(ANSWERS[:-1])} or {ANSWERS[-1]}"
        )
    if not label.labeller.strip():
        raise InputError(f"the label on trial {label.trial} has no labeller: give a name")
    is_id = 0 <= label.trial < 2**63
    wanted = f"SELECT 1 FROM reply WHERE trial = ? AND status IN ({_USABLE})"
    if not (is_id and store.query(wanted, (label.trial,))[1]):
        raise InputError(f"trial {label.trial} has no reply in {store.path}: it cannot be labelled")


def _put(store: Store, label: Label) -> int:
    """Add one label in place of the same person's earlier one; returns whether it is another."""
    key = (label.trial, label.labeller)
    where = "trial = ? AND labeller = ? AND undone IS NULL"
    _, before = store.query(f"SELECT answer FROM label WHERE {where}", key)
    if before and before[0][0] == label.answer:
        return 0
    store.write(f"UPDATE label SET undone = ? WHERE {where}", (clock.time(), *key))
    store.write(f"INSERT INTO label ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", label)
    return 1


def undo_label(store: Store, labeller: str) -> int | None:
    """Take back a person's last label; returns its trial, None where there is none left.

    Labels of files and of replies that are not in the queue stay: they would not be asked again.
    """
    draw, key = read_draw(store), labeller_key(labeller)
    queue = None if draw is None else {item.trial for item in draw.items}
    _, rows = store.query(
        "SELECT id, trial, labeller FROM label WHERE undone IS NULL AND source = '' "
        "ORDER BY id DESC"
    )
    for number, trial, who in rows:
        if labeller_key(who) == key and (queue is None or trial in queue):
            with store.planning():
                store.write("UPDATE label SET undone = ? WHERE id = ?", (clock.time(), number))
            return int(trial)
    return None


def _whose(labels: Sequence[Label], labeller: str) -> tuple[set[int], set[int]]:
    """Return the trials that a person has labelled, and those that others have."""
    key = labeller_key(labeller)
    mine = {label.trial for label in labels if labeller_key(label.labeller) == key}
    others = {label.trial for label in labels if labeller_key(label.labeller) != key}
    return mine, others


def next_item(
    store: Store, labeller: str, *, taken: Collection[int] = (), first: int | None = None
) -> LabelItem | None:
    """Return what a person is to label next; None at the end of the queue.

    Parameters
    ----------
    taken : collection of int
        Trials that others have before them now; only shared ones are given out all the same.
    first : int, optional
        A trial to show if it is open to this person: the one whose label was taken back.
    """
    draw = read_draw(store)
    if draw is None:
        return None
    mine, others = _whose(read_labels(store), labeller)
    others |= set(taken)
    open_items = [
        item
        for item in draw.items
        if item.trial not in mine and (item.shared or item.trial not in others)
    ]
    found = next((i for i in open_items if i.trial == first), next(iter(open_items), None))
    return None if found is None else _turned(found, labeller)


def _turned(item: LabelItem, labeller: str) -> LabelItem:
    """Show about half of the labellers the two words of an item in the other order."""
    return item._replace(
        swapped=item.swapped ^ bool(zlib.crc32(labeller_key(labeller).encode()) & 1)
    )


def label_progress(store: Store, labeller: str) -> tuple[int, int]:
    """Return how many of the queue a person has labelled, and how many are open to them yet."""
    draw = read_draw(store)
    if draw is None:
        return 0, 0
    mine, others = _whose(read_labels(store), labeller)
    done = sum(item.trial in mine for item in draw.items)
    left = sum(
        item.trial not in mine and (item.shared or item.trial not in others) for item in draw.items
    )
    return done, left


def trial_words(store: Store) -> dict[int, tuple[str, str]]:
    """Return the two words of each trial of the study itself, in the trial's order."""
    _, rows = store.query(
        "SELECT t.id, a.name, b.name FROM trial t JOIN trait a ON a.id = t.trait_1 "
        "JOIN trait b ON b.id = t.trait_2 WHERE t.part = 'main'"
    )
    return {trial: (one, other) for trial, one, other in rows}
