"""The command line. Each verb is a few calls of the library, which it imports when it runs."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ethogram import __version__
from ethogram.cli.console import PlainConsole, is_quiet, start_talking
from ethogram.cli.options import (
    As,
    Brake,
    Despite,
    Force,
    GateFile,
    Json,
    Judges,
    Method,
    Models,
    OneCondition,
    OneJudge,
    OnlyCondition,
    OnlyJudge,
    PlainCommand,
    Quiet,
    RatingsFormat,
    Resubmit,
    Source,
    StoreFile,
    StoreOption,
    StudyFile,
    TableFormat,
    TraitNames,
    Without,
)
from ethogram.cli.probing import probe
from ethogram.errors import EthogramError, InputError, guess
from ethogram.ratings.methods import DEFAULT_METHOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethogram.cli.wrapping import WrappingConsole
    from ethogram.figures.theme import Theme
    from ethogram.run.runner import Run
    from ethogram.store.counts import StageCount
    from ethogram.study import Study
    from ethogram.validity.measure import Validity
    from ethogram.validity.results import StoreResults

WRITING = "writing the report ..."
RESUME = "Interrupted. Every answer so far is kept; run it again to resume."
IN_PROCESS = {
    "local": "in this process: local/NAME, local/PATH.gguf",
    "inspect": "Inspect's providers: bedrock/..., vertex/...",
}
TOP = 10  # traits of either end that a run prints
DONE, LOSSES, USAGE, INTERRUPTED = 0, 1, 2, 130

# Our matrices are small: on a busy machine, threads that wait for one another cost forty times
# what they save. It must be set before numpy is imported, which the verbs do when they run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    help="Measure a language model's character by what it does.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    help="List the known services; check a study's models.", rich_markup_mode=None
)
app.add_typer(models_app, name="models")
reference_app = typer.Typer(help="The published study's profiles.", rich_markup_mode=None)
app.add_typer(reference_app, name="reference")
batch_app = typer.Typer(
    help="Requests by the batch: at a service, or in files.", rich_markup_mode=None
)
app.add_typer(batch_app, name="batch")
labels_app = typer.Typer(
    help="People as the yardstick of the judge: draw replies, label them, see what it says.",
    rich_markup_mode=None,
)
app.add_typer(labels_app, name="labels")


def _echo(text: str, *, err: bool = False) -> None:
    """Print a line, unless it is to be quiet."""
    if not is_quiet():
        typer.echo(text, err=err)


def _console(*, stderr: bool = False) -> WrappingConsole:
    from ethogram.cli.wrapping import WrappingConsole

    return WrappingConsole(stderr=stderr)


def _shown() -> AbstractContextManager[None]:
    """Show on standard error what takes longer than a second."""
    from ethogram.cli.phases import shown

    return shown(_console(stderr=True))


def _print_json(value: Any) -> None:
    """Print JSON alone on standard output."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    sys.stdout.write(orjson.dumps(value, option=options).decode() + "\n")


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("-V", "--version", help="Print the version.")] = False,
    quiet: Quiet = False,
) -> None:
    if version:
        typer.echo(f"ethogram {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


# -- running --------------------------------------------------------------------------------


@app.command(cls=PlainCommand)
def run(
    study: StudyFile,
    store: StoreOption = None,
    model: Models = None,
    judge: Judges = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write STEM.html when done.")
    ] = True,
    every: Annotated[
        bool, typer.Option("--all", help="Print every trait, not just the 10 at either end.")
    ] = False,
    brake: Brake = True,
    resubmit: Resubmit = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Elicit, judge, rate and report. Run it again to resume where it stopped."""
    from ethogram.cli.terminal import print_rated
    from ethogram.validity.measure import judge_sentences
    from ethogram.validity.results import StoreResults

    loaded = _load(study)
    if report:
        _check_page(loaded, store, force=force)
    path, done, counts = _run_stages(
        loaded, store, ("elicit", "judge"), model, judge, brake=brake, resubmit=resubmit
    )
    console = _console()
    with StoreResults.open(path) as results:
        for sentence in judge_sentences(results):
            console.print(sentence)
        print_rated(console, results.rated(), top=None if every else TOP)
        if report:
            page = _write_report(results, path.with_suffix(".html"), force=force)
            console.print(f"Report: {page}; store: {path}")
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command(cls=PlainCommand)
def elicit(
    study: StudyFile,
    store: StoreOption = None,
    model: Models = None,
    brake: Brake = True,
    quiet: Quiet = False,
) -> None:
    """Ask the tested models for their replies; judge nothing."""
    loaded = _load(study)
    _, done, counts = _run_stages(loaded, store, ("elicit",), model, None, brake=brake)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command(cls=PlainCommand)
def judge(
    study: StudyFile,
    store: StoreOption = None,
    judge: Judges = None,
    brake: Brake = True,
    quiet: Quiet = False,
) -> None:
    """Judge the replies in the store; elicit nothing."""
    loaded = _load(study)
    path, done, counts = _run_stages(loaded, store, ("judge",), None, judge, brake=brake)
    _say_agreement(_console(), path)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command(cls=PlainCommand)
def exemplars(
    study: StudyFile,
    store: StoreOption = None,
    judge: Judges = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Your own exemplars (trait, prompt, reply) in place of ours."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every trait.")] = False,
    brake: Brake = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try each judge on written replies whose trait is known, before a study is paid for."""
    from ethogram.api import name_exemplars, unasked_exemplars
    from ethogram.cli.sights import print_sights
    from ethogram.run.checks import Check
    from ethogram.validity.exemplars import sights_json
    from ethogram.validity.results import StoreResults

    loaded = name_exemplars(_load(study), file, store=store)
    if left := unasked_exemplars(loaded, store=store):
        _echo(left, err=True)
    path, done, counts = _run_stages(
        loaded, store, ("judge",), None, judge, checks=(Check.EXEMPLARS,), quiet=json, brake=brake
    )
    with StoreResults.open(path) as results:
        asked = dict.fromkeys(judge or loaded.judges)
        sights = {name: sight for name in asked if (sight := results.sight(name)) is not None}
    if json:
        pending = {name: sum(c.pending for c in counts if c.judge == name) for name in asked}
        _print_json(sights_json(sights, pending))
    else:
        print_sights(_console(), [*sights.values()], every=every)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command(cls=PlainCommand)
def validity(
    study: StudyFile,
    store: StoreOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK",
            help="exemplars, plants, orders, repeats, retest; or random, natural, each as large "
            "as the study itself (repeatable). By default, all but these two.",
        ),
    ] = None,
    model: Models = None,
    judge: Judges = None,
    correct: Annotated[
        bool,
        typer.Option("--correct/--no-correct", help="Also correct for the judge's errors."),
    ] = True,
    brake: Brake = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Test the judge and the choice: planted traits, both orders, repeats, controls."""
    from ethogram.cli.terminal import print_validity
    from ethogram.run.checks import check_names
    from ethogram.validity.measure import measure_validity, validity_json
    from ethogram.validity.results import StoreResults

    checks, loaded = check_names(only), _load(study)
    path, done, counts = _run_stages(
        loaded, store, ("elicit", "judge"), model, judge, checks=checks, quiet=json, brake=brake
    )
    with StoreResults.open(path) as results:
        found = measure_validity(results, corrections=correct)
        if json:
            _print_json(validity_json(found))
        else:
            print_validity(_console(), found)
        _renew_report(results, path.with_suffix(".html"), found, say=not json)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command(cls=PlainCommand)
def ask(
    study: StudyFile,
    store: StoreOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAY",
            help="persistence, free, self-report, breadth (repeatable). By default, all whose "
            "table is in the study file.",
        ),
    ] = None,
    brake: Brake = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask in other ways: conversations that go on, a free choice, self-reports, breadth."""
    from ethogram.run.ways import choose_ways

    loaded = _load(study)
    names = [way.name for way in choose_ways(loaded, only)]
    _ask(loaded, store, names, brake=brake, json=json)


