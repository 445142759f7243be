"""Libraries that only some uses need: imported where they are used, or one line that says how."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ethogram.errors import InputError


def need(module: str, *, what: str, extra: str) -> Any:
    """Import a library of an extra.

    Parameters
    ----------
    module : str
        Such as "inspect_ai.log".
    what : str
        What needs it: the value that was given, in the words of the user.
    extra : str
        Under which `pip install ethogram[EXTRA]` brings it.

    Raises
    ------
    InputError
        It is not installed.
    """
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise  # it is there, and lacks something of its own
        raise InputError(
            f"{what} needs {library.replace('_', '-')}, which is not installed: "
            f"pip install ethogram[{extra}]"
        ) from error
