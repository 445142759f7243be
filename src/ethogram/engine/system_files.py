"""A model's system text may stand in a file: `system = { file = "deployed.md" }`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ethogram.errors import InputError, guess
from ethogram.stimuli.paths import named_path

_WRITE = 'write system = { file = "NAME.md" }, or the text itself'
_SAVE = "save it as UTF-8"


def read_system_files(models: Any, *, base: Path | None) -> list[str]:
    """Put the text of each file in place of the table that names it.

    Parameters
    ----------
    models : mapping of name to table
        As they stand in a study file, not yet validated. Where a text cannot be read its key is
        removed, so that all else is still checked.
    base : Path, optional
        The folder that relative paths start from.

    Returns
    -------
    problems : list of str
        A line for each table whose text cannot be read.
    """
    problems: list[str] = []
    for name, table in models.items() if isinstance(models, dict) else ():
        if not isinstance(table, dict) or not isinstance(table.get("system"), dict):
            continue
        try:
            table["system"] = _read(table["system"], f"models.{name}", base)
        except InputError as error:
            problems += error.lines
            del table["system"]
    return problems


def _read(system: dict[str, Any], table: str, base: Path | None) -> str:
    """Return the text that a table `system` names."""
    if unknown := [key for key in system if key != "file"]:
        where = f"in [{table}.system]"
        raise InputError(
            *(f"unknown key {k!r} {where}{guess(k, ['file'])}; allowed: file" for k in unknown)
        )
    if "file" not in system:
        raise InputError(f"[{table}.system] needs the key 'file': {_WRITE}")
    file = system["file"]
    said = f"[{table}.system] file = {file!r}"
    if not isinstance(file, str) or not file.strip():
        raise InputError(f"{said}: expected the path of a text file; {_WRITE}")
    try:
        text = _text(named_path(file, base=base))
    except InputError as error:
        raise InputError(f"{said}: {error}") from error
    if not text.strip():
        raise InputError(f"{said} is empty: put the system prompt into it, or leave system out")
    return text


def _text(path: Path) -> str:
    """Return a file's text, its line breaks as TOML has them and none at its end."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); {_SAVE}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {why}; name a text file, or write the text itself") from error
    if "\0" in text:
        raise InputError(f"{path} is not UTF-8 text (byte {text.index(chr(0))} is 0); {_SAVE}")
    return text.replace("\r\n", "\n").rstrip("\n")