@app.command(cls=PlainCommand)
def breadth(
    study: StudyFile,
    store: StoreOption = None,
    brake: Brake = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how many next words each model considers; no judge is asked."""
    from ethogram.study import BreadthTable

    loaded = _load(study)
    if loaded.breadth is None:
        loaded = loaded.model_copy(update={"breadth": BreadthTable()})
    _ask(loaded, store, ["breadth"], brake=brake, json=json)


def _ask(study: Study, store: Path | None, names: list[str], *, brake: bool, json: bool) -> None:
    """Ask in other ways, and print what a store has of them."""
    from ethogram.cli.sections import print_sections
    from ethogram.validity.asked import find_sections, section_json
    from ethogram.validity.results import StoreResults

    path, done, counts = _run_stages(
        study, store, (), None, None, ways=names, quiet=json, brake=brake
    )
    with StoreResults.open(path) as results:
        found = [s for s in find_sections(results) if s.name in names]
        if json:
            _print_json({section.name: section_json(section) for section in found})
        else:
            print_sections(_console(), found)
    raise typer.Exit(_exit_code(study, done, counts))


def _check_page(study: Study, store: Path | None, *, force: bool) -> None:
    """Refuse, before anything is asked, a place where the report cannot be written."""
    from ethogram.report.places import check_page
    from ethogram.run.prepare import store_path

    path = store_path(study, store)
    check_page(path.with_suffix(".html"), source=path, force=force)


def _load(study_file: Path) -> Study:
    from ethogram.study import load_study

    return load_study(study_file)


def _run_stages(
    study: Study,
    store_file: Path | None,
    stages: tuple[str, ...],
    models: list[str] | None,
    judges: list[str] | None,
    *,
    checks: tuple[str, ...] = (),
    ways: Sequence[str] = (),
    quiet: bool = False,
    brake: bool = True,
    resubmit: list[int] | None = None,
) -> tuple[Path, Run, list[StageCount]]:
    """Run stages with a progress display; returns the store's path, the run and the counts."""
    from ethogram.api import parts_asked, run_study
    from ethogram.cli.counting import print_losses
    from ethogram.cli.progress import Progress
    from ethogram.run.ways import choose_ways, stages_of_ways

    chosen = choose_ways(study, ways) if ways else ()
    parts, stages = parts_asked(checks, chosen), stages_of_ways(chosen) or stages
    console, errors = _console(), _console(stderr=True)
    made = run_study(
        study,
        store=store_file,
        stages=stages,
        models=models,
        judges=judges,
        checks=checks,
        ways=[way.name for way in chosen],
        watch=Progress(errors).watch,
        brake=brake,
        resubmit=resubmit or (),
    )
    counts = [c for c in made.counts if c.stage in stages and c.part in parts]
    if quiet and made.run.interrupted:  # its standard output is JSON alone
        _echo(RESUME, err=True)
    elif not quiet:
        _say_what_was_done(console, made.run, made.store, counts)
        print_losses(console, counts)
    return made.store, made.run, counts


def _say_what_was_done(
    console: WrappingConsole, done: Run, path: Path, counts: list[StageCount]
) -> None:
    """Say how many calls there were, what is left, and what goes on at a service."""
    from ethogram.api import list_batches
    from ethogram.cli.batches import say_under_way

    under_way = [*say_under_way(list_batches(path))] if done.interrupted else []
    if done.calls:
        cost = sum(meter.cost for meter in done.meters.values())
        unknown = any(meter.unknown_cost for meter in done.meters.values())
        money = "cost unknown" if unknown and not cost else f"${cost:,.4f}"
        console.print(
            f"{done.calls:,} calls, {money}{' and some unknown' if unknown and cost else ''}."
        )
    else:
        lost = sum(c.lost for c in counts)
        pending = sum(c.pending for c in counts)
        if pending:
            none = "No answer came" if under_way else "No call was made"
            console.print(f"{none}; {pending:,} answers are pending.")
        elif lost:
            console.print(
                f"Nothing to ask: {path} has all but {lost:,} answers, which were lost for good "
                "(a higher `attempts` retries those that may yet succeed). No call was made."
            )
        else:
            console.print(f"Nothing to ask: {path} has every answer. No call was made.")
    for line in done.said:
        console.print(line)
    if done.interrupted:
        console.print(RESUME)
    for line in under_way:
        console.print(line)


def _exit_code(study: Study, done: Run, counts: list[StageCount]) -> int:
    """0 done, 1 with losses over the stated share, 2 stopped by an error, 130 interrupted."""
    from ethogram.cli.counting import name_row

    if done.stopped is not None:
        _say_error(str(done.stopped))
        return USAGE
    if done.interrupted:
        return INTERRUPTED
    allowed = study.study.max_lost
    over = [c for c in counts if c.lost > allowed * c.planned]
    for c in over:
        _say_error(
            f"{c.lost} of {c.planned} lost in {c.stage} of {name_row(c, counts)}, more than "
            f"max_lost = {allowed:g} allows"
        )
    return LOSSES if over else DONE


def _say_agreement(console: WrappingConsole, path: Path) -> None:
    """Say how far several judges agree, if the store has several."""
    from ethogram.validity.measure import measure_validity
    from ethogram.validity.results import StoreResults

    page = path.with_suffix(".html")
    with StoreResults.open(path) as results:
        found = measure_validity(results, corrections=page.is_file())  # which the report has
        for sentence in found.agreement.findings() if found.agreement is not None else ():
            console.print(sentence)
        _renew_report(results, page, found)


def _write_report(results: StoreResults, out: Path, *, force: bool = False) -> Path:
    """Write a store's report, with what is known of its judges, corrections included."""
    from ethogram.report import write_report
    from ethogram.report.judge import judge_account
    from ethogram.validity.measure import measure_validity

    _echo(WRITING, err=True)
    account = judge_account(measure_validity(results))
    return write_report(results, out, judge=account, force=force)


def _renew_report(results: StoreResults, page: Path, found: Validity, *, say: bool = True) -> None:
    """Update a report that stands beside the store with what is now known of the judges."""
    from ethogram.report import check_page, write_report
    from ethogram.report.judge import judge_account

    if not page.is_file():
        return
    try:
        check_page(page, source=results.store.path)
    except InputError as error:
        _echo(f"The report was not updated: {error}", err=True)
        return
    _echo(WRITING, err=True)
    write_report(results, page, judge=judge_account(found))
    if say:
        _console().print(f"Report updated: {page}")


@app.command(cls=PlainCommand)
def view(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATHS",
            help="Stores, folders of stores (default: this one), or reference: for the published "
            "study.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME", help="A link for this person to label with (repeatable)."
        ),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="0: any that is free.")] = 0,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a static site there instead of serving."),
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts/--no-texts", help="In a bundle: with replies and messages.")
    ] = True,
    limit: Annotated[
        int, typer.Option("--limit", metavar="MB", help="In a bundle: of all replies.")
    ] = 200,
    quiet: Quiet = False,
) -> None:
    """Show studies in the browser, from this machine only; or let people label replies."""
    from ethogram.api.view import serve_view, write_bundle

    shown = paths or ["."]
    if bundle is not None:
        page = write_bundle(
            shown, bundle, texts=texts, limit=limit * 10**6, note=lambda text: _echo(text, err=True)
        )
        _echo(str(page))
        return
    serve_view(shown, port=port, labellers=label or (), note=typer.echo)


