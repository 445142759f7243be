"""What the verbs that reach other programs print and ask: exports in their forms, the hub."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from ethogram.errors import InputError


def export_for_others(
    store: Path, out: Path, form: str, *, tables: Sequence[str] | None, force: bool
) -> list[str]:
    """Write a store in a form of another program; returns a line per file."""
    from ethogram.api.bridges import check_form, export_bridge

    check_form(form)
    if tables:
        raise InputError(f"--table is {tables[0]!r}: --format {form} has tables of its own")
    written = export_bridge(store, out, form, force=force)
    return [f"{path}: {rows:,} rows" if path.suffix == ".parquet" else f"{path}"
            for path, rows in written.items()]  # fmt: skip


def publish_folder(
    folder: Path, repo: str, *, public: bool, yes: bool, say: Callable[[str], None]
) -> bool:
    """Say what would be uploaded, ask, and upload; returns whether it was uploaded."""
    from ethogram.report.bridges.huggingface import describe_folder
    from ethogram.report.bridges.publish import check_publishing, upload

    files = check_publishing(folder, repo)
    for line in describe_folder(files):
        say(line)
    say("With the texts of all prompts, system texts, replies and judges' words in these tables.")
    if not (yes or _agrees(repo, public=public)):
        say("Nothing was uploaded.")
        return False
    say(upload(folder, repo, files, private=not public))
    return True


def _agrees(repo: str, *, public: bool) -> bool:
    """Ask whether to upload.

    Raises
    ------
    InputError
        There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise InputError(
            "publish asks before it uploads, and there is no terminal to answer on: add --yes"
        )
    kind = "public" if public else "private"
    return typer.confirm(f"Upload them to {repo} (made {kind} if it is not there)?")
