"""The verbs of the command line as functions: run a study, test it, plan it, read its profiles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethogram.analysis.views import View, caption_views, pick_view, say_view, split_views
from ethogram.design import Part
from ethogram.engine import check as engine_check
from ethogram.engine.batch.book import Batch, State
from ethogram.engine.check import Check
from ethogram.engine.endpoints import make_endpoint
from ethogram.errors import InputError, Problems, StoreError, StudyError, guess
from ethogram.ratings.cards import Card, Row, card_html, card_text
from ethogram.ratings.comparison_files import is_table, read_table
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.differences import Difference
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gate_files import read_gate
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import Gate
from ethogram.ratings.methods import DEFAULT_METHOD, rating_method
from ethogram.ratings.numbers import count_words
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import reference_profile, reference_profiles
from ethogram.ratings.results import Rated, rate_all
from ethogram.ratings.shift import Shift, shift
from ethogram.run.batch_files import read_manifest, write_manifest
from ethogram.run.batch_read import Found, ReadTransports
from ethogram.run.batch_write import WriteTransports
from ethogram.run.checks import Check as ValidityCheck
from ethogram.run.checks import check_names, parts_of, plan_checks
from ethogram.run.cost import Plan, make_plan
from ethogram.run.display import choose_watch
from ethogram.run.exemplars import check_exams, say_left_out
from ethogram.run.foresight import Forecast, make_forecast
from ethogram.run.models_check import asked_models
from ethogram.run.prepare import Prepared, plan_into, prepare, store_path
from ethogram.run.rounds import Rounds, say_rounds
from ethogram.run.runner import Run, Watch, asked_tables, check_keys, run_stages
from ethogram.run.stages import MAIN_STAGES
from ethogram.run.transports import cancel
from ethogram.run.way import Way
from ethogram.run.ways import choose_ways, parts_of_ways, plan_ways, stages_of_ways
from ethogram.stimuli.exemplars import WRITTEN
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.tables.written import check_folder
from ethogram.store import read
from ethogram.store.batches import BatchBook
from ethogram.store.demo import unpack_demo
from ethogram.store.export import EXPORTED, export_tables
from ethogram.store.gates import gate_runs, keep_gate_run
from ethogram.store.read import StageCount, count_stages, read_comparisons
from ethogram.store.rows import StageName
from ethogram.store.store import Store
from ethogram.study import Study, load_study
from ethogram.validity.asked import find_sections
from ethogram.validity.combined import combine_all
from ethogram.validity.differing import (
    FoundSide,
    compare_found,
    find_side,
    follow,
    published_side,
)
from ethogram.validity.exemplars import Sight
from ethogram.validity.measure import Validity, measure_validity, rate_corrected
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section

if TYPE_CHECKING:
    from ethogram.figures.theme import Figure, Theme


REFERENCE = "reference:"
"""What stands before the name of a published profile."""

COUNTED = ("stage", "model", "judge", "part", "condition", "planned", "done", "lost", "pending")


@dataclass(frozen=True)
class StudyRun:
    """What a run did.

    Attributes
    ----------
    store : Path
    run : Run
        Calls, costs, and `stopped`: the error that ended it early, if one did.
    counts : tuple of StageCount
        Planned, done and lost, of everything in the store.
    """

    store: Path
    run: Run
    counts: tuple[StageCount, ...]

    def __repr__(self) -> str:
        return f"<StudyRun into {self.store}: {self._said()[0]}>"

    def __str__(self) -> str:
        return card_text(self._card())

    def _repr_html_(self) -> str:
        return str(card_html(self._card()))

    def _card(self) -> Card:
        """Return what a notebook shows: every stage, and why the run ended early if it did."""
        said = self._said()
        rows = [
            (*who, *(f"{n:,}" for n in numbers)) for who, numbers in map(_count_cells, self.counts)
        ]
        return Card(
            str(self.store),
            said[:1],
            heads=COUNTED,
            rows=tuple(map(Row, rows)),
            left=5,
            notes=said[1:],
        )

    def _said(self) -> tuple[str, ...]:
        """Say what was called and paid, and why the run ended early if it did."""
        meters = self.run.meters.values()
        unknown = sum(meter.unknown_cost for meter in meters)
        cost = f"${sum(meter.cost for meter in meters):,.4f}"
        money = f"{cost}, cost of {count_words(unknown, 'call')} unknown" if unknown else cost
        ended = ["Interrupted: run it again to resume."] if self.run.interrupted else []
        if self.run.stopped is not None:
            ended.append(f"Stopped: {self.run.stopped}")
        return f"{count_words(self.run.calls, 'call')} in this run, {money}.", *ended

    def raise_if_stopped(self) -> None:
        """Raise the error that ended the run early, if one did."""
        if self.run.stopped is not None:
            raise self.run.stopped


def _count_cells(count: StageCount) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the words and the numbers of a row of `COUNTED`."""
    return (
        (count.stage, count.model, count.judge, count.part, count.condition),
        (count.planned, count.done, count.lost, count.pending),
    )