# -- labels ---------------------------------------------------------------------------------


@labels_app.command("draw", cls=PlainCommand)
def labels_draw(
    store: StoreFile,
    size: Annotated[int, typer.Option("--size", metavar="N", help="How many replies.")] = 200,
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge", metavar="NAME", help="The judge to be checked; default: the first."
        ),
    ] = None,
    model: Models = None,
    overlap: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Share that every labeller is asked about."),
    ] = 0.2,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the draw.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Draw chosen replies for people to label. Unsure ones come more often; no call is made."""
    from ethogram.api.labels import draw_labels

    made = draw_labels(store, size, judge=judge, models=model or (), overlap=overlap, seed=seed)
    shared = sum(item.shared for item in made.items)
    _echo(f"Drew {len(made.items):,} replies judged by {made.judge}; {shared:,} go to everybody.")
    _echo(f"Label them: ethogram view {store} --label NAME, or `ethogram labels export`.")


@labels_app.command("export", cls=PlainCommand)
def labels_export(
    store: StoreFile,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The file, ending in .csv.")
    ] = Path("labels.csv"),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the queue as CSV. It has message, reply and two words, not model and verdict."""
    from ethogram.api.labels import export_labels

    rows = export_labels(store, out, force=force)
    _echo(f"{out}: {rows:,} replies. Fill in label and labeller, then: ethogram labels import")


