"""The command line. Each verb is a few calls of the library, which it imports when it runs."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ethogram import __version__
from ethogram.errors import EthogramError, InputError
from ethogram.ratings.methods import DEFAULT_METHOD, METHODS

if TYPE_CHECKING:
    from rich.console import Console

    from ethogram.figures.theme import Theme
    from ethogram.run.runner import Run
    from ethogram.store.read import StageCount
    from ethogram.study import Study
    from ethogram.validity.results import StoreResults

DONE, LOSSES, USAGE, INTERRUPTED = 0, 1, 2, 130

# Our matrices are small: on a busy machine, threads that wait for one another cost forty times
# what they save. It must be set before numpy is imported, which the verbs do when they run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    help="Measure a language model's character by what it does.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    help="The known services; a check of a study's models.", rich_markup_mode=None
)
app.add_typer(models_app, name="models")
reference_app = typer.Typer(help="The published study's profiles.", rich_markup_mode=None)
app.add_typer(reference_app, name="reference")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The store, if not STEM.db in this folder.")
]
StoreFile = Annotated[Path, typer.Argument(metavar="STORE", help="A store (STEM.db).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only this model (repeatable).")]
Judges = Annotated[list[str] | None, typer.Option("--judge", help="Only this judge (repeatable).")]
Brake = Annotated[
    bool,
    typer.Option("--brake/--no-brake", help="Stop after 20 paid answers in a row, none usable."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="Leave out replies that are: truncated, named."),
]


Method = StrEnum("Method", {name: name for name in METHODS})  # type: ignore[misc]


class Form(StrEnum):
    """How a comparison file is laid out."""

    PLAIN = "plain"
    ARENA = "arena"
    OCT = "oct"
    SCORES = "scores"


As = Annotated[
    Form,
    typer.Option(
        "--as",
        help="How a comparison file is laid out: plain (winner is a trait), arena (model_a, "
        "model_b, winner), oct (trait_1, trait_2, answer), scores (outcome 0, 0.5 or 1).",
    ),
]


class Format(StrEnum):
    """How to write a table."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def _console(*, stderr: bool = False) -> Console:
    from ethogram.cli.console import WrappingConsole

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
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"ethogram {__version__}")
        raise typer.Exit


# -- running --------------------------------------------------------------------------------


@app.command()
def run(
    study: StudyFile,
    store: StoreOption = None,
    model: Models = None,
    judge: Judges = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write STEM.html when done.")
    ] = True,
    brake: Brake = True,
) -> None:
    """Elicit, judge, rate and report. Run it again to resume where it stopped."""
    from ethogram.cli.terminal import print_rated
    from ethogram.validity.measure import judge_sentences
    from ethogram.validity.results import StoreResults

    loaded = _load(study)
    path, done, counts = _run_stages(loaded, store, ("elicit", "judge"), model, judge, brake=brake)
    console = _console()
    with StoreResults.open(path) as results:
        print_rated(console, results.rated())
        for sentence in judge_sentences(results):
            console.print(sentence)
        if report:
            page = _write_report(results, path.with_suffix(".html"), correct=False)
            console.print(f"Report: {page}; store: {path}")
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command()
def elicit(
    study: StudyFile, store: StoreOption = None, model: Models = None, brake: Brake = True
) -> None:
    """Ask the tested models for their replies; judge nothing."""
    loaded = _load(study)
    _, done, counts = _run_stages(loaded, store, ("elicit",), model, None, brake=brake)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command()
def judge(
    study: StudyFile, store: StoreOption = None, judge: Judges = None, brake: Brake = True
) -> None:
    """Judge the replies that are there; elicit nothing."""
    loaded = _load(study)
    path, done, counts = _run_stages(loaded, store, ("judge",), None, judge, brake=brake)
    _say_agreement(_console(), path)
    raise typer.Exit(_exit_code(loaded, done, counts))


