"""`ethogram probe`: looking inside a model of a study."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ethogram.cli.options import Json, Quiet, StoreOption, StudyFile
from ethogram.errors import InputError

_LAYERS = re.compile(r"(\d+)(?:-(\d+))?")


def probe(
    study: StudyFile,
    model: Annotated[str, typer.Option(metavar="NAME", help="A model of the study.")],
    store: StoreOption = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="PATH_OR_ID",
            help="Its weights: a folder, a GGUF file, local/NAME or a Hugging Face id; by default "
            "those that the study file names.",
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Layers to keep, such as 4-12,16; by default all."),
    ] = None,
    before: Annotated[
        bool,
        typer.Option(
            "--before/--no-before", help="Also tell before any reply which trait it will choose."
        ),
    ] = True,
    steer: Annotated[
        list[str] | None,
        typer.Option(metavar="TRAIT", help="Steer along this trait's direction (repeatable)."),
    ] = None,
    doses: Annotated[
        str,
        typer.Option(metavar="LIST", help="What is added, in units of the residual norm."),
    ] = "-0.2,-0.1,0.1,0.2",
    steer_prompts: Annotated[
        int, typer.Option(metavar="N", help="Prompts that are answered at each dose.")
    ] = 24,
    against: Annotated[
        str | None,
        typer.Option(metavar="PATH_OR_ID", help="Other weights that read the same replies."),
    ] = None,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A sentence-transformers model, as a baseline."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look inside an open model: probes on its replies against judge and words, and steering."""
    if steer_prompts < 2:
        raise InputError(f"--steer-prompts {steer_prompts}: expected at least 2")
    from ethogram.api import probe_study
    from ethogram.cli.phases import shown
    from ethogram.cli.sections import print_sections
    from ethogram.cli.wrapping import WrappingConsole
    from ethogram.ratings.phases import say_phase
    from ethogram.study import load_study

    with shown(WrappingConsole(stderr=True)):
        found = probe_study(
            load_study(study),
            model,
            store=store,
            weights=weights,
            layers=None if layers is None else parse_layers(layers),
            before=before,
            steer=steer or (),
            doses=parse_doses(doses),
            steer_prompts=steer_prompts,
            against=against,
            embedding=embedding,
            say=say_phase,
        )
    if json:
        from ethogram.cli.app import _print_json

        _print_json(dict(found.section.data))
        return
    console = WrappingConsole()
    print_sections(console, [found.section])
    console.print()
    console.print(
        f"{found.read.new:,} passages read, {found.read.kept:,} there before; all numbers: "
        f"{found.file}"
    )


def parse_layers(text: str) -> list[int]:
    """Read layers, such as 4-12,16.

    Raises
    ------
    InputError
    """
    found: set[int] = set()
    for piece in text.split(","):
        match = _LAYERS.fullmatch(piece.strip())
        if match is None:
            raise InputError(f"--layers {text!r}: expected numbers and ranges, such as 4-12,16")
        low, high = int(match[1]), int(match[2] or match[1])
        if high < low or high > 10_000:
            raise InputError(f"--layers {text!r}: {piece.strip()} is no range of layers")
        found.update(range(low, high + 1))
    return sorted(found)


def parse_doses(text: str) -> tuple[float, ...]:
    """Read doses, such as -0.2,0.2.

    Raises
    ------
    InputError
    """
    try:
        return tuple(float(piece.replace("\N{MINUS SIGN}", "-")) for piece in text.split(","))
    except ValueError:
        raise InputError(f"--doses {text!r}: expected numbers, such as -0.1,0.1") from None