@labels_app.command("import", cls=PlainCommand)
def labels_import(
    store: StoreFile,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table of labels.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who labelled, if no column says.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Take labels from a table. Its columns are trial, label and labeller."""
    from ethogram.api.labels import import_labels

    _echo(f"{import_labels(store, file, labeller=by):,} labels are new or changed.")


@labels_app.command("status", cls=PlainCommand)
def labels_status(
    store: StoreFile,
    half_width: Annotated[
        float,
        typer.Option(
            "--half-width", metavar="SHARE", help="Say how many labels such an interval needs."
        ),
    ] = 0.05,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what labels tell of each judge. Also how far people are, and what is still needed."""
    from ethogram.api.labels import read_label_status
    from ethogram.ratings.serialise import as_plain

    found = read_label_status(store, half_width=half_width)
    if json:
        _print_json(as_plain(found))
        return
    for sentence in found.sentences():
        _echo(sentence)


# -- batches --------------------------------------------------------------------------------


@batch_app.command("status", cls=PlainCommand)
def batch_status(store: StoreFile, json: Json = False, quiet: Quiet = False) -> None:
    """List the batches of a store: where they are, and how far."""
    from ethogram.api import list_batches
    from ethogram.cli.batches import batches_json, print_batches

    found = list_batches(store)
    if json:
        _print_json(batches_json(found))
    else:
        print_batches(_console(), found)


@batch_app.command("cancel", cls=PlainCommand)
def batch_cancel(
    study: StudyFile,
    number: Annotated[int, typer.Argument(metavar="N", help="A batch's number.")],
    store: StoreOption = None,
    quiet: Quiet = False,
) -> None:
    """Ask the service to end a batch. What it has done is paid for, and is still collected."""
    from ethogram.api import cancel_batch

    batch = cancel_batch(_load(study), number, store=store)
    _echo(
        f"Batch {number} ({batch.handle}) is to end. Run the study to collect what it has done; "
        "the rest is pending then."
    )


@batch_app.command("write", cls=PlainCommand)
def batch_write(
    study: StudyFile,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="The folder to write to.")
    ],
    store: StoreOption = None,
    model: Models = None,
    judge: Judges = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Also what this validity check asks (repeatable)."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what was written before and has no answer.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write what is pending as OpenAI's batch files, to be run elsewhere. No call is made."""
    from ethogram.api import write_batches
    from ethogram.cli.batches import say_written

    made = write_batches(
        _load(study),
        out,
        store=store,
        models=model,
        judges=judge,
        checks=tuple(check or ()),
        again=again,
    )
    for line in say_written(made, out):
        _echo(line)


@batch_app.command("read", cls=PlainCommand)
def batch_read(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that `batch write` made.")
    ],
    store: StoreOption = None,
    quiet: Quiet = False,
) -> None:
    """Take the answers that stand in a folder of batch files, under any name."""
    from ethogram.api import read_batches
    from ethogram.cli.batches import say_read
    from ethogram.cli.counting import print_losses

    taken = read_batches(folder, store=store)
    for line in say_read(taken):
        _echo(line)
    print_losses(_console(), list(taken.counts))
    if taken.run.stopped is not None:
        _say_error(str(taken.run.stopped))
        raise typer.Exit(USAGE)


# -- reading --------------------------------------------------------------------------------


