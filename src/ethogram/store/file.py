"""The store's file: its lock, its connections, and the migrations that bring it up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from ethogram.errors import StoreError
from ethogram.stimuli.tables.contents import foreign_content
from ethogram.stimuli.tables.records import SUFFIXES

SIGN = b"SQLite format 3\x00"

APPLICATION_ID = 0x45544847  # "ETHG"
PAGE = 16384  # bytes; of the usual 4,096 a request or response of 3 kB wastes the rest
READ_CACHE = 65536  # kB; all but requests and responses of a study of 100,000 trials


class Lock:
    """An advisory lock beside the store, held while a process may write it."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._take(path)
        while not self._is_ours():  # its holder removed it between our opening and locking it
            self._file.close()
            self._take(path)
        self._file.seek(0)
        if (content := self._file.read(40)).strip() and not content.strip().isdigit():
            self._file.close()
            raise StoreError(
                f"{self._path} is not an ethogram lock: move it, or name another store"
            )
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def _take(self, path: Path) -> None:
        """Open and lock the file.

        Raises
        ------
        StoreError
            Another process holds it, or the folder cannot be written.
        """
        try:
            self._file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        try:
            _lock_file(self._file.fileno())
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StoreError(
                f"{path} is in use by another ethogram (process {holder}): wait for it to end"
            ) from None

    def release(self) -> None:
        """Let others write."""
        with suppress(PermissionError):  # Windows does not remove an open file: it stays
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _is_ours(self) -> bool:
        """Whether the file that was locked is still the one that others would lock."""
        try:
            return self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino
        except OSError:
            return False


def _lock_file(number: int) -> None:
    """Lock an open file or raise OSError at once."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that writes durably: a commit is on the disk when it returns."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute(f"PRAGMA page_size = {PAGE}")  # of a new file; another keeps its own
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def check_kind(path: Path) -> None:
    """Refuse what is there but is no store, and say what it is.

    Raises
    ------
    StoreError
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise StoreError(f"{path} is {what}, expected a store (STEM.db) or a comparison file")
    try:
        with path.open("rb") as file:
            start = file.read(400)
    except OSError as error:
        raise StoreError(f"{path} cannot be read as a store: {error.strerror}") from error
    if start and not start.startswith(SIGN):
        holds = foreign_content(start)
        hint = f"it holds {holds}" if holds else "a store is called STEM.db"
        raise StoreError(
            f"{path} cannot be read as a store: file is not a database; {hint}; "
            f"comparison files end in {', '.join(SUFFIXES)} (also .gz)"
        )


def has_sign(path: Path) -> bool:
    """Whether a file begins as a store does, whatever became of the rest; or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return True
    return head.startswith(SIGN) and head[68:] == APPLICATION_ID.to_bytes(4, "big")


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that does not write, also where nobody may write beside the file.

    Where it may, it takes the files that go with a WAL away again when it is the last to close.
    """
    modes = ["rw", "ro"]
    if not path.with_name(path.name + "-wal").exists():
        modes.append("ro&immutable=1")  # it wants to make the files that go with a WAL, and cannot
    for mode in modes:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)
        try:
            db.execute("PRAGMA query_only = ON")
            db.execute(f"PRAGMA cache_size = -{READ_CACHE}")
            db.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            db.close()
            if mode == modes[-1]:
                raise
        else:
            return db
    raise AssertionError("unreachable: the last mode returns or raises")


def migrations() -> list[str]:
    """Return the SQL of each migration, in order."""
    folder = Path(__file__).with_name("migrations")  # importlib.resources is slow to load
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [f.read_text(encoding="utf-8") for f in files]


def is_older(version: int) -> bool:
    """Whether a schema lacks migrations."""
    return version < len(migrations())


def check_version(db: sqlite3.Connection, path: Path) -> int:
    """Return the schema version; refuse other programs' files and newer stores."""
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and tables:
        raise StoreError(f"{path} is a database, but not an ethogram store: name another (--store)")
    if version > len(migrations()):
        raise StoreError(
            f"{path} was written by a newer ethogram (schema {version}, this one knows "
            f"{len(migrations())}): update with `pip install -U ethogram`"
        )
    return version


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a store up to date, each migration in a transaction of its own.

    Foreign keys are off meanwhile, so that a table can be made anew under those that name it.
    """
    version = check_version(db, path)
    db.execute("PRAGMA journal_mode = WAL")  # after the check: it would change another's file
    for number, sql in enumerate(migrations()[version:], start=version + 1):
        db.executescript(
            f"PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
            f"\n{sql}\nPRAGMA user_version = {number}; COMMIT; PRAGMA foreign_keys = ON;"
        )


def is_held(path: Path) -> bool:
    """Whether a process has a store open for writing, by the number in its lock file.

    The lock itself is not tried: for that moment it would keep a run from starting.
    """
    if os.name == "nt":
        return False  # there, signal 0 is no question
    try:
        holder = int(path.with_name(path.name + ".lock").read_text(encoding="utf-8").strip())
        os.kill(holder, 0)  # asks whether it is there
    except PermissionError:
        return True  # another user's
    except (OSError, ValueError, OverflowError):
        return False
    return True
