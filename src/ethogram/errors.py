"""Every error that ethogram raises on purpose.

::

    EthogramError             one clear line for the user; the CLI turns it into exit code 2
    ├── InputError            a file, key or value that cannot be used (also a ValueError)
    │   ├── StudyError        ... in a study file
    │   └── NotInformative    a judge whose planted replies do not show that it sees anything
    ├── StoreError            a store that cannot be opened, is newer, or is in use
    ├── EndpointError         a service that cannot be used at all (key, address, model name)
    ├── SpendLimitReached     the next call could pass the spending limit
    └── DisconnectedError     comparisons that give no common scale (also a ValueError)

A message names the value, what was expected and what to do next.
"""

from __future__ import annotations

LONGEST = 1500  # characters of a message


class EthogramError(Exception):
    """Base of all errors that the user can fix; its text is one clear line.

    Line breaks are removed here, because texts name values and values come from files of any kind.
    """

    def __init__(self, text: str = "") -> None:
        line = " ".join(str(text).split())
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST]}...")


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