@app.command()
def validity(
    study: StudyFile,
    store: StoreOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="plants, orders, repeats, retest; or random, natural, each as large as the "
            "study itself (repeatable). By default, all but these two."
        ),
    ] = None,
    correct: Annotated[
        bool,
        typer.Option("--correct/--no-correct", help="Also correct for the judge's errors."),
    ] = True,
    brake: Brake = True,
    json: Json = False,
) -> None:
    """Test the judge and the choice: planted traits, both orders, repeats, controls."""
    from ethogram.cli.terminal import print_validity
    from ethogram.run.checks import check_names
    from ethogram.validity.measure import measure_validity, validity_json
    from ethogram.validity.results import StoreResults

    checks, loaded = check_names(only), _load(study)
    path, done, counts = _run_stages(
        loaded, store, ("elicit", "judge"), None, None, checks=checks, quiet=json, brake=brake
    )
    with StoreResults.open(path) as results:
        found = measure_validity(results, corrections=correct)
    if json:
        _print_json(validity_json(found))
    else:
        print_validity(_console(), found)
    raise typer.Exit(_exit_code(loaded, done, counts))


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
    quiet: bool = False,
    brake: bool = True,
) -> tuple[Path, Run, list[StageCount]]:
    """Run stages with a progress display; returns the store's path, the run and the counts."""
    from ethogram.api import run_study
    from ethogram.cli.progress import Progress
    from ethogram.cli.terminal import print_losses
    from ethogram.run.checks import parts_of

    parts = parts_of(checks) if checks else ("main",)
    console, errors = _console(), _console(stderr=True)
    made = run_study(
        study,
        store=store_file,
        stages=stages,
        models=models,
        judges=judges,
        checks=checks,
        watch=Progress(errors).watch,
        brake=brake,
    )
    counts = [c for c in made.counts if c.stage in stages and c.part in parts]
    if not quiet:
        _say_what_was_done(console, made.run, made.store, counts)
        print_losses(console, counts)
    return made.store, made.run, counts


def _say_what_was_done(console: Console, done: Run, path: Path, counts: list[StageCount]) -> None:
    """Say how many calls there were, and what is left."""
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
            console.print(f"No call was made; {pending:,} answers are pending.")
        elif lost:
            console.print(
                f"Nothing to ask: {path} has all but {lost:,} answers, which were lost for good "
                "(a higher `attempts` retries those that may yet succeed). No call was made."
            )
        else:
            console.print(f"Nothing to ask: {path} has every answer. No call was made.")
    if done.interrupted:
        console.print("Interrupted. Every answer so far is kept; run it again to resume.")


def _exit_code(study: Study, done: Run, counts: list[StageCount]) -> int:
    """0 done, 1 with losses over the stated share, 2 stopped by an error, 130 interrupted."""
    if done.stopped is not None:
        _say_error(str(done.stopped))
        return USAGE
    if done.interrupted:
        return INTERRUPTED
    allowed = study.study.max_lost
    over = [c for c in counts if c.lost > allowed * c.planned]
    for c in over:
        _say_error(
            f"{c.lost} of {c.planned} lost in {c.stage} of {c.model}, more than max_lost = "
            f"{allowed:g} allows"
        )
    return LOSSES if over else DONE


def _say_agreement(console: Console, path: Path) -> None:
    """Say how far several judges agree, if the store has several."""
    from ethogram.validity.measure import measure_validity
    from ethogram.validity.results import StoreResults

    with StoreResults.open(path) as results:
        found = measure_validity(results, corrections=False).agreement
    for sentence in found.findings() if found is not None else ():
        console.print(sentence)


def _write_report(
    results: StoreResults, out: Path, *, without: tuple[str, ...] = (), correct: bool = True
) -> Path:
    """Write a store's report, with what is known of its judges."""
    from ethogram.report import write_report
    from ethogram.report.judge import judge_account
    from ethogram.validity.measure import measure_validity

    account = judge_account(measure_validity(results, corrections=correct))
    return write_report(results, out, judge=account, without=without)


# -- reading --------------------------------------------------------------------------------


@app.command()
def plan(study: StudyFile, store: StoreOption = None, json: Json = False) -> None:
    """Estimate requests, tokens and cost. No call is made."""
    from ethogram.api import plan_study
    from ethogram.cli.terminal import print_plan
    from ethogram.run.cost import plan_json
    from ethogram.study import load_study

    made = plan_study(load_study(study), store=store)
    if json:
        _print_json(plan_json(made))
    else:
        print_plan(_console(), made)


@app.command()
def status(store: StoreFile, json: Json = False) -> None:
    """Count what is planned, done and lost, by model, stage, status and trait."""
    from dataclasses import asdict

    from ethogram.cli.terminal import print_counts
    from ethogram.store.read import count_stages
    from ethogram.store.store import Store

    with Store.read(store) as opened:
        counts, (spent, unknown) = count_stages(opened), opened.spent()
    if json:
        stages = [{**asdict(c), "lost": c.lost, "pending": c.pending} for c in counts]
        _print_json({"stages": stages, "spent": spent, "attempts_of_unknown_cost": unknown})
        return
    console = _console()
    print_counts(console, counts)
    more = f", and {unknown:,} attempts of unknown cost" if unknown else ""
    console.print(f"Spent: ${spent:,.4f}{more}.")


