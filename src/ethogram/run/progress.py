"""How far a run is: done, lost, pace, time left and cost of each stage, as numbers and as cells.

`ethogram.run.display` shows them in a notebook or a Python script, the command line on its own
console.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from ethogram.engine.caller import Meter
from ethogram.run.runner import Run

HEADS = ("stage", "name", "done", "lost", "tokens/s", "left", "cost")
WINDOW = 60  # readings that the pace is taken over
LONGEST_NAME = 24
MOST_BATCHES = 4  # that are named


@dataclass(frozen=True)
class StageProgress:
    """How far one stage is with one model or judge.

    Attributes
    ----------
    stage, name : str
    planned, done, lost : int
        Rows, those of earlier runs included.
    tokens_per_second : float
    seconds_left : float or None
        None where there is no pace yet, or nothing left.
    cost : float
        US dollars of this run.
    unknown_cost : int
        Calls of unknown cost.
    """

    stage: str
    name: str
    planned: int
    done: int
    lost: int
    tokens_per_second: float
    seconds_left: float | None
    cost: float
    unknown_cost: int

    @property
    def share(self) -> float:
        """Settled rows, of those planned."""
        return (self.done + self.lost) / self.planned if self.planned else 1.0

    def cells(self) -> tuple[str, ...]:
        """Return one text for each of `HEADS`."""
        return (
            self.stage,
            _shortened(self.name),
            f"{self.done:,} of {self.planned:,}",
            f"{self.lost:,}",
            f"{self.tokens_per_second:,.0f}" if self.tokens_per_second else "-",
            "-" if self.seconds_left is None else _clock(self.seconds_left),
            self._money(),
        )

    def _money(self) -> str:
        """US dollars so far; a question mark where some are unknown."""
        if self.unknown_cost and not self.cost:
            return "unknown"
        return f"${self.cost:,.4f}{'+?' if self.unknown_cost else ''}"


class Pace:
    """Reads a run again and again, and knows how fast it goes."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._seen: dict[tuple[str, str], deque[tuple[float, int, int]]] = {}

    def read(self, run: Run) -> list[StageProgress]:
        """Return how far each stage is."""
        return [self._stage(run, key, meter) for key, meter in run.meters.items()]

    def _stage(self, run: Run, key: tuple[str, str], meter: Meter) -> StageProgress:
        planned, done, lost = run.totals.get(key, (0, 0, 0))
        done, lost = done + meter.done, lost + meter.lost
        left = planned - done - lost
        rate, tokens = self._rates(key, meter)
        return StageProgress(
            *key,
            planned=planned,
            done=done,
            lost=lost,
            tokens_per_second=tokens,
            seconds_left=left / rate if rate and left > 0 else None,
            cost=meter.cost,
            unknown_cost=meter.unknown_cost,
        )

    def _rates(self, key: tuple[str, str], meter: Meter) -> tuple[float, float]:
        """Return rows and tokens per second, over the last half minute."""
        seen = self._seen.setdefault(key, deque([(self._start, 0, 0)], maxlen=WINDOW))
        now = time.monotonic()
        seen.append((now, meter.done + meter.lost, meter.tokens))
        then, rows, tokens = seen[0]
        span = max(now - then, 1e-9)
        return (meter.done + meter.lost - rows) / span, (meter.tokens - tokens) / span


def remarks(run: Run) -> list[str]:
    """Say that a run is being wound down, which endpoints are left alone and why, and how far
    batches are.
    """
    if run.interrupted:
        return ["finishing calls in flight; interrupt again (Ctrl-C) to drop them"]
    now = time.time()
    batches = [
        f"{name}: {text}"
        for (_, name), meter in run.meters.items()
        for text in meter.batches.values()
    ]
    if batches and len(batches) > MOST_BATCHES:
        batches[MOST_BATCHES:] = [f"and {len(batches) - MOST_BATCHES} batches more"]
    if batches:
        batches.append("this may be closed (Ctrl-C): run it again to go on")
    return [
        f"{name} waits until {time.strftime('%H:%M:%S', time.localtime(meter.waits_until))}: "
        f"{' '.join(meter.waits_for.split())[:200]}"
        for (_, name), meter in run.meters.items()
        if meter.waits_until > now + 1
    ] + batches


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _clock(seconds: float) -> str:
    """Return h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
