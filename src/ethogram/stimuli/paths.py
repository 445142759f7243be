"""Paths that a user names: relative to a folder, and refused where no file can have the name."""

from __future__ import annotations

from pathlib import Path

from ethogram.errors import InputError


def named_path(name: str | Path, *, base: Path | None = None) -> Path:
    """Return the path that a name stands for, whether there is a file or not.

    Raises
    ------
    InputError
        The system cannot look there: a name too long, a home that nobody has, a locked folder.
    """
    if "\n" in str(name) or "\r" in str(name):
        raise InputError(f"no file can be read at {str(name)[:100]!r}: a path is one line")
    try:
        path = (base or Path()) / Path(name).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"no file can be read at {str(name)[:100]!r}: {why}") from error
    return path


def as_text(text: str) -> str:
    """Return a text that can be written and sent: a file's name may hold bytes that are none."""
    return text.encode("utf-8", "replace").decode()
