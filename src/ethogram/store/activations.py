"""Activations beside a store: STEM.activations/MODEL/, shards of Parquet with the trials' ids.

One row per trial; a column per layer and kind (`mean_12`, `last_12`), so that one layer is read
without the others. A shard is whole or absent: it is written under another name and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ethogram.engine.activations.passages import Activations
from ethogram.errors import StoreError
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.store.file import Lock

if TYPE_CHECKING:
    import polars

META = "weights.json"
MEAN, LAST = "mean", "last"
_UNSAFE = re.compile(r"[^\w.-]+")


def activations_folder(store: Path, model: str, *, weights: str = "") -> Path:
    """Return where a model's activations are kept; another model's weights have one of their own.

    Parameters
    ----------
    store : Path
    model : str
        Its name in the study.
    weights : str
        Given where its replies are read by other weights than its own.
    """
    told = f"{model} by {weights}" if weights else model
    name = _UNSAFE.sub("_", told)
    if name != told or not name.strip("."):  # two models must not share a folder
        name = f"{name}-{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"
    return store.with_suffix(".activations") / name


@dataclass(frozen=True)
class Shards:
    """The activations of one model on one kind of passage.

    Attributes
    ----------
    folder : Path
    kind : str
        "reply" (with no instruction before it) or "before" (at the end of the prompt, with it).
    layers : tuple of int
        Layers that are kept; 0 is the embeddings.
    """

    folder: Path
    kind: str
    layers: tuple[int, ...]

    def files(self) -> list[Path]:
        """Return the shards that are whole, oldest first."""
        return sorted(self.folder.glob(f"{self.kind}-*.parquet"))

    def trials(self) -> IntArray:
        """Return the trials that are kept, in the order of the rows; unreadable shards go."""
        return np.array(list(self.passages()), dtype=np.int64)

    def passages(self) -> dict[int, str]:
        """Return the digest of what was read of each trial, the latest; unreadable shards go."""
        found: dict[int, str] = {}
        for file in self.files():
            rows = _read_ids(file)
            if rows is None:
                file.unlink()  # cut off by the system: its trials are computed anew
            else:
                found |= rows
        return found

    def add(self, rows: Sequence[Activations]) -> None:
        """Write a shard of rows, on the disk when this returns.

        Raises
        ------
        StoreError
        """
        import polars as pl

        columns: dict[str, Any] = {
            "trial": [row.key for row in rows],
            "passage": [row.passage for row in rows],
            "tokens": [row.tokens for row in rows],
        }
        for layer in self.layers:
            for over, vectors in ((MEAN, "mean"), (LAST, "last")):
                values = np.stack([getattr(row, vectors)[layer] for row in rows])
                columns[_column(layer, over)] = values.astype(np.float32)
        _write_whole(pl.DataFrame(columns), self.folder / f"{self.kind}-{self._next():06d}.parquet")

    def read(self, layer: int, over: str, trials: Sequence[int] | IntArray) -> FloatArray:
        """Return one layer's activations of these trials, in their order; shape (n, d), float32.

        Of a trial that was read again, the latest.

        Raises
        ------
        StoreError
            A trial's are not there.
        """
        import polars as pl

        column = _column(layer, over)
        files = self.files()
        if not files:
            raise StoreError(f"{self.folder} has no activations: run `ethogram probe`")
        wanted = {int(t): i for i, t in enumerate(trials)}
        out: FloatArray | None = None
        left = set(wanted)
        for file in files:
            rows = pl.read_parquet(file, columns=["trial", column])
            values = rows[column].to_numpy()
            if out is None:
                out = np.zeros((len(wanted), values.shape[1]), dtype=np.float32)
            for trial, value in zip(rows["trial"].to_list(), values, strict=True):
                if trial in wanted:
                    out[wanted[trial]] = value
                    left.discard(trial)
        if left or out is None:
            raise StoreError(f"{self.folder} has no activations of {len(left):,} trials")
        return out

    def _next(self) -> int:
        files = self.files()
        return 1 + (int(files[-1].stem.rsplit("-", 1)[1]) if files else -1)


@contextmanager
def lock_activations(folder: Path) -> Iterator[None]:
    """Let nobody else write a folder of activations meanwhile; made if it is not there.

    Raises
    ------
    StoreError
        Another process does, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be used for activations: {error}") from error
    lock = Lock(folder / "probe")
    try:
        yield
    finally:
        lock.release()


def open_shards(
    folder: Path, kind: str, *, weights: str, width: int, layers: Sequence[int]
) -> Shards:
    """Open a folder of activations to add to, making it if need be.

    Raises
    ------
    StoreError
        It holds those of other weights or layers, or cannot be written.
    """
    meta = {"weights": weights, "width": width, "layers": sorted(layers)}
    path = folder / META
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob(f"{kind}-*.tmp"):
            file.unlink()
        if path.exists():
            kept = _meta_of(path)
            if kept != meta:
                said = [f"{k} {kept[k]} there, {meta[k]} now" for k in meta if kept[k] != meta[k]]
                raise StoreError(
                    f"{folder} holds activations of other weights ({'; '.join(said)}): move or "
                    "delete that folder"
                )
        else:
            path.write_text(json.dumps(meta), "utf-8")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder} cannot be used for activations: {error}. If it can be written, move or "
            "delete it"
        ) from error
    return Shards(folder, kind, tuple(sorted(layers)))


def _meta_of(path: Path) -> dict[str, Any]:
    """Read whose activations these are.

    Raises
    ------
    OSError
    ValueError
        The file was cut off, or is another's.
    """
    kept = json.loads(path.read_text("utf-8"))
    if not isinstance(kept, dict) or {"weights", "width", "layers"} - kept.keys():
        raise ValueError(f"{path.name} does not say whose these are")
    return kept


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Return whose activations a folder holds: weights, width and layers; None: nobody's."""
    try:
        return _meta_of(folder / META)
    except (OSError, ValueError):
        return None


def find_shards(folder: Path, kind: str) -> Shards:
    """Open a folder of activations to read.

    Raises
    ------
    StoreError
    """
    kept = read_meta(folder)
    if kept is None:
        raise StoreError(f"no activations in {folder}: run `ethogram probe`")
    return Shards(folder, kind, tuple(kept["layers"]))


def _column(layer: int, over: str) -> str:
    return f"{over}_{layer:03d}"


def _read_ids(file: Path) -> dict[int, str] | None:
    """Return the trials of a shard with what was read of each; None where it cannot be read."""
    import polars as pl

    try:
        rows = pl.read_parquet(file, columns=["trial", "passage"])
    except (OSError, pl.exceptions.PolarsError):
        return None
    return dict(zip(rows["trial"].to_list(), rows["passage"].to_list(), strict=True))


def _write_whole(rows: polars.DataFrame, path: Path) -> None:
    """Write a table under another name and rename it once it is on the disk."""
    import polars as pl

    part = path.with_suffix(".tmp")
    try:
        rows.write_parquet(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
