"""Options and arguments that several verbs share, with the words that `--help` shows for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ethogram.cli.console import be_quiet


class PlainCommand(TyperCommand):
    """A verb whose help names what is given (FILE, N), and not its type in Python."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for param in self.params:
            if param.param_type_name == "argument" and hasattr(param, "display_type_rich"):
                param.display_type_rich = lambda ctx: None


def _choices(*words: str) -> Any:
    """Return what a shell completes a value with."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
StoreOption = Annotated[
    Path | None,
    typer.Option("--store", metavar="FILE", help="The store, if not STEM.db in this folder."),
]
StoreFile = Annotated[Path, typer.Argument(metavar="STORE", help="A store (STEM.db).")]
Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A store or comparison file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        callback=be_quiet,
        help="Print only errors, and output asked for as --json or --format.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Only this model (repeatable)."),
]
Judges = Annotated[
    list[str] | None,
    typer.Option("--judge", metavar="NAME", help="Only this judge (repeatable)."),
]
OneJudge = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="NAME", help="By this judge; default: the one with the most comparisons."
    ),
]
OneCondition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="NAME",
        help="Under this condition: feels, likes or random.",
        autocompletion=_choices("feels", "likes", "random"),
    ),
]
OnlyJudge = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="NAME", help="Only what this judge said; default: every judge."
    ),
]
OnlyCondition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="NAME",
        help="Only under this condition: feels, likes or random; default: every condition.",
        autocompletion=_choices("feels", "likes", "random"),
    ),
]
Brake = Annotated[
    bool,
    typer.Option("--brake/--no-brake", help="Stop after 20 paid answers in a row, none usable."),
]
Resubmit = Annotated[
    list[int] | None,
    typer.Option(
        "--resubmit",
        metavar="N",
        help="Ask the lines of batch N again, which you know was never run (repeatable).",
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="KIND",
        help="Leave out replies that are: truncated, named (repeatable).",
        autocompletion=_choices("truncated", "named"),
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Also replace files that ethogram did not write.")
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="FORM",
        help="How a comparison file is laid out: plain (winner is a trait), arena (model_a, "
        "model_b, winner), oct (trait_1, trait_2, answer), scores (outcome 0, 0.5 or 1).",
        autocompletion=_choices("plain", "arena", "oct", "scores"),
    ),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How to rate: bradley-terry, elo.",
        autocompletion=_choices("bradley-terry", "elo"),
    ),
]
TableFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="parquet, csv or jsonl; hf: a data set of the Hugging Face hub; "
        "eee: records of Every Eval Ever; inspect: logs of Inspect.",
        autocompletion=_choices("parquet", "csv", "jsonl", "hf", "eee", "inspect"),
    ),
]
RatingsFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="table, csv, md or json.",
        autocompletion=_choices("table", "csv", "md", "json"),
    ),
]
GateFile = Annotated[
    Path | None,
    typer.Option("--gate", metavar="FILE", help="Bounds on how far traits may move (TOML)."),
]
TraitNames = Annotated[
    list[str] | None,
    typer.Option("--traits", metavar="NAMES", help="Only these traits, such as warm,blunt."),
]
Despite = Annotated[
    list[str] | None,
    typer.Option(
        "--despite",
        metavar="NAMES",
        help="Accept that these differ: design, prompts, templates, condition, judge.",
    ),
]
