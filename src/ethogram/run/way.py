"""What another way of asking is: a table of the study file, what it plans, what it will ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ethogram.design import Part
from ethogram.run.prepare import Planned, Prepared
from ethogram.store.store import Store


class Asked(NamedTuple):
    """What a model or judge will be asked.

    Attributes
    ----------
    stage, name : str
    requests : int
    sent : float
        Tokens of a request on average, replies that it carries aside.
    replies : float
        How many replies of a tested model a request carries, on average.
    answered : float or None
        Tokens of an answer; None: as long as in the study itself.
    """

    stage: str
    name: str
    requests: int
    sent: float
    replies: float = 0.0
    answered: float | None = None


@dataclass(frozen=True)
class Way:
    """Another way of asking.

    Attributes
    ----------
    name : str
        Of its table in the study file, which turns it on.
    parts : tuple of Part
        Where its trials and judgings are kept.
    stages : tuple of str
    plan : function of (store, prepared, planned)
        Writes its trials and judgings. Planned again, it changes nothing.
    asks : function of prepared
        What it will ask, for the price.
    """

    name: str
    parts: tuple[Part, ...]
    stages: tuple[str, ...]
    plan: Callable[[Store, Prepared, Planned], None]
    asks: Callable[[Prepared], Sequence[Asked]]
