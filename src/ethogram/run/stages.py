"""The stages: what is pending, how a row is asked and read, and what is written.

Data only; `ethogram.run.runner` runs them. A stage that follows another is given its rows as soon
as they are answered: a reply goes to its judges at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ethogram.engine.requests import USABLE
from ethogram.engine.settings import ModelTable
from ethogram.protocols.breadth import BREADTH
from ethogram.protocols.elicit import ELICIT
from ethogram.protocols.protocol import Judging, Protocol, Result, Trial
from ethogram.protocols.self_report import LIKERT, STATED
from ethogram.protocols.verdicts import VERDICTS
from ethogram.store.rows import ReplyRow, Role, StageName, VerdictRow
from ethogram.store.store import Store
from ethogram.store.writer import Writer
from ethogram.study import JudgeTable


class Feed(NamedTuple):
    """Where a stage's pending rows are: of whom, of which parts, after which attempt they end."""

    party: int
    parts: Sequence[str]
    until: int


@dataclass(frozen=True)
class Stage:
    """One kind of row: what is pending, how it is asked and read, and what is written.

    Attributes
    ----------
    role : Role
        Whose calls these are: a model's or a judge's.
    pending : function of (store, feed, after)
        The next pending rows by id; none, where there are no more.
    protocol : function of a model's or judge's table
        How a row is asked and its answers read.
    write : function of (writer, row, result, attempt, trait ids)
    follows : str
        The stage whose rows these are about: they are handed on as soon as those are answered.
    """

    role: Role
    pending: Callable[[Store, Feed, int], Sequence[Any]]
    protocol: Callable[[ModelTable], Protocol[Any]]
    write: Callable[[Writer, Any, Result, int | None, Mapping[str, int]], None]
    follows: str = ""


def trial_stage(name: str, protocol: Protocol[Trial]) -> Stage:
    """Return the stage of a protocol that asks tested models; its trials bear its name."""

    def pending(store: Store, feed: Feed, after: int) -> Sequence[Trial]:
        return store.pending_trials(feed.party, after, feed.parts, protocol=name)

    return Stage(Role.MODEL, pending, lambda table: protocol, _write_reply)


def _write_reply(
    writer: Writer, trial: Trial, result: Result, attempt: int | None, traits: Mapping[str, int]
) -> None:
    reading = result.reading
    row = ReplyRow(
        trial=trial.id,
        status=str(reading.status),
        reason=reading.reason,
        chars=len(reading.text) if reading.status in USABLE else None,
        named=None if result.named is None else int(result.named),
        choice=None if result.choice is None else traits[result.choice],
        value=result.value,
        split=int(reading.split),
    )
    writer.put_reply(row, attempt)


def _pending_judgings(store: Store, feed: Feed, after: int) -> Sequence[Judging]:
    return store.pending_judgings(feed.party, after, feed.parts, until=feed.until)


def _verdict_protocol(table: ModelTable) -> Protocol[Judging]:
    """Return how a judge is asked."""
    assert isinstance(table, JudgeTable)
    return VERDICTS[table.verdict]


def _write_verdict(
    writer: Writer, judging: Judging, result: Result, attempt: int | None, traits: Mapping[str, int]
) -> None:
    row = VerdictRow(
        judging=judging.id,
        status=str(result.reading.status),
        reason=result.reading.reason,
        winner=None if result.choice is None else traits[result.choice],
        p_first=result.p_first,
    )
    writer.put_verdict(row, attempt)


STAGES: dict[str, Stage] = {
    StageName.ELICIT: trial_stage(StageName.ELICIT, ELICIT),
    StageName.JUDGE: Stage(
        Role.JUDGE,
        _pending_judgings,
        _verdict_protocol,
        _write_verdict,
        follows=StageName.ELICIT,
    ),
    "breadth": trial_stage("breadth", BREADTH),
    StageName.STATED: trial_stage(StageName.STATED, STATED),
    StageName.LIKERT: trial_stage(StageName.LIKERT, LIKERT),
}
"""Every stage by name: a new protocol is a row here."""
MAIN_STAGES = (StageName.ELICIT, StageName.JUDGE)
MOST_TOGETHER = 8  # rows that are one worker's; more would leave the others idle


def together(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the rows that one worker asks one after another: at most 8 about one reply.

    The first is read whole; the others share its beginning, which is then in the service's cache.
    Replies that were written to be shown to judges stand in a trial for each question.
    """
    groups: dict[Any, list[Any]] = {}
    for number, row in enumerate(rows):
        about = (row.prompt, row.reply) if isinstance(row, Judging) else number
        groups.setdefault(about, []).append(row)
    for same in groups.values():
        for start in range(0, len(same), MOST_TOGETHER):
            yield same[start : start + MOST_TOGETHER]