@app.command()
def ratings(
    source: Annotated[
        Path | None, typer.Argument(help="A store, or a file of comparisons.")
    ] = None,
    method: Annotated[
        Method,
        typer.Option(help="How to rate."),
    ] = Method(DEFAULT_METHOD),  # noqa: B008
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    without: Without = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="Corrected for the judge's measured errors.")
    ] = False,
    reference: Annotated[
        str | None, typer.Option(help="Print a published profile instead, such as gpt-5.1.")
    ] = None,
    form: As = Form.PLAIN,
    json: Json = False,
) -> None:
    """Rate traits and print each profile with its intervals."""
    from ethogram.api import read_profiles
    from ethogram.cli.terminal import print_rated
    from ethogram.ratings.results import Rated
    from ethogram.ratings.serialise import ratings_json

    if reference is not None:
        rated = Rated((_reference(reference),), ())
    elif source is None:
        raise InputError("ratings needs a store or a comparison file, or --reference MODEL")
    else:
        with _shown():
            rated = read_profiles(
                source,
                method=str(method),
                model=model,
                without=without or (),
                corrected=corrected,
                form=str(form),
            )
        if not (rated.profiles or rated.unrated):
            raise InputError(f"{source} has no comparisons{f' of {model!r}' if model else ''}")
    if json:
        _print_json(ratings_json(rated))
    else:
        print_rated(_console(), rated)
    if rated.unrated and not rated.profiles:
        raise typer.Exit(LOSSES)


def _reference(name: str) -> Any:
    from ethogram.ratings.rate import reference_profiles

    profiles = reference_profiles()
    if name not in profiles:
        raise InputError(f"no published profile {name!r}; there are {', '.join(profiles)}")
    return profiles[name]


@app.command()
def report(
    source: Annotated[Path, typer.Argument(help="A store, or a file of comparisons.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The HTML file.")] = None,
    without: Without = None,
    form: As = Form.PLAIN,
) -> None:
    """Write the report: one HTML file that opens offline."""
    from ethogram.api import write_report

    with _shown():
        page = write_report(source, out, without=without or (), form=str(form))
    typer.echo(f"{page}")


@app.command()
def figures(
    source: Annotated[
        Path | None,
        typer.Argument(help="A store or comparison file; default: the published study."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder.")] = Path("figures"),
    format: Annotated[str, typer.Option(help="svg, png, pdf, json; with commas.")] = "svg,png,pdf",
    dark: Annotated[bool, typer.Option("--dark", help="For a dark page.")] = False,
    judge: Annotated[
        str | None, typer.Option(help="By this judge; default: the one with most comparisons.")
    ] = None,
    condition: Annotated[str | None, typer.Option(help="Under this condition.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    form: As = Form.PLAIN,
) -> None:
    """Save every figure that the profiles allow, within one judge."""
    from ethogram.api import save_figures

    formats = tuple(name.strip() for name in format.split(",") if name.strip())
    theme: Theme = "dark" if dark else "light"
    with _shown():
        saved = save_figures(
            source,
            out,
            formats=formats,
            theme=theme,
            judge=judge,
            condition=condition,
            note=partial(typer.echo, err=True),
            seed=seed,
            form=str(form),
        )
    for path in saved:
        typer.echo(f"{path}")


@app.command()
def shift(
    before: Annotated[Path, typer.Argument(help="A store or comparison file.")],
    after: Annotated[Path | None, typer.Argument(help="Another, if there are two.")] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="The two models, in order (twice).")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="By this judge.")] = None,
    condition: Annotated[str | None, typer.Option(help="Under this condition.")] = None,
    json: Json = False,
) -> None:
    """How far each trait moved between two models, or before and after a fine-tune."""
    from ethogram.api import pick_two
    from ethogram.cli.terminal import print_shift
    from ethogram.ratings.serialise import shift_json
    from ethogram.ratings.shift import shift as measure_shift

    with _shown():
        moved = measure_shift(*pick_two(before, after, tuple(model or ()), judge, condition))
    if json:
        _print_json(shift_json(moved))
    else:
        print_shift(_console(), moved)


@reference_app.callback(invoke_without_command=True)
def _reference_models(context: typer.Context) -> None:
    """List the published profiles."""
    from ethogram.ratings.rate import reference_profiles

    if context.invoked_subcommand is None:
        for name in reference_profiles():
            typer.echo(name)


@reference_app.command("report")
def reference_report(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder.")] = Path("out"),
) -> None:
    """Write the report of the published study, from its win counts; no call is made."""
    from ethogram.report import write_reference_report

    out.mkdir(parents=True, exist_ok=True)
    typer.echo(f"{write_reference_report(out)}")


@reference_app.command("claims")
def reference_claims(
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file.")] = Path(
        "published.html"
    ),
) -> None:
    """Test the published study's claims on its win counts, one by one; no call is made."""
    from ethogram.report.claims import write_claims

    typer.echo(f"{write_claims(out)}")


