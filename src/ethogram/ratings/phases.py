"""What a long rating or analysis is busy with: said to whoever listens, by default to nobody.

Knows nothing of terminals; the command line listens with `ethogram.cli.phases`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_WHOLE: ContextVar[str] = ContextVar("whole", default="")


def say_phase(phase: str) -> None:
    """Say what is done from here on, such as "split-half reliability, 20 of 50"."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(": ".join(filter(None, (_WHOLE.get(), phase))))


@contextmanager
def part(whole: str) -> Iterator[None]:
    """Put `whole`, such as the model that is rated, before each phase while this lasts."""
    token = _WHOLE.set(whole)
    try:
        yield
    finally:
        _WHOLE.reset(token)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` each phase while this lasts."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
