"""Every error that ethogram raises on purpose.

::

    EthogramError             one line per problem for the user; the CLI turns it into exit code 2
    ├── InputError            a file, key or value that cannot be used (also a ValueError)
    │   ├── StudyError        ... in a study file
    │   └── NotInformative    a judge whose planted replies do not show that it sees anything
    ├── StoreError            a store that cannot be opened, is newer, or is in use
    ├── EndpointError         a service that cannot be used at all (key, address, model name)
    ├── SpendLimitReached     the next call could pass the spending limit
    ├── DisconnectedError     comparisons that give no common scale (also a ValueError)
    └── NotConverged          a fit that no number of steps allowed brings to its end

A message names the value, what was expected and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST = 1500  # characters of a message


class EthogramError(Exception):
    """Base of all errors that the user can fix; its text is one clear line per problem.

    Line breaks are removed here, because texts name values and values come from files of any kind.

    Attributes
    ----------
    lines : tuple of str
        One per problem; most errors have one.
    """

    def __init__(self, *texts: str) -> None:
        self.lines = tuple(map(_one_line, texts)) or ("",)
        super().__init__(*self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _one_line(text: str) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


class InputError(EthogramError, ValueError):
    """A file, key or value cannot be used."""


class StudyError(InputError):
    """A study file cannot be used."""


class NotInformative(InputError):
    """A judge's planted replies do not carry the information that a correction needs."""


class StoreError(EthogramError):
    """A store cannot be opened, is written by a newer version, or is in use."""


class EndpointError(EthogramError):
    """A service cannot be used at all: a wrong key, address or model name."""


class SpendLimitReached(EthogramError):
    """The next call could pass the spending limit; nothing was lost."""


class DisconnectedError(EthogramError, ValueError):
    """Some items never meet the others, so their strengths have no common scale."""


class NotConverged(EthogramError):
    """The steps that a computation is given do not suffice."""


class Problems:
    """Gathers errors, so that all that is wrong with a thing is said at once.

    Parameters
    ----------
    most : int, optional
        How many lines are kept; the others are counted.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._errors: list[EthogramError] = []
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._errors)

    @property
    def full(self) -> bool:
        """Whether another error would be counted only."""
        return self._most is not None and len(self._errors) >= self._most

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of all that is kept."""
        return tuple(line for error in self._errors for line in error.lines)

    def add(self, error: EthogramError | None = None) -> None:
        """Keep an error; where enough are kept, count it (it need not be made then)."""
        if error is None or self.full:
            self._more += 1
        else:
            self._errors.append(error)

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Keep an error that is raised inside."""
        try:
            yield
        except EthogramError as error:
            self.add(error)

    def raise_any(self, kind: type[EthogramError] = InputError) -> None:
        """Raise what was gathered: one error as it is, several as one of this kind.

        Raises
        ------
        EthogramError
        """
        if len(self._errors) == 1 and not self._more:
            raise self._errors[0]
        if self._errors:
            lines = list(dict.fromkeys(line for error in self._errors for line in error.lines))
            raise kind(*lines, *([f"and {self._more:,} more like these"] if self._more else []))


def guess(name: str, known: Iterable[str]) -> str:
    """Offer the known name that is nearest to one that is not known; "" if none is near."""
    folded = {other.casefold(): str(other) for other in known}
    if name in folded.values():
        return ""
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""
