"""The verbs of the command line as functions: run a study, test it, plan it, read its profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ethogram.plan import Plan, make_plan
from ethogram.planning import plan_into, prepare, store_path
from ethogram.profiles import Profile
from ethogram.protocols.checks import check_names, parts_of, plan_checks
from ethogram.records import StageCount, count_stages
from ethogram.results import rate_all, read_source
from ethogram.stages import STAGES, Run, Watch, check_keys, run_stages
from ethogram.store import Store
from ethogram.study import Study
from ethogram.validity import Validity, measure_validity


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
    stages: Sequence[str] = STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    checks: Sequence[str] = (),
    watch: Watch | None = None,
) -> StudyRun:
    """Run a study, or go on with it where it stopped.

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
    if not path.exists():
        check_keys(study, stages, models=models, judges=judges)  # before anything is made
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
    """Run the validity checks of a study and measure what they say."""
    done = run_study(study, store=store, checks=check_names(only))
    if done.run.stopped is not None:
        raise done.run.stopped
    with Store.read(done.store) as opened:
        return measure_validity(opened)


def plan_study(study: Study, *, store: str | Path | None = None) -> Plan:
    """Work out requests, tokens and cost, with no call made."""
    path = store_path(study, store)
    return make_plan(prepare(study, path, draw=False), path)


def read_profiles(
    source: str | Path, *, method: str = "bradley-terry", without: Sequence[str] = ()
) -> list[Profile]:
    """Rate a store or a comparison file: one profile a model, judge and condition.

    What cannot be rated (no common scale) is left out; `ethogram.results.rate_all` says why.
    """
    return list(rate_all(read_source(source, without=without), method=method).profiles)