def run_study(
    study: Study,
    *,
    store: str | Path | None = None,
    stages: Sequence[str] = MAIN_STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    checks: Sequence[str] = (),
    ways: Sequence[str] | None = (),
    progress: bool | None = None,
    watch: Watch | None = None,
    brake: bool = True,
    resubmit: Sequence[int] = (),
) -> StudyRun:
    """Run a study, or resume it where it stopped.

    Parameters
    ----------
    study : Study
    store : path, optional
        STEM.db in the working directory if not given.
    stages : of "elicit" and "judge"
    models, judges : names, optional
        Only these.
    checks : of "exemplars", "plants", "orders", "repeats", "retest", "random", "natural"
        Run these validity checks instead of the study itself.
    ways : names, optional
        Ask in these other ways instead (see `ethogram.run.ways.WAYS`); None: in all whose table is
        in the study file.
    progress : bool, optional
        Show done, lost, tokens per second, time left and cost. If not given, in a notebook and on
        a terminal only; True: elsewhere too, a block of lines every half minute on standard error.
    watch : coroutine function, optional
        Runs beside the stages with the `Run`: a display of your own in place of ours.
    brake : bool
        Stop where 20 paid answers in a row cannot be used.
    resubmit : numbers of batches
        Of which you know that they were never run: their lines are asked again.

    Raises
    ------
    EthogramError
        The study cannot be run as it stands. What stops a run midway (a limit, a key that expires)
        is in `StudyRun.run.stopped` instead, as every answer so far is kept;
        `StudyRun.raise_if_stopped` raises it.
    """
    path, checks = store_path(study, store), check_names(checks) if checks else ()
    chosen = choose_ways(study, ways) if ways is None or ways else ()
    stages = stages_of_ways(chosen) if chosen else stages
    problems = Problems()  # all that is wrong is said at once, before anything is made
    tables = asked_tables(study, stages, models=models, judges=judges)
    if not path.exists():
        with problems.gather():
            check_keys(tables)
    with problems.gather():
        prepared = prepare(study, path, draw=not problems)
    problems.raise_any(StudyError)
    with Store.open(path) as opened:
        if resubmit:
            BatchBook(path).release(resubmit)
        run = _run_planned(
            opened,
            prepared,
            checks,
            chosen,
            stages=stages,
            models=models,
            judges=judges,
            parts=parts_asked(checks, chosen),
            watch=watch or choose_watch(progress),
            brake=brake,
        )
        return StudyRun(path, run, tuple(count_stages(opened)))


def parts_asked(checks: Sequence[str] = (), ways: Sequence[Way] = ()) -> tuple[str, ...]:
    """Return the parts of the plan that a run asks: of checks, of other ways, or the study's."""
    return parts_of(checks) if checks else parts_of_ways(ways) or ("main",)


