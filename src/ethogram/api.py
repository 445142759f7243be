"""The verbs of the command line as functions: run a study, test it, plan it, read its profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ethogram.engine import check as engine_check
from ethogram.engine.check import Check
from ethogram.errors import InputError
from ethogram.ratings.comparison_files import is_table, read_table
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.profile import Profile
from ethogram.ratings.results import rate_all
from ethogram.run.checks import check_names, parts_of, plan_checks
from ethogram.run.cost import Plan, make_plan
from ethogram.run.prepare import plan_into, prepare, store_path
from ethogram.run.runner import Run, Watch, asked_tables, check_keys, run_stages
from ethogram.run.stages import MAIN_STAGES
from ethogram.store.read import StageCount, count_stages, read_comparisons
from ethogram.store.store import Store
from ethogram.study import Study
from ethogram.validity.measure import Validity, measure_validity


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


def run_study(
    study: Study,
    *,
    store: str | Path | None = None,
    stages: Sequence[str] = MAIN_STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    checks: Sequence[str] = (),
    watch: Watch | None = None,
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
    checks : of "plants", "orders", "repeats", "retest", "random", "natural"
        Run these validity checks instead of the study itself.
    watch : coroutine function, optional
        Runs beside the stages with the `Run`, such as a progress display.

    Raises
    ------
    EthogramError
        The study cannot be run as it stands. What stops a run midway (a limit, a key that expires)
        is in `run.stopped` instead, as all results so far are kept.
    """
    path = store_path(study, store)
    if not path.exists():  # before anything is made
        check_keys(asked_tables(study, stages, models=models, judges=judges))
    prepared = prepare(study, path)
    with Store.open(path) as opened:
        planned = plan_into(opened, prepared)
        plan_checks(opened, prepared, planned, checks)
        run = run_stages(
            prepared,
            opened,
            planned,
            stages=stages,
            models=models,
            judges=judges,
            parts=parts_of(checks) if checks else ("main",),
            watch=watch,
        )
        return StudyRun(path, run, tuple(count_stages(opened)))


def check_study(
    study: Study, *, store: str | Path | None = None, only: Sequence[str] | None = None
) -> Validity:
    """Run the validity checks of a study and measure what they show."""
    done = run_study(study, store=store, checks=check_names(only))
    if done.run.stopped is not None:
        raise done.run.stopped
    with Store.read(done.store) as opened:
        return measure_validity(opened)


def plan_study(study: Study, *, store: str | Path | None = None) -> Plan:
    """Work out requests, tokens and cost, with no call made."""
    path = store_path(study, store)
    return make_plan(prepare(study, path, draw=False), path)


def check_models(study: Study) -> list[Check]:
    """Make one call to each model and judge of a study; returns the result of each."""
    tables = [*study.models.items(), *study.judges.items()]
    return engine_check.check_models(tables, base=study.base)


def read_profiles(
    source: str | Path, *, method: str = "bradley-terry", without: Sequence[str] = ()
) -> list[Profile]:
    """Rate a store or a comparison file: one profile per model, judge and condition.

    What cannot be rated (no common scale) is left out; `rate_all` says why.
    """
    return list(rate_all(read_source(source, without=without), method=method).profiles)


def read_source(
    path: str | Path, *, without: Sequence[str] = (), model: str | None = None
) -> list[Comparisons]:
    """Read the comparisons of a store, or of a CSV or Parquet file of other people's.

    Raises
    ------
    InputError
        A comparison file that lacks a column or holds a row that is no comparison.
    """
    path = Path(path)
    if is_table(path):
        if without:
            raise InputError("--without needs a store: a comparison file does not record it")
        found = read_table(path)
        return [c for c in found if model in (None, c.model)]
    with Store.read(path) as store:
        return read_comparisons(store, without=without, model=model)


def pick_two(
    before: Path,
    after: Path | None,
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
) -> tuple[Comparisons, Comparisons]:
    """Find the two sets of comparisons that a shift is between.

    Raises
    ------
    InputError
        The choice is not clear; the text says what there is.
    """
    sides = [read_source(before), read_source(after or before)]
    sides = [
        [c for c in side if judge in (None, c.judge) and condition in (None, c.condition)]
        for side in sides
    ]
    if len(models) not in (0, 2):
        raise InputError(f"{len(models)} models named; give --model twice, in order, or not at all")
    if models:
        sides = [[c for c in side if c.model == m] for side, m in zip(sides, models, strict=True)]
    elif after is None:
        if len(sides[0]) == 1:
            only = sides[0][0].model
            raise InputError(f"{before} holds one model ({only}); a shift is between two")
        sides = [sides[0][:1], sides[1][1:]]
    for side, path in zip(sides, (before, after or before), strict=True):
        if len(side) != 1:
            there = ", ".join(f"{c.model} by {c.judge} ({c.condition})" for c in read_source(path))
            raise InputError(
                f"{len(side)} sets of comparisons fit in {path}, expected one; it has {there}: "
                "choose with --model (twice), --judge and --condition"
            )
    return sides[0][0], sides[1][0]
