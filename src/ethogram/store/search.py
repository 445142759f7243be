"""Finding replies: lists of trials by model, trait and disagreement, and a full-text index.

The index is a file of its own in the user's cache, brought up to date as the store grows; the
store is only read.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ethogram.engine.requests import USABLE
from ethogram.errors import StoreError
from ethogram.store.file import SIGN
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))
_CHUNK = 500
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_FORMAT = "2"  # of an index; another is made under another name
_UNSPACED = re.compile(  # letters of scripts that put no space between words, or affix much
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u312f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff])"
)
_SYMBOL = re.compile("[\u00a2-\u00a9\u00ac-\u00b1\u20a0-\u20cf\u2100-\u2bff\U0001f000-\U0001faff]")
_SILENT = re.compile("[\x00-\x1f\u200d\ufe00-\ufe0f]")  # control signs, and how a sign is drawn


def list_replies(
    store: Store, *, model: str = "", trait: str = "", disagreeing: bool = False
) -> list[int]:
    """Return the trials of the study itself that have a reply, by id.

    Parameters
    ----------
    model, trait : str
        Only these; "" for all.
    disagreeing : bool
        Those first on which verdicts differ most, over all judges and orders: by probabilities of
        the first trait, a word counting as 0 or 1.
    """
    spread = """LEFT JOIN (SELECT j.trial AS trial,
        max(coalesce(v.p_first, v.winner = x.trait_1)) - min(coalesce(v.p_first,
        v.winner = x.trait_1)) AS gap
        FROM judging j JOIN verdict v ON v.judging = j.id JOIN trial x ON x.id = j.trial
        WHERE j.part IN ('main', 'order') AND x.part = 'main' GROUP BY j.trial) g ON g.trial = t.id
        """
    _, rows = store.query(
        f"""SELECT t.id FROM trial t JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model
        JOIN trait a ON a.id = t.trait_1 JOIN trait b ON b.id = t.trait_2
        {spread if disagreeing else ""}
        WHERE t.part = 'main' AND r.status IN ({_USABLE}) AND (:m = '' OR m.name = :m)
        AND (:t = '' OR a.name = :t OR b.name = :t)
        ORDER BY {"coalesce(g.gap, -1) DESC," if disagreeing else ""} t.id""",
        {"m": model, "t": trait},
    )
    return [row[0] for row in rows]


def has_trial(store: Store, trial: int) -> bool:
    """Whether there is a trial of this number."""
    is_id = 0 <= trial < 2**63  # what SQLite can hold
    return is_id and bool(store.query("SELECT 1 FROM trial WHERE id = ?", (trial,))[1])


class ReplyIndex:
    """A full-text index of a store's replies and prompts.

    Parameters
    ----------
    store : path
    folder : Path
        Where index files are kept; made if it is not there.
    """

    def __init__(self, store: str | Path, folder: Path) -> None:
        self.store = Path(store).resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be made: {error.strerror}: a search keeps its index there"
            ) from error
        name = hashlib.sha256(_FORMAT.encode() + os.fsencode(self.store)).hexdigest()[:24]
        self.path = folder / f"{name}.fts.db"
        self.progress = (0, 0)
        """Replies of an update that are done, and all of them."""
        self._size = -1

    def is_whole(self) -> bool:
        """Whether the file still has all that the last update left; caches are cleared."""
        if not self.path.exists():
            return False
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as db:
                return bool(db.execute("SELECT count(*) FROM indexed").fetchone()[0] == self._size)
        except sqlite3.Error:
            return False

    def update(self) -> int:
        """Index the replies that are new; returns how many.

        Where replies are gone or were got anew, or the store is another, it is made from scratch.

        Raises
        ------
        StoreError
            The store cannot be read, or the index cannot be written.
        """
        with Store.read(self.store) as store:
            try:
                try:
                    return self._update(store)
                except sqlite3.DatabaseError as error:
                    if not self._discard(error):
                        raise
                    return self._update(store)
            except sqlite3.Error as error:
                raise StoreError(
                    f"{self.path} cannot be written: {error}: remove it and search again"
                ) from error

    def _discard(self, error: sqlite3.Error) -> bool:
        """Remove an index that was cut off or overwritten; another file is not ours to remove."""
        if type(error) is not sqlite3.DatabaseError or not self.path.exists():
            return False  # an OperationalError: it is in use, or cannot be written
        with self.path.open("rb") as file:
            if file.read(len(SIGN)) != SIGN:
                return False
        for ending in ("", "-journal"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        return True

    def _update(self, store: Store) -> int:
        db = self._connect()
        try:
            there = _kept(store)
            known = dict(db.execute("SELECT trial, attempt FROM indexed"))
            same = db.execute("SELECT value FROM meta").fetchone() == (_identity(store),)
            if not same or any(there.get(trial) != attempt for trial, attempt in known.items()):
                _empty(db, _identity(store))
                known = {}
            new = sorted(trial for trial in there if trial not in known)
            for start in range(0, len(new), _CHUNK):
                self.progress = (start, len(new))
                part = new[start : start + _CHUNK]
                _add(db, list(_texts(store, part)), there)
        finally:
            db.close()
        self._size = len(there)
        return len(new)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, timeout=60)
        try:
            for statement in _TABLES:
                db.execute(statement)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def find(self, query: str) -> list[int]:
        """Return the trials whose reply or prompt has all words of a query.

        Words in quotes are a phrase; a star at the end of a word stands for any ending.

        Raises
        ------
        StoreError
            The index cannot be read.
        """
        wanted = fts_query(query)
        if not wanted:
            return []
        try:
            with closing(self._connect()) as db:
                rows = db.execute("SELECT rowid FROM found WHERE found MATCH ?", (wanted,))
                return [row[0] for row in rows]
        except sqlite3.Error as error:
            next_step = "search again" if self._discard(error) else "remove it"
            raise StoreError(f"{self.path} cannot be searched: {error}: {next_step}") from error


_TABLES = (
    "PRAGMA synchronous = OFF",  # it can be made again
    "CREATE TABLE IF NOT EXISTS meta (value TEXT)",
    "CREATE TABLE IF NOT EXISTS indexed (trial INTEGER PRIMARY KEY, attempt INT)",
    "CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5(reply, prompt, content='', "
    "tokenize=\"unicode61 remove_diacritics 2 categories 'L* M* N* Co'\")",
)


def fts_query(query: str) -> str:
    """Write what a person typed in FTS5's language: every word quoted, so that none is a sign."""
    terms = []
    for phrase, word in _TERM.findall(query):
        text = _spaced(phrase or word.rstrip("*"))
        star = "*" if word.endswith("*") else ""
        if re.search(r"[^\W_]", text):
            terms.append('"' + text.replace('"', '""').strip() + '"' + star)
    return " ".join(terms)


