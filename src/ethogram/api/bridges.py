"""Ways to other programs and from them: the Hugging Face hub, Every Eval Ever, Inspect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ethogram.api.runs import StudyRun
from ethogram.engine.transcripts import read_transcripts
from ethogram.errors import InputError, guess
from ethogram.report.bridges.every_eval_ever import export_records
from ethogram.report.bridges.huggingface import export_dataset
from ethogram.report.bridges.inspect_logs import export_logs
from ethogram.run.display import choose_watch
from ethogram.run.prepare import prepare, store_path
from ethogram.run.runner import Watch, asked_tables, check_keys, run_stages
from ethogram.run.transcripts import check_importable, describe_price, plan_transcripts
from ethogram.store.export import FORMATS
from ethogram.store.read import count_stages
from ethogram.store.rows import StageName
from ethogram.store.store import Store
from ethogram.study import Study
from ethogram.validity.results import StoreResults

BRIDGES: dict[str, Callable[..., Iterator[tuple[Path, int]]]] = {
    "hf": export_dataset,
    "eee": export_records,
    "inspect": export_logs,
}
"""Forms of other programs: each writes results into a folder, and yields files and rows."""


def export_bridge(
    store: str | Path, out: str | Path, form: str, *, force: bool = False
) -> dict[Path, int]:
    """Write a store in a form that another program reads.

    Parameters
    ----------
    store : path
    out : path
        The folder; made if it is not there.
    form : str
        One of `BRIDGES`: "hf", a data set with its card; "eee", records of Every Eval Ever;
        "inspect", logs that `inspect view` opens.
    force : bool
        Also replace files that ethogram did not write.

    Returns
    -------
    dict of Path to int
        How many rows each file has.

    Raises
    ------
    InputError
        There is no such form, nothing to write, or a file that is not ethogram's.
    """
    check_form(form)
    with StoreResults.open(store) as results:
        return dict(BRIDGES[form](results, Path(out), force=force))


def check_form(form: str) -> None:
    """Refuse a form of export that there is not."""
    if form not in BRIDGES:
        known = (*FORMATS, *BRIDGES)
        raise InputError(
            f"format is {form!r}{guess(form, known)}, expected one of {', '.join(known)}"
        )


def import_transcripts(
    study: Study,
    logs: Sequence[str | Path],
    *,
    store: str | Path | None = None,
    model: str | None = None,
    judges: Sequence[str] | None = None,
    note: Callable[[str], None] | None = None,
    watch: Watch | None = None,
    brake: bool = True,
) -> StudyRun:
    """Judge replies that were given elsewhere for the traits of a study; no model is asked.

    Parameters
    ----------
    study : Study
        Its traits, judges and seed are used; it needs no models (`load_study(path, asks=False)`).
    logs : sequence of path
        Logs of Inspect (.eval, its .json, a folder of them), or transcripts as JSONL or a table.
    store : path, optional
        STEM.db in the working directory if not given.
    model : str, optional
        Whose replies these are, whatever the files say.
    judges : names, optional
        Only these.
    note : callable, optional
        Told what was read and what judging it costs, before anything is asked.
    watch, brake
        As in `run_study`.

    Raises
    ------
    EthogramError
        A file holds no replies, or the study cannot be run as it stands.
    """
    check_importable(study)
    found = read_transcripts(logs, model=model)
    if note is not None:
        note(found.describe())
    path = store_path(study, store)
    if not path.exists():
        check_keys(asked_tables(study, (StageName.JUDGE,), judges=judges))
    prepared = prepare(study, path, draw=False)
    with Store.open(path) as opened:
        planned = plan_transcripts(opened, prepared, found, judges)
        if note is not None:
            note(describe_price(opened, prepared, found, judges))
        run = run_stages(
            prepared,
            opened,
            planned,
            stages=(StageName.JUDGE,),
            judges=judges,
            watch=watch or choose_watch(None),
            brake=brake,
        )
        return StudyRun(path, run, tuple(count_stages(opened)))
