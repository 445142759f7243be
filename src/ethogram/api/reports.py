"""Reports and figures, of a store, a file or profiles at hand; the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.analysis.views import View, caption_views, pick_view, say_view, split_views
from ethogram.errors import InputError, guess
from ethogram.ratings.comparison_files import is_table
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import reference_profiles
from ethogram.ratings.results import rate_all
from ethogram.ratings.shift import Shift, shift
from ethogram.store.demo import demo_store, unpack_demo
from ethogram.store.gates import gate_runs
from ethogram.store.store import Store
from ethogram.validity.asked import find_sections
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section

if TYPE_CHECKING:
    from ethogram.figures.theme import Figure, Theme
from ethogram.api.reading import check_form, read_source


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
        comparisons = of_view(found, source, judge, condition)
        note("writing the report ...")
        return report.write_table_report(comparisons, page, title=source.stem, force=force)
    check_form(source, form)
    with StoreResults.open(source) as results:
        comparisons = of_view(results.comparisons(without=without), source, judge, condition)
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


def of_view(
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
    """Unpack the study that comes with the package, and write its report; no model is asked.

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
    from ethogram.report.places import page_files

    pages = page_files(_page_of(demo_store(folder)))
    store = unpack_demo(folder, force=force, beside=pages)
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
        sections=_sections(source, form),
    )


def _gate_runs(source: str | Path | None, view: View, form: str) -> list[GateRun]:
    """Return what gates said of the models of a view, of a store."""
    if source is None or is_table(Path(source), form=form):
        return []
    with Store.read(source) as store:
        key = (view.judge, view.condition)
        return [run for run in gate_runs(store) if (run.judge, run.condition) == key]


def _sections(source: str | Path | None, form: str) -> tuple[Section, ...]:
    """Return what other ways of asking found, of a store."""
    if source is None or is_table(Path(source), form=form):
        return ()
    with StoreResults.open(source) as results:
        return find_sections(results)


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
        sections=_sections(source, form) if isinstance(source, str | Path) else (),
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
