"""Searching replies while their index is made: one thread per store, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

from ethogram.api.view.shelf import store_state
from ethogram.store.search import ReplyIndex

PATIENCE = 1.5
"""Seconds that a search waits for the index before it says how far that is."""


@dataclass(frozen=True)
class Indexing:
    """An index that is not ready: replies that are in it, and all."""

    done: int
    total: int


@dataclass
class _Work:
    """The index of one store, and the thread that brings it up to date."""

    index: ReplyIndex
    thread: Thread | None = None
    state: tuple[float, int] | None = None
    error: Exception | None = None

    def run(self, state: tuple[float, int]) -> None:
        """Bring the index up to date with a state of the store."""
        try:
            self.index.update()
            self.state = state
        except Exception as error:  # a thread's error is lost unless it is handed over
            self.error = error


@dataclass
class Searches:
    """The indexes of some stores, each brought up to date where its store has changed.

    Parameters
    ----------
    cache : Path
        Where index files are kept.
    """

    cache: Path
    _works: dict[Path, _Work] = field(default_factory=dict)
    _starting: Lock = field(default_factory=Lock)

    def find(self, path: Path, words: str) -> set[int] | Indexing:
        """Return the trials with these words, or how far the index is.

        Raises
        ------
        StoreError
            The store cannot be read, or the index cannot be written.
        """
        with self._starting:
            work = self._works.setdefault(path, _Work(ReplyIndex(path, self.cache)))
            state = store_state(path)
            if work.thread is None and (work.state != state or not work.index.is_whole()):
                work.thread = Thread(target=work.run, args=(state,), daemon=True)
                work.thread.start()
            thread = work.thread
        if thread is not None:
            thread.join(PATIENCE)
            if thread.is_alive():
                return Indexing(*work.index.progress)
            work.thread = None
        if work.error is not None:
            error, work.error = work.error, None
            raise error
        return set(work.index.find(words))