@app.command(cls=PlainCommand)
def plan(
    study: StudyFile,
    store: StoreOption = None,
    want: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="How many trials give half_width=POINTS, shift=POINTS or rank_correlation=R.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Estimate requests, tokens, cost, and what the ratings will tell. No call is made."""
    from ethogram.api import forecast_study, plan_study
    from ethogram.cli.terminal import print_forecast, print_plan
    from ethogram.run.cost import plan_json
    from ethogram.run.foresight import forecast_json, read_want
    from ethogram.study import load_study

    wanted = None if want is None else read_want(want)
    loaded = load_study(study)
    made = plan_study(loaded, store=store)
    if not json and not wanted:
        print_plan(_console(), made)
    told = forecast_study(loaded, store=store, want=wanted)
    if json:
        _print_json({**plan_json(made), "forecast": forecast_json(told)})
    else:
        print_forecast(_console(), told)


@app.command(cls=PlainCommand)
def status(store: StoreFile, json: Json = False, quiet: Quiet = False) -> None:
    """Count what is planned, done and lost, by model, stage, status and trait."""
    from dataclasses import asdict

    from ethogram.cli.counting import print_counts, print_providers
    from ethogram.store.counts import count_providers, count_stages
    from ethogram.store.store import Store

    with Store.read(store) as opened:
        counts, (spent, unknown) = count_stages(opened), opened.spent()
        providers = count_providers(opened)
    if json:
        stages = [{**asdict(c), "lost": c.lost, "pending": c.pending} for c in counts]
        keys = ("stage", "name", "provider", "answers")
        _print_json(
            {
                "stages": stages,
                "providers": [dict(zip(keys, row, strict=True)) for row in providers],
                "spent": spent,
                "attempts_of_unknown_cost": unknown,
            }
        )
        return
    console = PlainConsole()
    print_counts(console, counts)
    print_providers(console, providers)
    more = f", and {unknown:,} attempts of unknown cost" if unknown else ""
    console.print(f"Spent: ${spent:,.4f}{more}.")


@app.command(cls=PlainCommand)
def ratings(
    source: Annotated[
        Path | None, typer.Argument(metavar="SOURCE", help="A store, or a file of comparisons.")
    ] = None,
    method: Method = DEFAULT_METHOD,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only this model.")] = None,
    without: Without = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="Corrected for the judge's measured errors.")
    ] = False,
    combine: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="One verdict of all judges per reply: majority or weighted."
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Print a published profile instead, such as gpt-5.1."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the N highest and the N lowest traits."),
    ] = None,
    format: RatingsFormat = "table",
    form: As = "plain",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Rate traits and print each profile with its intervals."""
    from ethogram.api import read_profiles
    from ethogram.cli.formats import FORMATS
    from ethogram.cli.terminal import print_rated
    from ethogram.ratings.rate import reference_profile
    from ethogram.ratings.results import Rated
    from ethogram.ratings.serialise import ratings_json

    _check_format(format)
    if top is not None and top < 1:
        raise InputError(f"--top is {top}, expected 1 or more")
    if reference is not None:
        rated = Rated((reference_profile(reference),), ())
    elif source is None:
        raise InputError("ratings needs a store or a comparison file, or --reference MODEL")
    else:
        with _shown():
            rated = read_profiles(
                source,
                method=method,
                model=model,
                without=without or (),
                corrected=corrected,
                combine=combine,
                form=form,
            )
        if not (rated.profiles or rated.unrated):
            raise InputError(f"{source} has no comparisons")
    if json or format == "json":
        _print_json(_of_ends(ratings_json(rated), top))
    elif format in FORMATS:
        sys.stdout.write(FORMATS[format](rated, top))
    else:
        print_rated(_console(), rated, top=top)
    if rated.unrated and not rated.profiles:
        raise typer.Exit(LOSSES)


def _check_format(name: str) -> None:
    """Refuse a format of ratings that there is not."""
    known = ("table", "csv", "md", "json")
    if name not in known:
        raise InputError(
            f"format is {name!r}{guess(name, known)}, expected one of {', '.join(known)}"
        )


def _of_ends(value: dict[str, Any], top: int | None) -> dict[str, Any]:
    """Return ratings as JSON with the traits of either end of each profile only."""
    from ethogram.cli.terminal import ends

    for profile in value["profiles"]:
        profile["ratings"] = [row for row in ends(profile["ratings"], top) if row is not None]
    return value


@app.command(cls=PlainCommand)
def report(
    source: Source,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="The HTML file.")
    ] = None,
    judge: OnlyJudge = None,
    condition: OnlyCondition = None,
    without: Without = None,
    form: As = "plain",
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the report: one HTML file that opens offline."""
    from ethogram.api import write_report

    with _shown():
        page = write_report(
            source,
            out,
            judge=judge,
            condition=condition,
            without=without or (),
            form=form,
            force=force,
            note=lambda text: _echo(text, err=True),
        )
    _echo(f"{page}")
    if show:
        typer.launch(page.resolve().as_uri())


