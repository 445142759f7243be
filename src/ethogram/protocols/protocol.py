"""What a protocol is: pending rows in, calls out; readings in, a result out. Pure.

A new protocol is one file beside this one that makes a `Protocol`, and a row in the table of
stages (`ethogram.run.stages.STAGES`). It knows nothing of stores, HTTP or ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from ethogram.design import Condition
from ethogram.engine.requests import Messages, Read, Reading, read_as_it_is
from ethogram.protocols.templates import Templates


class Trial(NamedTuple):
    """A conversation to be continued: traits (two, one or none), a prompt, what went before it.

    Attributes
    ----------
    planted : str or None
        The trait that the model is told to show, where it is told one.
    system : str
        A system text of the model's own.
    turns : tuple of {"role", "content"}
        Earlier turns of the conversation, as they were sent.
    shown : str
        The prompt as a judge sees it, where that is more than the prompt.
    wording : int
        Which paraphrase of the instruction is used; 0 is the template itself.
    turn : int
        Which of the user's messages this is, counted from the one that came with the traits.
    """

    id: int
    condition: str
    trait_1: str | None
    trait_2: str | None
    prompt: str
    sample: int
    planted: str | None = None
    system: str = ""
    turns: Messages = ()
    shown: str = ""
    wording: int = 0
    turn: int = 1


class Judging(NamedTuple):
    """A reply to be judged for two traits; `swapped`: the judge is shown the second one first.

    `prompt` is the conversation up to the reply, and `condition` what the model was told.
    """

    id: int
    trial: int
    trait_1: str
    trait_2: str
    swapped: bool
    sample: int
    prompt: str
    reply: str
    condition: str = ""

    @property
    def is_free(self) -> bool:
        """Whether the model could take neither trait, so that the judge may name neither."""
        return self.condition == Condition.FREE

    @property
    def shown(self) -> tuple[str, str]:
        """The two traits in the order that the judge is shown."""
        pair = (self.trait_1, self.trait_2)
        return (pair[1], pair[0]) if self.swapped else pair


class Setting(NamedTuple):
    """What a study file says to a protocol: its templates, the table of the model or judge, all."""

    templates: Templates
    table: Any
    study: Any = None


class Call(NamedTuple):
    """One request of a row, before it has an endpoint; `read` says what its text means."""

    messages: Messages
    extra: Mapping[str, Any] = {}
    path: str = "chat/completions"
    read: Read = read_as_it_is


class Result(NamedTuple):
    """What a row came to.

    Attributes
    ----------
    reading : Reading
        Of the call that decided it; its status is the row's.
    choice : str or None
        A trait.
    p_first : float or None
        Probability of the row's first trait.
    value : float or None
        What the protocol measures where it is a number.
    named : bool or None
        Whether a reply names a trait although told not to.
    """

    reading: Reading
    choice: str | None = None
    p_first: float | None = None
    value: float | None = None
    named: bool | None = None


Row = TypeVar("Row")


@dataclass(frozen=True)
class Protocol(Generic[Row]):
    """A way of asking.

    Attributes
    ----------
    calls : function of (row, setting)
        The calls that a row needs, in order. The next is made only where the last was answered.
    result : function of (row, setting, readings)
        What the row came to. `readings` has one for each call that was made; all but the last
        are usable.
    """

    calls: Callable[[Row, Setting], Sequence[Call]]
    result: Callable[[Row, Setting, Sequence[Reading]], Result]
