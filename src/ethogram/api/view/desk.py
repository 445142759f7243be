"""The labelling desk: who has which reply before them, and one writer at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic, sleep, time

from ethogram.api.labels import label_card
from ethogram.errors import InputError, StoreError
from ethogram.store.labels import (
    Label,
    LabelItem,
    add_labels,
    label_progress,
    next_item,
    read_draw,
    undo_label,
)
from ethogram.store.store import Store

ANSWERS = ("word_1", "word_2", "both", "neither", "unsure")
PATIENCE = 10.0  # seconds that a label waits for another writer of the store
_LONGEST = 600.0  # seconds; a person who took longer was away


@dataclass
class _Held:
    """What a person has before them, and since when."""

    item: LabelItem
    since: float


@dataclass(frozen=True)
class Card:
    """A reply as it is shown, how far the person is, and whether anything can be undone."""

    trial: int
    texts: dict[str, str]
    done: int
    left: int


@dataclass
class Desk:
    """Hands out replies of one store and keeps what is said of them.

    Parameters
    ----------
    path : Path
    """

    path: Path
    _held: dict[str, _Held] = field(default_factory=dict)
    _again: dict[str, int] = field(default_factory=dict)
    _writing: Lock = field(default_factory=Lock)

    def card(self, labeller: str) -> Card | None:
        """Return what a person is to label now; None at the end of their queue.

        Raises
        ------
        InputError
            Nothing was drawn.
        """
        with self._writing, Store.read(self.path) as store:
            if read_draw(store) is None:
                raise InputError(f"{self.path} has no queue: run `ethogram labels draw` on it")
            others = {
                held.item.trial
                for who, held in self._held.items()
                if who != labeller and monotonic() - held.since < _LONGEST
            }
            item = next_item(store, labeller, taken=others, first=self._again.get(labeller))
            if item is None:
                self._held.pop(labeller, None)
                return None
            held = self._held.get(labeller)
            if held is None or held.item != item:
                self._held[labeller] = _Held(item, monotonic())
            return Card(item.trial, label_card(store, item), *label_progress(store, labeller))

    def progress(self, labeller: str) -> tuple[int, int]:
        """Return how many replies a person has labelled, and how many are open to them."""
        with Store.read(self.path) as store:
            return label_progress(store, labeller)

    def answer(self, labeller: str, trial: int, answer: str) -> None:
        """Keep what a person says of the reply before them; of another reply, nothing is kept."""
        if answer not in ANSWERS:
            raise InputError(f"answer {answer!r}, expected one of {', '.join(ANSWERS)}")
        with self._writing:
            held = self._held.get(labeller)
            if held is None or held.item.trial != trial:
                return  # a page that was sent twice, or an old one
            item = held.item
            words = ("trait_2", "trait_1") if item.swapped else ("trait_1", "trait_2")
            kept = dict(zip(ANSWERS, words, strict=False)).get(answer, answer)
            seconds = min(monotonic() - held.since, _LONGEST)
            label = Label(trial, labeller, kept, item.swapped, time(), round(seconds, 2))
            with _open(self.path) as store:
                add_labels(store, [label])
            self._held.pop(labeller)
            self._again.pop(labeller, None)

    def undo(self, labeller: str) -> None:
        """Take back a person's last label, and show its reply again."""
        with self._writing:
            with _open(self.path) as store:
                trial = undo_label(store, labeller)
            self._held.pop(labeller, None)
            if trial is not None:
                self._again[labeller] = trial


def _open(path: Path) -> Store:
    """Open a store for writing, waiting for another writer to end."""
    until = monotonic() + PATIENCE
    while True:
        try:
            return Store.open(path)
        except StoreError as error:
            if "in use" not in str(error) or monotonic() > until:
                raise
            sleep(0.05)
