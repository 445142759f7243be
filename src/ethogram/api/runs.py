"""Running a study: the study itself, its checks, other ways of asking, and what is planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ethogram.engine import check as engine_check
from ethogram.engine.check import Check
from ethogram.errors import Problems, StudyError
from ethogram.ratings.cards import Card, Row, card_html, card_text
from ethogram.ratings.numbers import count_words
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
from ethogram.run.way import Way
from ethogram.run.ways import choose_ways, parts_of_ways, plan_ways, stages_of_ways
from ethogram.stimuli.exemplars import WRITTEN
from ethogram.stimuli.paths import named_path
from ethogram.store.batches import BatchBook
from ethogram.store.read import StageCount, count_stages
from ethogram.store.rows import StageName
from ethogram.store.store import Store
from ethogram.study import Study
from ethogram.validity.asked import find_sections
from ethogram.validity.exemplars import Sight
from ethogram.validity.measure import Validity, measure_validity
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section

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
        run = run_planned(
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


def run_planned(
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


def check_study(
    study: Study,
    *,
    store: str | Path | None = None,
    only: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    progress: bool | None = None,
) -> Validity:
    """Run the validity checks of a study and measure what they say.

    Parameters
    ----------
    study : Study
    store : path, optional
        STEM.db in the working directory if not given.
    only : names, optional
        Of `ethogram.run.checks.Check`; else all but random and natural.
    models, judges : names, optional
        Only these are asked; what is measured is all that the store has.
    progress : bool, optional
        As in `run_study`.

    Raises
    ------
    EthogramError
        The checks could not be run, or not to their end.
    """
    checked = run_study(
        study,
        store=store,
        models=models,
        judges=judges,
        checks=check_names(only),
        progress=progress,
    )
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
