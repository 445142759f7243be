"""Requests by the batch: written as files and read back, or at a service."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ethogram.api.runs import StudyRun, run_planned
from ethogram.design import Part
from ethogram.engine.batch.book import Batch, State
from ethogram.engine.endpoints import make_endpoint
from ethogram.errors import InputError, StudyError
from ethogram.run.batch_files import read_manifest, write_manifest
from ethogram.run.batch_read import Found, ReadTransports
from ethogram.run.batch_write import WriteTransports
from ethogram.run.checks import check_names, parts_of
from ethogram.run.prepare import plan_into, prepare, store_path
from ethogram.run.runner import asked_tables, run_stages
from ethogram.run.stages import MAIN_STAGES
from ethogram.run.transports import cancel
from ethogram.stimuli.tables.written import check_folder
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.study import Study, load_study


@dataclass(frozen=True)
class WrittenBatches:
    """What `write_batches` wrote.

    Attributes
    ----------
    files : mapping of path to int
        Lines of each file.
    before : mapping of str to int
        Lines that were left out because they are in another folder, or at a service, by where.
    said : tuple of str
        How far a study in rounds is.
    """

    files: dict[Path, int]
    before: dict[str, int]
    said: tuple[str, ...] = ()


def write_batches(
    study: Study,
    folder: str | Path,
    *,
    store: str | Path | None = None,
    stages: Sequence[str] = MAIN_STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    checks: Sequence[str] = (),
    again: bool = False,
) -> WrittenBatches:
    """Write what is pending as OpenAI's batch files, to be run elsewhere; nothing is called.

    Judgings are written once their replies are there: write, run, read, and write again.

    Parameters
    ----------
    study : Study
    folder : path
        Made if it is not there.
    store : path, optional
        STEM.db in the working directory if not given.
    stages, models, judges, checks
        As in `run_study`; the study itself is written in any case.
    again : bool
        Also write what was written before and has no answer.

    Raises
    ------
    EthogramError
        The study cannot be run as it stands, or the folder cannot be written.
    """
    path, checks = store_path(study, store), check_names(checks) if checks else ()
    folder = Path(folder)
    check_folder(folder)
    with Store.open(path) as opened:
        prepared = prepare(study, path)
        ready = partial(write_manifest, folder, study.path, study.text, path)
        over = WriteTransports(folder, path, ready, again=again)
        run = run_planned(
            opened,
            prepared,
            checks,
            (),
            stages=stages,
            models=models,
            judges=judges,
            parts=("main", *(parts_of(checks) if checks else ())),
            over=over,
        )
    if run.stopped is not None:
        raise run.stopped
    return WrittenBatches(over.written, over.before, tuple(run.said))


@dataclass(frozen=True)
class ReadBatches(StudyRun):
    """What `read_batches` took, and how far the study is now.

    Attributes
    ----------
    found : Found
        Answers that were taken, lines that were not asked for, lines that cannot be read.
    in_rounds : bool
        Whether writing again may plan more, with nothing pending.
    """

    found: Found = field(default_factory=Found)
    in_rounds: bool = False


def read_batches(folder: str | Path, *, store: str | Path | None = None) -> ReadBatches:
    """Take the answers that a folder of batch files has by now.

    Parameters
    ----------
    folder : path
        Made by `write_batches`; files of answers stand in it or below it, under any name.
    store : path, optional
        The one that they were written from, if it was moved.

    Raises
    ------
    EthogramError
        There are no answers, or it is no such folder.
    """
    folder = Path(folder)
    told = read_manifest(folder)
    path = Path(store or told["store"])
    if not path.exists():
        raise InputError(
            f"{path} is not there: give the store that {folder} was written from (--store)"
        )
    study = load_study(told["study"])
    with Store.open(path) as opened:
        prepared = prepare(study, path)
        planned = plan_into(opened, prepared)
        over = ReadTransports(folder, path)
        run = run_stages(
            prepared, opened, planned, parts=tuple(Part), brake=False, over=over, reopen=False
        )
        counts = tuple(count_stages(opened))
        return ReadBatches(path, run, counts, over.found, in_rounds=study.study.in_rounds)


def list_batches(store: str | Path) -> list[Batch]:
    """Return the batches of a store, oldest first."""
    with Store.read(store) as opened:
        return opened.batches()


def cancel_batch(study: Study, number: int, *, store: str | Path | None = None) -> Batch:
    """Ask a service to end a batch; what it has done is kept, is paid for, and is still collected.

    Raises
    ------
    EthogramError
        There is no such batch, it is not at a service, or the service does not take it.
    """
    path = store_path(study, store)
    batch = next((one for one in list_batches(path) if one.id == number), None)
    if batch is None or not batch.handle or batch.state != State.SUBMITTED:
        what = "there is none" if batch is None else f"it is {batch.state}"
        raise InputError(f"batch {number} cannot be cancelled: {what}")
    stage, _, name = batch.owner.partition("/")
    tables = asked_tables(study, [stage])
    if (stage, name) not in tables:
        raise StudyError(f"batch {number} is of {batch.owner}, which the study file does not have")
    asyncio.run(cancel(make_endpoint(name, tables[stage, name]), batch.handle))
    return batch
