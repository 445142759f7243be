"""The methods of rating by name: the one table that the library and the command line read.

A method takes comparisons and options, and returns a profile. It is imported when it is used, so
that a list of their names costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ethogram.errors import InputError, guess

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile

METHODS: Mapping[str, tuple[str, str]] = {
    "bradley-terry": ("ethogram.ratings.rate", "rate"),
    "elo": ("ethogram.ratings.rate", "rate_elo"),
}
"""Name to module and function; the first is the default."""

DEFAULT_METHOD = next(iter(METHODS))


def rating_method(name: str) -> Callable[..., Profile]:
    """Return the function that rates by this method.

    Raises
    ------
    InputError
        There is no such method.
    """
    if name not in METHODS:
        raise InputError(
            f"method {name!r}{guess(name, METHODS)}: expected one of {', '.join(METHODS)}"
        )
    module, function = METHODS[name]
    return cast("Callable[..., Profile]", getattr(import_module(module), function))
