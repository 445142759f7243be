"""The report: one HTML file, with its numbers as JSON and a summary as Markdown beside it.

`write_report` reports on a store, `write_table_report` on a comparison file,
`write_reference_report` on the published study. `build_report` puts the content together
(`Report`) and `write_files` lays it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path

from ethogram.analysis.claims import check_claims
from ethogram.figures.theme import unchecked
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import reference_profiles
from ethogram.ratings.results import Rated, Unrated, rate_all
from ethogram.ratings.threads import on_one_thread
from ethogram.report.claims_content import describe_claims
from ethogram.report.content import Party, Report, build_report, describe_party, study_facts
from ethogram.report.evidence import LIMIT, sample_evidence
from ethogram.report.judge import JudgeAccount, judge_account, untested
from ethogram.report.page import render_page
from ethogram.report.places import check_page, page_files
from ethogram.report.summary import render_json, render_markdown
from ethogram.stimuli.paths import as_text
from ethogram.stimuli.tables.written import write_whole
from ethogram.store.gates import gate_runs
from ethogram.store.store import Store
from ethogram.validity.asked import find_sections
from ethogram.validity.results import StoreResults, results_of

__all__ = [
    "JudgeAccount",
    "Report",
    "build_report",
    "check_page",
    "judge_account",
    "reference_report",
    "report_on",
    "write_files",
    "write_reference_report",
    "write_report",
    "write_table_report",
]


@on_one_thread
def write_report(
    store: Store | StoreResults,
    out: Path,
    *,
    title: str | None = None,
    profiles: Sequence[Profile] | None = None,
    judge: JudgeAccount | None = None,
    without: Sequence[str] = (),
    evidence_bytes: int = LIMIT,
    seed: int = 0,
    views: frozenset[tuple[str, str]] | None = None,
    force: bool = False,
) -> Path:
    """Report on a store.

    Parameters
    ----------
    store : Store or StoreResults
        Open for reading or writing. Results that other parts of a command have read and rated
        already are not read and rated again.
    out : Path
        The HTML file; STEM.json and STEM.md are written beside it.
    title : str, optional
        Else the name of the last study run into the store.
    profiles : sequence of Profile, optional
        Rated already; else Bradley-Terry with the default intervals.
    judge : JudgeAccount, optional
        What is known of the judges; else the report says "judge not tested".
    without : of "truncated" and "named"
        Leave out such replies; see `ethogram.store.read.read_comparisons`.
    evidence_bytes : int
        Size of the sample of trials in the page.
    seed : int
        Of every random draw.
    views : set of (str, str), optional
        Only the profiles of these judges and conditions.
    force : bool
        Also replace files that ethogram did not write.

    Returns
    -------
    Path
        Of the HTML file.

    Raises
    ------
    InputError
        The files cannot be written there, or one of them is not ethogram's.
    """
    results = results_of(store)
    check_page(out, source=results.store.path, force=force)
    report = report_on(
        results,
        title=title,
        profiles=profiles,
        judge=judge,
        without=without,
        evidence_bytes=evidence_bytes,
        seed=seed,
        views=views,
    )
    return write_files(report, out)


def report_on(
    results: StoreResults,
    *,
    title: str | None = None,
    profiles: Sequence[Profile] | None = None,
    judge: JudgeAccount | None = None,
    without: Sequence[str] = (),
    evidence_bytes: int = LIMIT,
    seed: int = 0,
    views: frozenset[tuple[str, str]] | None = None,
) -> Report:
    """Put together the report on a store, as `write_report` writes it."""
    store, studies = results.store, results.store.studies()
    comparisons: Sequence[Comparisons] | None = None
    unrated: Sequence[Unrated] = ()
    if profiles is None:
        profiles, comparisons, unrated = _results(results, without, views)
    return build_report(
        profiles,
        title=title or (studies[-1]["name"] if studies else as_text(store.path.stem)),
        comparisons=comparisons,
        unrated=unrated,
        stages=results.counts,
        facts=study_facts(studies),
        parties=_parties(results),
        judge=judge,
        evidence=sample_evidence(store, limit=evidence_bytes, seed=seed),
        seed=seed,
        gate_runs=gate_runs(store),
        sections=find_sections(results),
    )


def _results(
    results: StoreResults, without: Sequence[str], views: frozenset[tuple[str, str]] | None
) -> tuple[Sequence[Profile], Sequence[Comparisons], Sequence[Unrated]]:
    """Return profiles, the comparisons behind each, and what could not be rated."""
    rated = results.rated(without=without)
    unrated = [u for u in rated.unrated if u.n or u.lost]
    behind = _behind(rated, results.comparisons(without=without))
    kept = [views is None or (p.judge, p.condition) in views for p in rated.profiles]
    return (
        [*compress(rated.profiles, kept)],
        [*compress(behind, kept)],
        [u for u in unrated if views is None or (u.judge, u.condition) in views],
    )


def _behind(rated: Rated, comparisons: Sequence[Comparisons]) -> list[Comparisons]:
    """Return the comparisons behind each profile."""
    failed = {(u.model, u.judge, u.condition) for u in rated.unrated}
    return [c for c in comparisons if (c.model, c.judge, c.condition) not in failed]


def _parties(results: StoreResults) -> list[Party]:
    return [
        describe_party(role, name, settings)
        for role, parties in (("model", results.models), ("judge", results.judges))
        for name, settings in parties.items()
    ]


@on_one_thread
def write_table_report(
    comparisons: Sequence[Comparisons],
    out: Path,
    *,
    title: str = "Ratings",
    seed: int = 0,
    force: bool = False,
) -> Path:
    """Report on comparisons from a file; there are no texts, so no evidence."""
    check_page(out, force=force)
    rated = rate_all(comparisons)
    report = build_report(
        rated.profiles,
        title=title,
        source="table",
        comparisons=_behind(rated, comparisons),
        unrated=rated.unrated,
        notes=rated.notes,
        seed=seed,
    )
    return write_files(report, out)


@on_one_thread
def write_reference_report(out_dir: Path, *, seed: int = 0, force: bool = False) -> Path:
    """Report on the published study from its win counts; returns the HTML file's path."""
    check_page(out_dir / "reference.html", force=force)
    return write_files(reference_report(seed=seed), out_dir / "reference.html")


def reference_report(*, seed: int = 0) -> Report:
    """Put together the report on the published study."""
    profiles = list(reference_profiles().values())
    return build_report(
        profiles,
        title="Nine frontier models, 144 traits: the published study, rated anew",
        source="reference",
        judge=_reference_judge(profiles[0].judge),
        claims=describe_claims(check_claims(profiles, seed=seed)),
        seed=seed,
    )


def _reference_judge(name: str) -> JudgeAccount:
    """What is known of the published study's judge."""
    return JudgeAccount(
        tested=False,
        sentences=(
            *untested([name]).sentences,
            "The study always showed the trait that comes earlier in its list as choice 1, so a "
            "preference for the first position cannot be told apart from a preference for the "
            "traits that come early.",
        ),
    )


def write_files(report: Report, out: Path) -> Path:
    """Write STEM.html, STEM.json and STEM.md, whatever is there; returns the first.

    Raises
    ------
    InputError
        The files cannot be written there.
    """
    page, numbers, summary = page_files(out)
    with unchecked():
        text = render_page(report, beside=[numbers.name, summary.name])
    write_whole(page, text.encode())
    write_whole(numbers, render_json(report))
    write_whole(summary, render_markdown(report, page.name).encode())
    return page
