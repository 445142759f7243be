"""Pack a store as the demo that a wheel holds: `python -m bench.pack_demo STORE.db`."""

from __future__ import annotations

import argparse
import lzma
import sqlite3
import tempfile
import tomllib
from contextlib import closing
from pathlib import Path

from ethogram.store.demo import DEMO
from ethogram.store.store import Store

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "examples" / f"{DEMO}.toml"
TARGET = ROOT / "src/ethogram/data/demo" / f"{DEMO}.db.xz"
LARGEST = 5_000_000


def pack(store: Path, target: Path = TARGET) -> int:
    """Write a store as the demo; returns the bytes.

    It is copied without free pages, in this release's form, and keeps one row of its study file:
    the last, with the comments of `examples/`.
    """
    text = STUDY.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{DEMO}.db"
        with closing(sqlite3.connect(store)) as db:
            db.execute("VACUUM INTO ?", (str(copy),))
        with Store.open(copy) as opened:
            last = opened.studies()[-1]
        if tomllib.loads(last["file"]) != tomllib.loads(text):
            raise SystemExit(f"{store} is of another study file than {STUDY}")
        with closing(sqlite3.connect(copy)) as db:
            db.execute("DELETE FROM study WHERE id < (SELECT max(id) FROM study)")
            db.execute("UPDATE study SET file = ?", (text,))
            db.commit()
            db.execute("VACUUM")
        packed = lzma.compress(copy.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > LARGEST:
        raise SystemExit(f"{len(packed):,} bytes, more than {LARGEST:,}")
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(packed)
    return len(packed)


def main() -> None:
    """Pack the store that is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path)
    print(f"{TARGET}: {pack(parser.parse_args().store):,} bytes")


if __name__ == "__main__":
    main()