def _spaced(text: str) -> str:
    """Part a text into what can be searched for.

    Chinese, Thai and others put no space between words: each letter is a word there, and what is
    searched for a phrase. Symbols such as emoji, which FTS5 passes over, become words of their own.
    """
    text = _SILENT.sub(" ", unicodedata.normalize("NFKC", text))
    text = _SYMBOL.sub(lambda found: f" u{ord(found[0]):x}u ", text)
    return _UNSPACED.sub(r" \1 ", text)


def _identity(store: Store) -> str:
    """What tells a store from another one at the same place."""
    studies = store.studies()
    return str(studies[0]["started"]) if studies else ""


def _empty(db: sqlite3.Connection, identity: str) -> None:
    db.execute("INSERT INTO found (found) VALUES ('delete-all')")
    db.execute("DELETE FROM indexed")
    db.execute("DELETE FROM meta")
    db.execute("INSERT INTO meta VALUES (?)", (identity,))


def _add(
    db: sqlite3.Connection, texts: list[tuple[int, str, str]], attempts: dict[int, int]
) -> None:
    """Add replies, but those that another process has added meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    first, last = texts[0][0], texts[-1][0]
    known = db.execute("SELECT trial FROM indexed WHERE trial BETWEEN ? AND ?", (first, last))
    there = {row[0] for row in known}
    texts = [(t, _spaced(reply), _spaced(prompt)) for t, reply, prompt in texts if t not in there]
    db.executemany("INSERT INTO found (rowid, reply, prompt) VALUES (?, ?, ?)", texts)
    db.executemany("INSERT INTO indexed VALUES (?, ?)", [(t, attempts[t]) for t, _, _ in texts])
    db.execute("COMMIT")


def _kept(store: Store) -> dict[int, int]:
    """Return the attempt behind each usable reply of the study itself."""
    _, rows = store.query(
        f"""SELECT r.trial, coalesce(r.attempt, 0) FROM reply r JOIN trial t ON t.id = r.trial
        WHERE t.part = 'main' AND r.status IN ({_USABLE})"""
    )
    return dict(rows)


def _texts(store: Store, trials: list[int]) -> Iterator[tuple[int, str, str]]:
    """Yield (trial, reply, prompt) with the reply read as everywhere."""
    marks = ", ".join("?" * len(trials))
    _, rows = store.query(
        f"""SELECT t.id, t.model, p.text, s.body, w.text FROM trial t
        JOIN prompt p ON p.id = t.prompt JOIN reply r ON r.trial = t.id
        LEFT JOIN response s ON s.attempt = r.attempt LEFT JOIN written w ON w.trial = t.id
        WHERE t.id IN ({marks}) ORDER BY t.id""",
        trials,
    )
    for trial, model, prompt, body, written in rows:
        yield trial, _reply(store, model, body, written), prompt


def _reply(store: Store, model: int, body: Any, written: str | None) -> str:
    if written is not None:
        return written
    return "" if body is None else store.reading(200, body, party=model).text