def _run_planned(
    store: Store, prepared: Prepared, checks: Sequence[str], ways: Sequence[Way], **options: Any
) -> Run:
    """Plan a study, its checks and other ways into a store, and run what is pending there."""
    planned = plan_into(store, prepared)
    plan_checks(store, prepared, planned, checks)
    plan_ways(store, prepared, planned, ways)
    rounds = Rounds(store, prepared)
    apart = bool(checks or ways)
    run = run_stages(prepared, store, planned, more=None if apart else rounds.next, **options)
    run.said += say_rounds(rounds)
    return run


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
        run = _run_planned(
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
        run = run_stages(prepared, opened, planned, parts=tuple(Part), brake=False, over=over)
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


def check_study(
    study: Study,
    *,
    store: str | Path | None = None,
    only: Sequence[str] | None = None,
    progress: bool | None = None,
) -> Validity:
    """Run the validity checks of a study and measure what they say; `progress` as in `run_study`.

    Raises
    ------
    EthogramError
        The checks could not be run, or not to their end.
    """
    checked = run_study(study, store=store, checks=check_names(only), progress=progress)
    checked.raise_if_stopped()
    with Store.read(checked.store) as opened:
        return measure_validity(opened)


def ask_study(
    study: Study,
    *,
    store: str | Path | None = None,
    only: Sequence[str] | None = None,
    progress: bool | None = None,
) -> tuple[Section, ...]:
    """Ask in the other ways that a study file turns on, and measure what they say.

    Parameters
    ----------
    study : Study
    only : names, optional
        Of `ethogram.run.ways.WAYS`.
    progress : bool, optional
        As in `run_study`.

    Raises
    ------
    EthogramError
        They could not be asked, or not to their end.
    """
    asked = run_study(study, store=store, ways=only or None, progress=progress)
    asked.raise_if_stopped()
    with StoreResults.open(asked.store) as results:
        return find_sections(results)


def try_judges(
    study: Study,
    *,
    store: str | Path | None = None,
    judges: Sequence[str] | None = None,
    exemplars: str | Path | None = None,
    progress: bool | None = None,
    watch: Watch | None = None,
) -> tuple[Sight, ...]:
    """Try each judge of a study on written replies whose trait is known; no model is asked.

    Parameters
    ----------
    study : Study
    store : path, optional
        STEM.db in the working directory if not given. Verdicts that are there are not asked again.
    judges : names, optional
        Only these.
    exemplars : path, optional
        A file with trait, prompt and reply in place of the set that the study names.
    progress, watch
        As in `run_study`.

    Returns
    -------
    tuple of Sight
        One per judge that gave a verdict; `ethogram exemplars` again goes on where this stopped.

    Raises
    ------
    EthogramError
        No exemplar shows a trait of the study; or the judges could not be tried to the end.
    """
    study = name_exemplars(study, exemplars, store=store)
    tried = run_study(
        study,
        store=store,
        stages=(StageName.JUDGE,),
        judges=judges,
        checks=(ValidityCheck.EXEMPLARS,),
        progress=progress,
        watch=watch,
    )
    tried.raise_if_stopped()
    with StoreResults.open(tried.store) as results:
        found = [results.sight(judge) for judge in dict.fromkeys(judges or study.judges)]
    return tuple(one for one in found if one is not None)


def name_exemplars(
    study: Study, exemplars: str | Path | None = None, *, store: str | Path | None = None
) -> Study:
    """Return a study that names this file of exemplars, if one is given.

    Raises
    ------
    InputError
        No exemplar shows a trait of the study.
    """
    if exemplars is not None:
        named = str(exemplars)
        if named != WRITTEN:
            named = str(named_path(exemplars).absolute())
        own = study.validity.model_copy(update={"exemplars": named})
        study = study.model_copy(update={"validity": own})
    check_exams(prepare(study, store_path(study, store), draw=False))
    return study


def unasked_exemplars(study: Study, *, store: str | Path | None = None) -> str:
    """Say which of one's own exemplars the study has no trait for; "" if it has them all."""
    return say_left_out(prepare(study, store_path(study, store), draw=False))


def plan_study(study: Study, *, store: str | Path | None = None) -> Plan:
    """Work out requests, tokens and cost, with no call made."""
    path = store_path(study, store)
    return make_plan(prepare(study, path, draw=False), path)


def forecast_study(
    study: Study,
    *,
    store: str | Path | None = None,
    want: Mapping[str, float] | None = None,
) -> Forecast:
    """Work out what a study's ratings will tell, and what other numbers of trials would.

    Parameters
    ----------
    study : Study
    store : path, optional
        Where it has comparisons, the spread of the strengths is theirs, not the published study's.
    want : mapping, optional
        "half_width" or "shift" (points, at most), "rank_correlation" (at least): the number of
        trials that gives all of these.

    Raises
    ------
    InputError
        Something else is wanted, or what no number of trials gives.
    """
    path = store_path(study, store)
    return make_forecast(prepare(study, path, draw=False), path, want=want)


def check_models(study: Study) -> list[Check]:
    """Ask each model and judge of a study what a run would ask; says what came of each."""
    return engine_check.check_models(asked_models(study), base=study.base)


def read_profiles(
    source: str | Path,
    *,
    method: str = "bradley-terry",
    model: str | None = None,
    without: Sequence[str] = (),
    corrected: bool = False,
    combine: str | None = None,
    form: str = "plain",
) -> Rated:
    """Rate a store or a comparison file.

    Parameters
    ----------
    source : path
    method : str
        One of `ethogram.ratings.methods.METHODS`.
    model : str, optional
        Only this one.
    without : of "truncated" and "named"
        Leave out such replies (of a store).
    corrected : bool
        Rate with the judges' errors modelled, from planted replies (of a store).
    combine : "majority" or "weighted", optional
        Rate one verdict per reply of all judges (of a store), in place of each judge's.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.

    Returns
    -------
    Rated
        One profile per model, judge and condition: a sequence of these. What could not be rated
        is in `unrated`, with the reason.

    Raises
    ------
    InputError
        An unknown method, or a model of which there are no comparisons.
    """
    rating_method(method)
    if combine is not None:
        rated = _rate_combined(Path(source), combine, method, model, without, corrected=corrected)
    elif corrected:
        if method != DEFAULT_METHOD:
            raise InputError(
                f"method is {method!r}: corrected ratings are by {DEFAULT_METHOD} only"
            )
        if is_table(Path(source)):
            raise InputError(f"{source} is not a store: corrected ratings need its planted replies")
        with Store.read(source) as store:
            rated = rate_corrected(store, model=model, without=without)
    else:
        rated = rate_all(
            read_source(source, without=without, model=model, form=form), method=method
        )
    if not is_table(Path(source), form=form):
        with StoreResults.open(source) as results:
            rated = replace(rated, profiles=tuple(map(results.mark, rated.profiles)))
    if model is not None and not (rated.profiles or rated.unrated):
        there = dict.fromkeys(c.model for c in read_source(source, form=form))
        raise InputError(
            f"{source} has no comparisons of {model!r}{guess(model, there)}; it has those of "
            f"{', '.join(there)}"
        )
    return rated


def _rate_combined(
    source: Path,
    how: str,
    method: str,
    model: str | None,
    without: Sequence[str],
    *,
    corrected: bool,
) -> Rated:
    """Rate one verdict per reply of all judges of a store."""
    if is_table(source):
        raise InputError(f"{source} is not a store: combined ratings need its judges' verdicts")
    if corrected or without:
        raise InputError(
            f"combine is {how!r}: combined verdicts are not corrected, and leave out no replies; "
            "rate a single judge for these"
        )
    with StoreResults.open(source) as results:
        return rate_all(combine_all(results, how, model=model), method=method)


@dataclass(frozen=True)
class StoreStatus:
    """What a store has.

    Attributes
    ----------
    counts : tuple of StageCount
        Planned, done and lost rows of each stage, model, judge, part and condition.
    spent : float
        US dollars.
    unknown : int
        Attempts of unknown cost.
    """

    counts: tuple[StageCount, ...]
    spent: float
    unknown: int


def read_status(store: str | Path) -> StoreStatus:
    """Count what a store has, and what was spent."""
    with Store.read(store) as opened:
        return StoreStatus(tuple(count_stages(opened)), *opened.spent())


def read_trial(store: str | Path, trial: int) -> dict[str, Any]:
    """Read one trial with its reply, its verdicts and every attempt.

    Raises
    ------
    InputError
        There is no such trial.
    """
    with Store.read(store) as opened:
        return read.read_trial(opened, trial)


def export_store(
    store: str | Path,
    out: str | Path,
    *,
    tables: Sequence[str] = EXPORTED,
    file_format: str = "parquet",
    force: bool = False,
) -> dict[Path, int]:
    """Write tables of a store to files.

    Parameters
    ----------
    store : path
    out : path
        The folder; made if it is not there.
    tables : of "comparisons", "trials", "replies", "verdicts" and "attempts"
    file_format : "parquet", "csv" or "jsonl"
    force : bool
        Also replace files that ethogram did not write.

    Returns
    -------
    dict of Path to int
        How many rows each file has.
    """
    with Store.read(store) as opened:
        return dict(export_tables(opened, tables, Path(out), file_format, force=force))


def write_report(
    source: str | Path,
    out: str | Path | None = None,
    *,
    without: Sequence[str] = (),
    corrections: bool = True,
    form: str = "plain",
    judge: str | None = None,
    condition: str | None = None,
    force: bool = False,
    note: Callable[[str], None] | None = None,
) -> Path:
    """Write the report on a store or a comparison file: one HTML file that opens offline.

    Parameters
    ----------
    source, out : path
        `out` is SOURCE.html if not given; its JSON and Markdown stand beside it.
    without : of "truncated" and "named"
        Leave out such replies (of a store).
    corrections : bool
        Also rate with the judges' errors modelled, some seconds per model (of a store).
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.
    judge, condition : str, optional
        Only what this judge said, of the checks too, or of this condition.
    force : bool
        Also replace files that ethogram did not write.
    note : callable, optional
        Told when the work begins.

    Returns
    -------
    Path
        Of the HTML file.

    Raises
    ------
    InputError
        Among others, before any work: the files cannot be written, or one is not ethogram's.
    """
    from ethogram import report

    source = Path(source)
    page = Path(out) if out is not None else _page_of(source)
    report.check_page(page, source=source, force=force)
    note = note or (lambda text: None)
    if is_table(source, form=form):
        found = read_source(source, without=without, form=form)
        comparisons = _of_view(found, source, judge, condition)
        note("writing the report ...")
        return report.write_table_report(comparisons, page, title=source.stem, force=force)
    _check_form(source, form)
    with StoreResults.open(source) as results:
        comparisons = _of_view(results.comparisons(without=without), source, judge, condition)
        note("writing the report ...")
        validity = measure_validity(results, corrections=corrections)
        account = report.judge_account(validity, only=judge)
        return report.write_report(
            results,
            page,
            judge=account,
            without=without,
            views=frozenset((c.judge, c.condition) for c in comparisons),
            force=force,
        )


def _of_view(
    found: Sequence[Comparisons], source: Path, judge: str | None, condition: str | None
) -> list[Comparisons]:
    """Return the comparisons of a judge or a condition, if one is named.

    Raises
    ------
    InputError
        There are none of one of them, or of both together; the text says what there is.
    """
    for what, name in (("judge", judge), ("condition", condition)):
        there = dict.fromkeys(getattr(c, what) for c in found)
        if name is not None and name not in there:
            raise InputError(
                f"{source} has no comparisons of {what} {name!r}{guess(name, there)}; it has "
                f"those of {', '.join(there)}"
            )
    fit = [c for c in found if judge in (None, c.judge) and condition in (None, c.condition)]
    if found and not fit:
        pairs = dict.fromkeys(f"{c.judge!r} with {c.condition!r}" for c in found)
        raise InputError(
            f"{source} has no comparisons of judge {judge!r} with condition {condition!r}; it has "
            f"those of {', '.join(pairs)}"
        )
    return fit


def open_demo(
    folder: str | Path = "ethogram-demo",
    *,
    force: bool = False,
    note: Callable[[str], None] | None = None,
) -> Path:
    """Unpack the study in the box, three small open models, and write its report; asks no model.

    Parameters
    ----------
    folder : path
        Where its store, its study file and its report go; made if it is not there.
    force : bool
        Also replace files that are not the demo's.
    note : callable, optional
        Told when the work begins.

    Returns
    -------
    Path
        Of the report; the store is beside it, under the same name.

    Raises
    ------
    InputError
        A file of the same name is there and is not the demo's.
    """
    store = unpack_demo(folder, force=force)
    return write_report(store, force=force, note=note)


def _page_of(source: Path) -> Path:
    """Return where the report on a source is written if nobody says: SOURCE.html, beside it."""
    name = source if source.name not in ("", "..") else source / source.resolve().name
    page = name.with_suffix(".html")
    if source.suffix in (".json", ".md", ".html", ".htm"):  # the report's own endings
        return page.with_name(f"{page.stem}-report.html")
    return page


def save_figures(
    source: str | Path | None,
    out: str | Path,
    *,
    formats: Sequence[str] = ("svg", "png", "pdf"),
    theme: Theme = "light",
    judge: str | None = None,
    condition: str | None = None,
    note: Callable[[str], None] | None = None,
    seed: int = 0,
    form: str = "plain",
    only: Sequence[str] | None = None,
    models: Sequence[str] = (),
    force: bool = False,
) -> list[Path]:
    """Save every figure that the profiles of a store or comparison file allow.

    Models are compared within one judge and one condition.

    Parameters
    ----------
    source : path or None
        None: the published study.
    out : path
        The folder; made if it is not there.
    formats : of "svg", "png", "pdf" and "json"
    theme : "light" or "dark"
    judge, condition : str, optional
        Of the profiles that are drawn; else those with the most planned comparisons, the first
        where equal.
    note : callable, optional
        Told, where there are several judges or conditions, which one is drawn.
    seed : int
        Of every random draw.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.
    only, models : sequence of str
        Names of figures and of models; else all.
    force : bool
        Also replace files that ethogram did not write.

    Raises
    ------
    InputError
        There are no comparisons that can be rated, none of this judge or condition, an unknown
        format, or a file that is not ethogram's.
    """
    from ethogram.figures import save

    save.check_figures(Path(out), formats=formats, theme=theme, force=force, only=only)
    comparisons = [] if source is None else read_source(source, form=form)
    profiles = list(reference_profiles().values() if source is None else rate_all(comparisons))
    if not profiles:
        raise InputError(f"{source} has no comparisons that can be rated")
    views = split_views(profiles)
    view = pick_view(views, judge, condition)
    if note is not None and len(views) > 1:
        note(say_view(views, view, judge, condition))
    return save.save_figures(
        [profiles[i] for i in view.places],
        Path(out),
        formats=formats,
        theme=theme,
        only=only,
        models=models,
        compare=_paired(comparisons),
        said=caption_views(views)[views.index(view)],
        seed=seed,
        force=force,
        gate_runs=_gate_runs(source, view, form),
    )


def _gate_runs(source: str | Path | None, view: View, form: str) -> list[GateRun]:
    """Return what gates said of the models of a view, of a store."""
    if source is None or is_table(Path(source), form=form):
        return []
    with Store.read(source) as store:
        key = (view.judge, view.condition)
        return [run for run in gate_runs(store) if (run.judge, run.condition) == key]


def figure(
    name: str,
    source: str | Path | Profile | Iterable[Profile] | Mapping[str, Profile] | Shift | None = None,
    *,
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
    theme: Theme = "light",
    seed: int = 0,
    form: str = "plain",
) -> Figure:
    """Draw one figure; a notebook shows it.

    Parameters
    ----------
    name : str
        One of `ethogram.figures.choose.FIGURE_NAMES`, such as "radial", "ranks", "shift",
        "similarity" or "ranked".
    source : path, Profile, profiles or Shift, optional
        A store or comparison file, profiles, or the shift that the figure "shift" draws. None:
        the published study.
    models : sequence of str
        Only these, in this order: the shift is from the first to the second. All if empty.
    judge, condition : str, optional
        Of the profiles that are drawn; else those with the most planned comparisons, the first
        where equal.
    theme : "light" or "dark"
    seed : int
        Of every random draw.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.

    Returns
    -------
    Figure
        Its `chart` is the Altair chart, `titled()` the same with title and caption.

    Raises
    ------
    InputError
        An unknown figure or model, none that can be rated, or profiles that do not allow it.
    """
    from ethogram.figures.choose import draw_figure

    if isinstance(source, Shift):
        if name != "shift" or models:
            raise InputError(f"figure {name!r} of a shift, expected 'shift' and no models")
        return source.plot(theme=theme)
    comparisons: list[Comparisons] = []
    if isinstance(source, str | Path):
        comparisons = read_source(source, form=form)
        profiles: list[Profile] = list(rate_all(comparisons))
    else:
        profiles = _given_profiles(source)
    if not profiles:
        raise InputError("there are no profiles to draw, expected at least one")
    views = split_views(profiles)
    view = pick_view(views, judge, condition)
    shown = [profiles[i] for i in view.places]
    return draw_figure(
        name,
        shown,
        models=models,
        compare=_paired(comparisons),
        theme=theme,
        said=caption_views(views)[views.index(view)],
        seed=seed,
        gate_runs=_gate_runs(source, view, form) if isinstance(source, str | Path) else (),
    )


def _given_profiles(
    source: Profile | Iterable[Profile] | Mapping[str, Profile] | None,
) -> list[Profile]:
    """Return profiles as a list, however they are given; none: those of the published study."""
    if source is None:
        return list(reference_profiles().values())
    if isinstance(source, Profile):
        return [source]
    profiles = list(source.values() if isinstance(source, Mapping) else source)
    for profile in profiles:
        if not isinstance(profile, Profile):
            raise InputError(f"source holds {profile!r:.80}, expected profiles")
    return profiles


def _paired(comparisons: Sequence[Comparisons]) -> Callable[[Profile, Profile], Shift]:
    """Return what compares two profiles: prompt by prompt, where their comparisons are known."""
    known = {(c.model, c.judge, c.condition): c for c in comparisons}

    def compare(one: Profile, other: Profile) -> Shift:
        behind = [known.get((p.model, p.judge, p.condition)) for p in (one, other)]
        if behind[0] is None or behind[1] is None:
            return shift(one, other)
        return shift(behind[0], behind[1], profiles=(one, other))

    return compare


def read_source(
    path: str | Path,
    *,
    without: Sequence[str] = (),
    model: str | None = None,
    form: str = "plain",
    keyed: bool = False,
) -> list[Comparisons]:
    """Read the comparisons of a store, or of a file of other people's.

    Parameters
    ----------
    path : path
        A store; or CSV, TSV, JSONL, JSON, Parquet, Arrow or Feather; the text kinds also gzipped.
    without : of "truncated" and "named"
        Leave out such replies (of a store).
    model : str, optional
        Only this one.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.
    keyed : bool
        Number prompts by the text of their ids, so that those of two sources can be paired; else
        as in this source.

    Raises
    ------
    InputError
        A comparison file that lacks a column or holds a row that is not a comparison.
    """
    path = Path(path)
    if is_table(path, form=form):
        if without:
            raise InputError("--without needs a store: a comparison file does not record it")
        found = read_table(path, form=form, keyed=keyed)
        return [c for c in found if model in (None, c.model)]
    _check_form(path, form)
    with Store.read(path) as store:
        return read_comparisons(store, without=without, model=model, keyed=keyed)


def _check_form(path: Path, form: str) -> None:
    """Refuse a form of comparison files for a store."""
    if form != "plain":
        raise InputError(f"--as {form} needs a comparison file: {path} has no such ending")


def pick_two(
    before: Path,
    after: Path | None,
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
    *,
    form: str = "plain",
    note: Callable[[str], None] | None = None,
    how: str = "--model (twice)",
) -> tuple[Comparisons, Comparisons]:
    """Find the two sets of comparisons that a shift is between, of one judge and condition.

    Where there are several of these, it is within the one with the most planned comparisons, as in
    figures; `note` is told which. `how` are words on how models are chosen.

    Raises
    ------
    InputError
        The choice is not clear; the text says what there is.
    """
    paths = (before, after or before)
    read = [read_source(path, form=form, keyed=True) for path in paths]
    sides = [_of_view(side, path, judge, condition) for side, path in zip(read, paths, strict=True)]
    if len(models) not in (0, 2):
        raise InputError(f"{len(models)} models named, expected two in order, by {how}, or none")
    for name, side, path in zip(models, sides, paths, strict=False):
        if name not in (there := dict.fromkeys(c.model for c in side)):
            raise InputError(
                f"{path} has no comparisons of model {name!r}{guess(name, there)}; it has those of "
                f"{', '.join(there)}"
            )
    if models:
        sides = [[c for c in side if c.model == m] for side, m in zip(sides, models, strict=True)]
    sides = _within_view(sides, judge, condition, note, pairs=after is None and not models)
    if after is None and not models:
        if len(sides[0]) == 1:
            only = sides[0][0].model
            raise InputError(f"{before} holds one model ({only}); a shift is between two")
        sides = [sides[0][:1], sides[1][1:]]
    for side, path, whole in zip(sides, paths, read, strict=True):
        if len(side) != 1:
            sets = ", ".join(f"{c.model} by {c.judge} ({c.condition})" for c in whole)
            raise InputError(
                f"{len(side)} sets of comparisons fit in {path}, expected one; it has {sets}: "
                f"choose with {how}, --judge and --condition"
            )
    return sides[0][0], sides[1][0]


Side = str | Path | Profile | Comparisons
"""A store or comparison file, "reference:NAME" for a published profile, or what was read."""


def diff(
    before: Side,
    after: Side | None = None,
    *,
    gate: Gate | str | Path | None = None,
    traits: Sequence[str] = (),
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
    despite: Sequence[str] = (),
    correct: bool = True,
    keep: bool = True,
    form: str = "plain",
    note: Callable[[str], None] | None = None,
) -> Difference:
    """Decide what changed between two models, and whether a gate lets it pass.

    `shift` explores; this decides: the intervals of all K traits that are asked for hold at once.

    Parameters
    ----------
    before, after : path, str, Profile or Comparisons
        Stores or comparison files, published profiles such as "reference:gpt-5.1", or what was
        read before. Without `after`, two models of one source.
    gate : Gate or path, optional
        Bounds in rating points; see docs/gates.md.
    traits : sequence of str
        Without a gate: only these; else all that both sides have.
    models : sequence of str
        Before and after, where a source has several.
    judge, condition : str, optional
        By this judge, under this condition; else those with the most planned comparisons.
    despite : of "design", "prompts", "templates", "condition" and "judge"
        Differences between the two sides that are accepted.
    correct : bool
        Correct for the judge's errors where planted replies of both models are there.
    keep : bool
        Keep a gate's verdict in the store that `after` is from.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.
    note : callable, optional
        Told which judge and condition are compared, and if a verdict could not be kept.

    Returns
    -------
    Difference
        Intervals in rating points: `rows`, one per bound or trait; `verdict` of the gate.

    Raises
    ------
    InputError
        The sides cannot be told, or differ in more than the model; a gate that cannot be used, or
        unknown traits.
    DisconnectedError, NotConverged
        As in `rate`.
    """
    asked = None if gate is None else read_gate(gate)
    options = {"judge": judge, "condition": condition, "form": form, "note": note}
    one, other = _two_sides(before, after, models, **options)
    found = compare_found(one, other, gate=asked, traits=traits, despite=despite, correct=correct)
    if asked is not None and keep and other.store is not None:
        _keep_run(other.store, found.as_run(one.setup.name), note)
    return found


def _keep_run(path: Path, run: GateRun, note: Callable[[str], None] | None) -> None:
    """Add a verdict to the history in a store, if it can be written."""
    try:
        with Store.open(path) as store:
            keep_gate_run(store, run)
    except StoreError as error:
        if note is not None:
            note(f"The verdict was not kept in the store's history: {error}")


def drift(
    source: str | Path,
    since: str,
    *,
    traits: Sequence[str] = (),
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
    despite: Sequence[str] = (),
    correct: bool = True,
    form: str = "plain",
    note: Callable[[str], None] | None = None,
) -> Drift:
    """Compare each release with one before them, in intervals that hold for all of them at once.

    The n-th release may spend 6 / (pi^2 n^2) of the 5%, however many will come.

    Parameters
    ----------
    source : path
        A store or comparison file with all of the releases.
    since : str
        The model that they are compared with.
    models : sequence of str
        The releases, in order; else all that stand after `since` in the study file.
    traits, judge, condition, despite, correct, form, note
        As in `diff`.

    Returns
    -------
    Drift
        `differences`, one per release.

    Raises
    ------
    InputError
        As in `diff`; or there is no such release.
    """
    path = Path(source)
    options = {"judge": judge, "condition": condition, "form": form, "note": note}
    one = _one_side(path, since, **options)
    view = {"judge": one.data.judge, "condition": one.data.condition}
    names = models or _releases(read_source(path, form=form), since, view)
    releases = [_one_side(path, name, **options | view) for name in names]
    return follow(one, releases, traits=traits, despite=despite, correct=correct)


def _releases(comparisons: Sequence[Comparisons], since: str, view: Mapping[str, str]) -> list[str]:
    """Return the models of a view that stand after one of them."""
    there = [
        c.model for c in comparisons if (c.judge, c.condition) == (view["judge"], view["condition"])
    ]
    return there[there.index(since) + 1 :]


def _two_sides(
    before: Side, after: Side | None, models: Sequence[str], **options: Any
) -> tuple[FoundSide, FoundSide]:
    """Find both sides; two models of one source, or of two, are chosen together."""
    both = before if after is None else after
    if _is_path(before) and _is_path(both):
        paths = Path(str(before)), Path(str(both))
        second = None if after is None else paths[1]
        form = options["form"]
        picked = pick_two(paths[0], second, models, how="--models BEFORE,AFTER", **options)
        one, other = (
            find_side(data, path, store=not is_table(path, form=form))
            for data, path in zip(picked, paths, strict=True)
        )
        return one, other
    if after is None:
        raise InputError(f"{before!s:.80} is one profile, expected two to compare")
    if len(models) > 1:
        raise InputError(f"{len(models)} models named, expected at most one: the other is given")
    name = models[0] if models else None
    return _one_side(before, name, **options), _one_side(after, name, **options)


def is_published(side: Side) -> bool:
    """Whether a side is a published profile by its name."""
    return isinstance(side, str) and side.startswith(REFERENCE)


def _is_path(side: Side) -> bool:
    return isinstance(side, str | Path) and not is_published(side)


def _one_side(side: Side, model: str | None, **options: Any) -> FoundSide:
    """Find one side on its own; `model` says which, of a source that has several."""
    if isinstance(side, Profile | Comparisons):
        return find_side(side, None)
    if not _is_path(side):
        return published_side(reference_profile(str(side).removeprefix(REFERENCE)))
    path, form = Path(side), options["form"]
    read = read_source(path, form=form, keyed=True)
    fit = _of_view(read, path, options["judge"], options["condition"])
    if model is not None:
        if model not in (there := dict.fromkeys(c.model for c in fit)):
            raise InputError(
                f"{path} has no comparisons of model {model!r}{guess(model, there)}; it has those "
                f"of {', '.join(there)}"
            )
        fit = [c for c in fit if c.model == model]
    ((*picked,),) = _within_view(
        [fit], options["judge"], options["condition"], options["note"], pairs=False
    )
    if len(picked) != 1:
        several = ", ".join(dict.fromkeys(c.model for c in read))
        raise InputError(f"{path} has several models ({several}): choose one with --models NAME")
    return find_side(picked[0], path, store=not is_table(path, form=form))


def _within_view(
    sides: Sequence[Sequence[Comparisons]],
    judge: str | None,
    condition: str | None,
    note: Callable[[str], None] | None,
    *,
    pairs: bool,
) -> list[list[Comparisons]]:
    """Keep, on both sides, what is of the judge and condition that both have most of.

    `pairs` says that both sides are one source, of which two sets are needed.
    """
    planned: dict[tuple[str, str], int] = {}
    for side in sides[:1] if pairs else sides:
        for c in side:
            key = (c.judge, c.condition)
            planned[key] = planned.get(key, 0) + len(c) + c.lost
    views = [
        View(*key, (), n)
        for key, n in planned.items()
        if all(
            sum((c.judge, c.condition) == key for c in side) >= (2 if pairs else 1)
            for side in sides
        )
    ]
    if not views:
        return [[*side] for side in sides]
    view = pick_view(views)
    if note is not None and len(views) > 1:
        note(say_view(views, view, judge, condition))
    key = (view.judge, view.condition)
    return [[c for c in side if (c.judge, c.condition) == key] for side in sides]