@app.command()
def show(
    store: StoreFile,
    trial: Annotated[int, typer.Argument(help="A trial's number.")],
    json: Json = False,
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


@app.command()
def export(
    store: StoreFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write to.")] = Path(),
    table: Annotated[
        list[str] | None,
        typer.Option(help="comparisons, trials, replies, verdicts or attempts (repeatable)."),
    ] = None,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.PARQUET,
) -> None:
    """Write trials, replies, verdicts and comparisons as Parquet, CSV or JSONL."""
    from ethogram.store.export import export_table
    from ethogram.store.store import Store

    with Store.read(store) as opened:
        for name in table or ("comparisons", "trials", "replies", "verdicts"):
            file, rows = export_table(opened, name, out, format.value)
            typer.echo(f"{file}: {rows:,} rows")


# -- stimuli, presets, services -------------------------------------------------------------


@app.command()
def init(
    out: Annotated[Path | None, typer.Argument(help="The file to write.")] = None,
    preset: Annotated[str | None, typer.Option(help="study2026: the published study.")] = None,
) -> None:
    """Write a commented study file."""
    from importlib import resources

    presets = {None: "blank", "study2026": "study2026"}
    if preset not in presets:
        raise InputError(f"no preset {preset!r}; there is study2026")
    path = out or Path(f"{preset or 'study'}.toml")
    if path.exists():
        raise InputError(f"{path} exists; name another file")
    folder = resources.files("ethogram") / "data" / "presets"
    path.write_text((folder / f"{presets[preset]}.toml").read_text("utf-8"), encoding="utf-8")
    typer.echo(f"{path} written; next: ethogram plan {path}")


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    """List the known services, where they are, and the variable that holds each key."""
    from ethogram.engine.services import SERVICES

    if context.invoked_subcommand is None:
        for name, service in SERVICES.items():
            where = service.base_url or "in this process: local/smollm2, local/PATH.gguf"
            typer.echo(f"{name:<11} {where:<57} {service.api_key_env}".rstrip())


@models_app.command("check")
def models_check(study: StudyFile) -> None:
    """Ask each model and judge of a study what a run asks, and say what came of its settings."""
    from ethogram.api import check_models
    from ethogram.cli.terminal import print_checks
    from ethogram.study import load_study

    checks = check_models(load_study(study))
    print_checks(_console(), checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(LOSSES)


@app.command()
def traits(
    source: Annotated[str | None, typer.Argument(help="A set's name or a file.")] = None,
) -> None:
    """List the trait sets, or the traits of one."""
    from ethogram.stimuli.traits import load_traits, trait_sets

    if source is None:
        for name, description in trait_sets().items():
            typer.echo(f"{name:<12} {description}")
        return
    for trait in load_traits(source).traits:
        typer.echo(f"{trait.name}  {trait.description}".rstrip())


@app.command()
def prompts(
    source: Annotated[str, typer.Argument(help="bundled, wildchat, a file, or a study file.")] = (
        "bundled"
    ),
    count: Annotated[int, typer.Option("-n", min=0, help="How many to print.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the selection.")] = 0,
) -> None:
    """Summarise a set of prompts, what the filters dropped, and print a few."""
    from ethogram.stimuli.prompts import load_prompts
    from ethogram.study import load_study

    if source.endswith(".toml"):
        study = load_study(source)
        found = load_prompts(
            study.study.prompts, filter=study.prompts, seed=study.study.seed, base=study.base
        )
    else:
        found = load_prompts(source, seed=seed, limit=1000 if source == "wildchat" else None)
    typer.echo(found.describe())
    import random

    picked = random.Random(seed).sample(found.prompts, min(count, len(found)))
    for prompt in picked:
        text = " ".join(prompt.text.split())
        typer.echo(f"{prompt.id:<8} {prompt.language:<3} {text[:60]}")


def _say_error(message: str) -> None:
    """One clear line on standard error."""
    sys.stderr.write(f"ethogram: {message}\n")


def main() -> None:
    """Run the command line; the user's mistakes become one line and exit code 2."""
    try:
        app()
    except EthogramError as error:
        _say_error(str(error))
        sys.exit(USAGE)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:
        _say_error(f"{error.filename or 'file'}: {error.strerror or error}")
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