@app.command(cls=PlainCommand)
def figures(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="SOURCE", help="A store or comparison file; default: the published study."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="The folder.")] = Path(
        "figures"
    ),
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these figures, such as radial,shift."),
    ] = None,
    model: Models = None,
    format: Annotated[
        str, typer.Option(metavar="NAMES", help="svg, png, pdf or json, separated by commas.")
    ] = "svg,png,pdf",
    dark: Annotated[bool, typer.Option("--dark", help="For a dark page.")] = False,
    judge: OneJudge = None,
    condition: OneCondition = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of every random draw.")] = 0,
    form: As = "plain",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Save every figure that the profiles allow, for one judge."""
    from ethogram.api import save_figures

    formats = _names([format])
    theme: Theme = "dark" if dark else "light"
    with _shown():
        saved = save_figures(
            source,
            out,
            only=None if only is None else _names(only),
            models=tuple(model or ()),
            formats=formats,
            theme=theme,
            judge=judge,
            condition=condition,
            note=lambda text: _echo(text, err=True),
            seed=seed,
            form=form,
            force=force,
        )
    for path in saved:
        _echo(f"{path}")


def _names(texts: list[str]) -> tuple[str, ...]:
    """Return names that stand in one text or several, with commas."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


@app.command(cls=PlainCommand)
def shift(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="BEFORE [AFTER]",
            help="Stores or comparison files; or one, and two of its models.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Before, then after (give it twice)."),
    ] = None,
    judge: OneJudge = None,
    condition: OneCondition = None,
    form: As = "plain",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how far each trait moved between two models, or before and after a fine-tune."""
    from ethogram.api import pick_two
    from ethogram.cli.terminal import print_shift
    from ethogram.ratings.serialise import shift_json
    from ethogram.ratings.shift import shift as measure_shift

    before, after, pair = _sides(sources, tuple(model or ()))
    with _shown():
        sides = pick_two(
            Path(before),
            Path(after) if after is not None else None,
            pair,
            judge,
            condition,
            form=form,
            note=lambda text: _echo(text, err=True),
        )
        moved = measure_shift(*sides)
    if json:
        _print_json(shift_json(moved))
    else:
        print_shift(_console(), moved)


@app.command(cls=PlainCommand)
def diff(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="BEFORE [AFTER]",
            help="Stores, comparison files or reference:NAME; or one, and two of its models.",
        ),
    ],
    gate: GateFile = None,
    traits: TraitNames = None,
    models: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Before and after (or the releases): old,new."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Compare each later release with this model."),
    ] = None,
    despite: Despite = None,
    correct: Annotated[
        bool,
        typer.Option("--correct/--no-correct", help="Correct for the judge's errors, if known."),
    ] = True,
    judge: OneJudge = None,
    condition: OneCondition = None,
    form: As = "plain",
    every: Annotated[bool, typer.Option("--all", help="Print every trait or bound.")] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a gate's verdicts as JUnit XML.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a pull request comment.")
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --since: draw the traits (svg, png, pdf, json)."),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide what changed between two models, and whether a gate lets it pass."""
    from ethogram import api
    from ethogram.cli.diffing import CODES, check_files, print_difference, write_files
    from ethogram.ratings.gate_forms import difference_json

    before, after, pair = _sides(sources, _names(models or []))
    files = [Path(name) for name in (before, after) if name and not api.is_published(name)]
    check_files(junit, markdown, chart, gate=gate, sources=files, force=force)
    named = _names(traits or [])
    options: dict[str, Any] = {
        "traits": named,
        "models": pair,
        "judge": judge,
        "condition": condition,
        "despite": _names(despite or []),
        "correct": correct,
        "form": form,
        "note": lambda text: _echo(text, err=True),
    }
    if since is not None:
        if gate or junit or markdown or after:
            raise InputError("--since compares the releases of one source, without a gate")
        _drift(before, since, options, chart=chart, every=every, json=json)
        return
    if chart is not None:
        raise InputError("--chart draws releases: it needs --since MODEL")
    with _shown():
        found = api.diff(before, after, gate=gate, **options)
    write_files(found, junit, markdown)
    if json:
        _print_json(difference_json(found))
    else:
        print_difference(_console(), found, every=every)
    raise typer.Exit(CODES[found.verdict])


def _sides(sources: list[str], models: tuple[str, ...]) -> tuple[str, str | None, tuple[str, ...]]:
    """Read the arguments of `diff` and `shift`: two sources, or one, and two of its models."""
    if len(sources) == 3 and not models:
        return sources[0], None, (sources[1], sources[2])
    if len(sources) > 2:
        raise InputError(
            f"{len(sources)} names given, expected BEFORE AFTER, or SOURCE and two of its models"
        )
    return sources[0], sources[1] if len(sources) > 1 else None, models


def _drift(
    source: str,
    since: str,
    options: dict[str, Any],
    *,
    chart: Path | None,
    every: bool,
    json: bool,
) -> None:
    """Compare releases with one before them, print and draw."""
    from ethogram.api import drift
    from ethogram.cli.diffing import print_drift
    from ethogram.figures.save import save_figure
    from ethogram.figures.timelines import drift_lines
    from ethogram.ratings.gate_forms import drift_json

    with _shown():
        found = drift(source, since, **options)
    if chart is not None:
        save_figure(drift_lines(found), chart)
    if json:
        _print_json(drift_json(found))
    else:
        print_drift(_console(), found, every=every)


