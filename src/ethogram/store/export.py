"""`ethogram export`: the store's tables as Parquet, CSV or JSONL, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from ethogram.errors import InputError, guess
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file
from ethogram.store.read import TABLES, export_rows
from ethogram.store.store import Store

EXPORTED = ("comparisons", "trials", "replies", "verdicts")
"""The tables that are written where none is named: all but the attempts."""


def check_export(tables: Sequence[str], file_format: str) -> None:
    """Refuse a table or a format that there is not.

    Raises
    ------
    InputError
    """
    for table in tables:
        if table not in TABLES:
            raise InputError(
                f"no table {table!r} to export{guess(table, TABLES)}; expected one of "
                f"{', '.join(TABLES)}"
            )
    if file_format not in _WRITERS:
        raise InputError(
            f"format is {file_format!r}{guess(file_format, _WRITERS)}, expected one of "
            f"{', '.join(_WRITERS)}"
        )


def export_tables(
    store: Store,
    tables: Sequence[str],
    folder: Path,
    file_format: str,
    *,
    force: bool = False,
) -> Iterator[tuple[Path, int]]:
    """Write tables, all checked before the first; yields each file and how many rows it has.

    Parameters
    ----------
    store : Store
    tables : sequence of str
        Of `ethogram.store.read.TABLES`.
    folder : Path
        Made if it is not there.
    file_format : "parquet", "csv" or "jsonl"
    force : bool
        Also replace files that ethogram did not write. One with the same columns counts as ours.

    Raises
    ------
    InputError
        There is no such table or format, or a file cannot be written or is not ethogram's.
    """
    tables = list(dict.fromkeys(tables))
    check_export(tables, file_format)
    check_folder(folder)
    for table in tables:
        columns = list(next(export_rows(store, table, chunk=1), [{}])[0])
        check_outputs([folder / f"{table}.{file_format}"], force=force, columns=columns)
    for table in tables:
        path = folder / f"{table}.{file_format}"
        chunks = export_rows(store, table)
        first = next(chunks, [])
        with partial_file(path) as partial:
            rows = _WRITERS[file_format](partial, _all(first, chunks))
        yield path, rows


def _all(
    first: list[dict[str, Any]], rest: Iterator[list[dict[str, Any]]]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the first chunk (which may be empty), then the rest."""
    yield first
    yield from rest


def _write_jsonl(path: Path, chunks: Iterator[list[dict[str, Any]]]) -> int:
    rows = 0
    with path.open("wb") as file:
        for chunk in chunks:
            file.writelines(orjson.dumps(row) + b"\n" for row in chunk)
            rows += len(chunk)
    return rows


def _write_csv(path: Path, chunks: Iterator[list[dict[str, Any]]]) -> int:
    import csv

    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = None
        for chunk in chunks:
            if writer is None and chunk:
                writer = csv.DictWriter(file, fieldnames=list(chunk[0]))
                writer.writeheader()
            if writer:
                writer.writerows(chunk)
            rows += len(chunk)
    return rows


def _write_parquet(path: Path, chunks: Iterator[list[dict[str, Any]]]) -> int:
    """Write Parquet through JSONL, which polars then turns over without holding it whole."""
    import polars as pl

    lines = path.with_name(path.name + ".jsonl")
    try:
        rows = _write_jsonl(lines, chunks)
        if rows:
            pl.scan_ndjson(lines, infer_schema_length=None).sink_parquet(path)
        else:
            pl.DataFrame().write_parquet(path)
    finally:
        lines.unlink(missing_ok=True)
    return rows


_WRITERS = {"parquet": _write_parquet, "csv": _write_csv, "jsonl": _write_jsonl}
FORMATS = tuple(_WRITERS)
