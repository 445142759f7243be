"""Two models, or several releases: differences, gates, drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ethogram.api.reading import REFERENCE, read_source, within_view
from ethogram.api.reports import of_view
from ethogram.errors import InputError, StoreError, guess
from ethogram.ratings.comparison_files import is_table
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.differences import Difference
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gate_files import read_gate
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import Gate
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import reference_profile
from ethogram.store.gates import keep_gate_run
from ethogram.store.store import Store
from ethogram.validity.differing import (
    FoundSide,
    compare_found,
    find_side,
    follow,
    published_side,
)


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
    sides = [of_view(side, path, judge, condition) for side, path in zip(read, paths, strict=True)]
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
    sides = within_view(sides, judge, condition, note, pairs=after is None and not models)
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
    fit = of_view(read, path, options["judge"], options["condition"])
    if model is not None:
        if model not in (there := dict.fromkeys(c.model for c in fit)):
            raise InputError(
                f"{path} has no comparisons of model {model!r}{guess(model, there)}; it has those "
                f"of {', '.join(there)}"
            )
        fit = [c for c in fit if c.model == model]
    ((*picked,),) = within_view(
        [fit], options["judge"], options["condition"], options["note"], pairs=False
    )
    if len(picked) != 1:
        several = ", ".join(dict.fromkeys(c.model for c in read))
        raise InputError(f"{path} has several models ({several}): choose one with --models NAME")
    return find_side(picked[0], path, store=not is_table(path, form=form))