@reference_app.callback(invoke_without_command=True)
def _reference_models(context: typer.Context) -> None:
    """List the published profiles."""
    from ethogram.ratings.rate import reference_profiles

    if context.invoked_subcommand is None:
        for name in reference_profiles():
            _echo(name)


@reference_app.command("report", cls=PlainCommand)
def reference_report(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="The folder.")] = Path(
        "out"
    ),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the report of the published study, from its win counts; no call is made."""
    from ethogram.report import write_reference_report

    _echo(f"{write_reference_report(out, force=force)}")


@reference_app.command("claims", cls=PlainCommand)
def reference_claims(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The HTML file.")] = Path(
        "published.html"
    ),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Test the published study's claims on its win counts, one by one; no call is made."""
    from ethogram.report.claims import write_claims

    _echo(f"{write_claims(out, force=force)}")


@reference_app.command("diff", cls=PlainCommand)
def reference_diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A published model.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another one.")],
    gate: GateFile = None,
    traits: TraitNames = None,
    every: Annotated[bool, typer.Option("--all", help="Print every trait or bound.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide what differs between two published profiles; no call is made."""
    from ethogram.api import REFERENCE
    from ethogram.api import diff as find_difference
    from ethogram.cli.diffing import CODES, print_difference
    from ethogram.ratings.gate_forms import difference_json

    names = (f"{REFERENCE}{before}", f"{REFERENCE}{after}")
    found = find_difference(*names, gate=gate, traits=_names(traits or []))
    if json:
        _print_json(difference_json(found))
    else:
        print_difference(_console(), found, every=every)
    raise typer.Exit(CODES[found.verdict])


app.command(cls=PlainCommand)(probe)


@app.command(cls=PlainCommand)
def show(
    store: StoreFile,
    trial: Annotated[int, typer.Argument(metavar="N", help="A trial's number.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print one trial with its reply, its verdicts and every attempt."""
    from ethogram.cli.showing import print_trial
    from ethogram.store.read import read_trial
    from ethogram.store.store import Store

    with Store.read(store) as opened:
        record = read_trial(opened, trial)
    if json:
        _print_json(record)
    else:
        print_trial(_console(), record)


@app.command(cls=PlainCommand)
def export(
    store: StoreFile,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="The folder to write to.")
    ] = Path(),
    table: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="comparisons, trials, replies, verdicts or attempts (repeatable)."
        ),
    ] = None,
    format: TableFormat = "parquet",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write trials, replies, verdicts and comparisons as tables, or as other programs read them."""
    from ethogram.store.export import EXPORTED, FORMATS, export_tables
    from ethogram.store.store import Store

    if format not in FORMATS:
        from ethogram.cli.bridges import export_for_others

        with _shown():
            lines = export_for_others(store, out, format, tables=table, force=force)
        for line in lines:
            _echo(line)
        return
    with Store.read(store) as opened:
        tables = export_tables(opened, table or EXPORTED, out, format, force=force)
        for file, rows in tables:
            _echo(f"{file}: {rows:,} rows")


@app.command("import", cls=PlainCommand)
def import_(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOGS", help="Logs of Inspect (.eval, .json), or transcripts (JSONL)."
        ),
    ],
    study: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The study file whose traits and judges are used."),
    ],
    store: StoreOption = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose replies these are, whatever the files say."),
    ] = None,
    judge: Judges = None,
    brake: Brake = True,
    quiet: Quiet = False,
) -> None:
    """Judge replies that were given elsewhere: a profile at the judge's price only."""
    from ethogram.api.bridges import import_transcripts
    from ethogram.cli.counting import print_losses
    from ethogram.cli.progress import Progress
    from ethogram.cli.terminal import print_rated
    from ethogram.study import load_study
    from ethogram.validity.results import StoreResults

    loaded = load_study(study, asks=False)
    made = import_transcripts(
        loaded,
        logs,
        store=store,
        model=model,
        judges=judge,
        note=_echo,
        watch=Progress(_console(stderr=True)).watch,
        brake=brake,
    )
    counts = [c for c in made.counts if c.stage == "judge" and c.part == "main"]
    console = _console()
    _say_what_was_done(console, made.run, made.store, counts)
    print_losses(console, counts)
    with StoreResults.open(made.store) as results:
        print_rated(console, results.rated(), top=TOP)
    raise typer.Exit(_exit_code(loaded, made.run, counts))


@app.command(cls=PlainCommand)
def publish(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What `export --format hf` wrote.")
    ],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The data set on the hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Make a new data set public; default: private.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Upload without asking.")] = False,
    quiet: Quiet = False,
) -> None:
    """Upload an exported data set to the Hugging Face hub. It asks first."""
    from ethogram.cli.bridges import publish_folder

    if not publish_folder(folder, repo, public=public, yes=yes, say=_echo):
        raise typer.Exit(LOSSES)


@app.command(cls=PlainCommand)
def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="The folder to write to.")
    ] = Path("ethogram-demo"),
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the report of a real study of three small open models; no model is needed."""
    from ethogram.api import open_demo

    with _shown():
        page = open_demo(out, force=force, note=lambda text: _echo(text, err=True))
    store = page.with_suffix(".db")
    _echo(f"Report: {page}; store: {store}; study file: {page.with_suffix('.toml')}")
    named = _pasted(store)
    _echo(f"More: ethogram ratings {named}; ethogram status {named}; ethogram show {named} 1")
    if show:
        typer.launch(page.resolve().as_uri())


def _pasted(path: Path) -> str:
    """Write a path as a shell takes it, and as no option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


# -- stimuli, presets, services -------------------------------------------------------------


@app.command(cls=PlainCommand)
def init(
    out: Annotated[Path | None, typer.Argument(metavar="FILE", help="The file to write.")] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="study2026: the published study.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a commented study file."""
    from importlib import resources

    from ethogram.stimuli.tables.written import check_outputs, write_whole

    presets = {None: "blank", "study2026": "study2026"}
    if preset is not None and preset not in presets:
        near = guess(preset, ["study2026"])
        raise InputError(f"no preset {preset!r}{near}; there is study2026")
    path = out or Path(f"{preset or 'study'}.toml")
    check_outputs([path], force=force)
    folder = resources.files("ethogram") / "data" / "presets"
    write_whole(path, (folder / f"{presets[preset]}.toml").read_bytes())
    _echo(f"{path} written; next: ethogram plan {_pasted(path)}")


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    """List the known services with the variable that holds each key, and the local models."""
    from ethogram.engine.services import SERVICES
    from ethogram.engine.weights import KNOWN, say_kept

    if context.invoked_subcommand is None:
        for name, service in SERVICES.items():
            where = service.base_url or IN_PROCESS[name]
            _echo(f"{name:<11} {where:<57} {service.api_key_env}".rstrip())
        for known in KNOWN:
            size = f"{known.size / 1e6:,.0f} MB, {known.licence}"
            _echo(f"local/{known.name:<20} {size:<22} {say_kept(known)}")


@models_app.command("fetch", cls=PlainCommand)
def models_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as qwen2.5-coder-1.5b.")],
    quiet: Quiet = False,
) -> None:
    """Fetch a local model into the cache, once; only the pinned bytes are kept."""
    from ethogram.cli.fetching import show_fetching
    from ethogram.engine.fetch import fetch_weights
    from ethogram.engine.weights import find_weights

    with show_fetching(_console(stderr=True)) as tell:
        path = fetch_weights(find_weights(name), tell=tell)
    _echo(f"{path}")


@models_app.command("check", cls=PlainCommand)
def models_check(study: StudyFile, quiet: Quiet = False) -> None:
    """Ask each model and judge what a run asks; name settings refused or ignored."""
    from ethogram.api import check_models
    from ethogram.cli.terminal import print_checks
    from ethogram.study import load_study

    checks = check_models(load_study(study))
    print_checks(_console(), checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(LOSSES)


@app.command(cls=PlainCommand)
def traits(
    source: Annotated[
        str | None, typer.Argument(metavar="SET", help="A set's name or a file.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """List the trait sets, or the traits of one."""
    from ethogram.stimuli.traits import load_traits, trait_sets

    if source is None:
        for name, description in trait_sets().items():
            _echo(f"{name:<12} {description}")
        return
    for trait in load_traits(source).traits:
        _echo(f"{trait.name}  {trait.description}".rstrip())


@app.command(cls=PlainCommand)
def prompts(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="bundled, wildchat, a file, or a study file."),
    ] = ("bundled"),
    count: Annotated[int, typer.Option("-n", metavar="N", help="How many to print.")] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the selection.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Summarise a set of prompts and what the filters dropped; print a few."""
    from ethogram.stimuli.prompts import load_prompts
    from ethogram.study import load_study

    if count < 0:
        raise InputError(f"-n is {count}, expected 0 or more")
    if source.endswith(".toml"):
        study = load_study(source)
        found = load_prompts(
            study.study.prompts, filter=study.prompts, seed=study.study.seed, base=study.base
        )
    else:
        found = load_prompts(source, seed=seed, limit=1000 if source == "wildchat" else None)
    _echo(found.describe())
    import random

    picked = random.Random(seed).sample(found.prompts, min(count, len(found)))
    for prompt in picked:
        text = " ".join(prompt.text.split())
        _echo(f"{prompt.id:<8} {prompt.language:<3} {text[:60]}")


def _say_error(message: str) -> None:
    """One clear line on standard error."""
    sys.stderr.write(f"ethogram: {message}\n")


def main() -> None:
    """Run the command line; the user's mistakes become one line and exit code 2."""
    start_talking()
    try:
        app()
    except EthogramError as error:
        for line in error.lines:
            _say_error(line)
        sys.exit(USAGE)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:
        _say_error(f"{error.filename or 'file'}: {error.strerror or error}")
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
