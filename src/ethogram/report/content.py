"""What a report says: everything measured, rated, compared and lost, before it is laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import orjson

from ethogram import __version__
from ethogram.analysis.analyse import Analysis, analyse
from ethogram.analysis.cohort import MINIMUM_TRAITS, label_models
from ethogram.analysis.judges import JudgesCompared, compare_judges
from ethogram.analysis.views import (
    DEFAULT_RULE,
    View,
    caption_views,
    differ_in,
    name_views,
    split_views,
)
from ethogram.design import Condition
from ethogram.errors import InputError
from ethogram.figures.catalogue import name_too_large
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.numbers import count_words
from ethogram.ratings.profile import Profile
from ethogram.ratings.results import Unrated
from ethogram.ratings.shift import AGAINST_THE_AVERAGE, Shift, shift
from ethogram.report.claims_content import ClaimsReport
from ethogram.report.evidence import Evidence
from ethogram.report.findings import find_headlines
from ethogram.report.headline import write_headline
from ethogram.report.heads import section_claims
from ethogram.report.judge import JudgeAccount, untested
from ethogram.report.replies import ReplyLengths, relate_lengths
from ethogram.report.words import Finding, listed, spelled
from ethogram.store.read import StageCount
from ethogram.validity.sections import Section


@dataclass(frozen=True)
class Party:
    """A tested model or a judge, as the study file set it up."""

    role: str
    name: str
    model: str
    settings: str


@dataclass(frozen=True)
class ViewReport:
    """What is said of the models within one judge and condition.

    Attributes
    ----------
    judge, condition : str
    name : str
        What tells it from the other views; empty for one alone.
    said : str
        The same as a sentence.
    profiles : tuple of Profile
    labels : tuple of str
        One name per profile, all different.
    analysis : Analysis or None
        None where nothing could be rated, or fewer than three traits are shared.
    shifts : dict of (int, int) to Shift
        For every two profiles, from the first to the second.
    findings : tuple of Finding
        The first three are those of the first screen.
    headline : str
        What the numbers say, in one sentence.
    heads : dict of str to str
        Heads of sections that make a claim, by the section's name; none of a judge that was not
        shown to be better than chance.
    doubt : str
        Stands above the findings of such a judge.
    gate_runs : tuple of GateRun
        What gates said of these models, oldest first.
    """

    judge: str = ""
    condition: str = ""
    name: str = ""
    said: str = ""
    profiles: tuple[Profile, ...] = ()
    labels: tuple[str, ...] = ()
    analysis: Analysis | None = None
    shifts: dict[tuple[int, int], Shift] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    headline: str = ""
    heads: dict[str, str] = field(default_factory=dict)
    doubt: str = ""
    gate_runs: tuple[GateRun, ...] = ()


DOUBT = "What follows is what this judge’s verdicts add up to, not what is known of the models."
"""Stands above the findings of a judge that was not shown to be better than chance."""


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title, measured : str
        The study's name, and one paragraph on what was done.
    source : str
        "store", "table" (a comparison file) or "reference" (the published win counts).
    facts : tuple of (str, str)
        The design, one line per fact.
    parties : tuple of Party
    profiles : tuple of Profile
        Of all views.
    labels : tuple of str
        One name per profile, all different.
    unrated : tuple of Unrated
    views : tuple of ViewReport
        The one that is shown first stands first. Never empty.
    view_note : str
        That models are compared within a view, and which is shown first; empty for one view.
    views_differ_in : tuple of str
        Of "judge" and "condition".
    judge : JudgeAccount
    judges_compared : tuple of JudgesCompared
    replies : tuple of ReplyLengths
        One for each profile whose replies have a known length.
    sections : tuple of Section
        What other ways of asking found.
    stages : tuple of StageCount
    claims : ClaimsReport or None
        Of the published study, checked; on the report of its own win counts.
    evidence : Evidence or None
    notes : tuple of str
        On the file that was read; and what is missing from the report, and why.
    caveats : tuple of (str, str)
        Label ("" for all) and sentence.
    version : str
    written_at : datetime
    seed : int
    """

    title: str
    measured: str
    source: str
    facts: tuple[tuple[str, str], ...]
    parties: tuple[Party, ...]
    profiles: tuple[Profile, ...]
    labels: tuple[str, ...]
    unrated: tuple[Unrated, ...]
    views: tuple[ViewReport, ...]
    view_note: str
    views_differ_in: tuple[str, ...]
    judge: JudgeAccount
    judges_compared: tuple[JudgesCompared, ...]
    replies: tuple[ReplyLengths, ...]
    sections: tuple[Section, ...]
    stages: tuple[StageCount, ...]
    claims: ClaimsReport | None
    evidence: Evidence | None
    notes: tuple[str, ...]
    caveats: tuple[tuple[str, str], ...]
    version: str
    written_at: datetime
    seed: int


def build_report(
    profiles: Sequence[Profile],
    *,
    title: str,
    source: str = "store",
    comparisons: Sequence[Comparisons] | None = None,
    unrated: Sequence[Unrated] = (),
    stages: Sequence[StageCount] = (),
    facts: Sequence[tuple[str, str]] = (),
    parties: Sequence[Party] = (),
    judge: JudgeAccount | None = None,
    evidence: Evidence | None = None,
    claims: ClaimsReport | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
    written_at: datetime | None = None,
    gate_runs: Sequence[GateRun] = (),
    sections: Sequence[Section] = (),
) -> Report:
    """Put a report's content together.

    Parameters
    ----------
    profiles : sequence of Profile
        May be empty: then the report says why (`unrated`), and shows losses and evidence.
    comparisons : sequence of Comparisons, optional
        Those that `rate` made the profiles of, in the same order: two models that answered the
        same prompts are then compared prompt by prompt. If they have lengths, the report says
        which traits win more with longer replies.
    judge : JudgeAccount, optional
        From the validity measurements; without it the report says that the judge is not tested.
    claims : ClaimsReport, optional
        The published study's claims, checked.
    notes : sequence of str
        On the file that the comparisons are from.
    seed : int
        Of all bootstraps and null models.
    gate_runs : sequence of GateRun
        What gates said, as the store keeps it.
    sections : sequence of Section
        What other ways of asking found.
    """
    labels = label_models(profiles)
    split = split_views(profiles)
    notes = [*notes, *_without_figures(split, profiles)]
    judge = judge or untested([p.judge for p in profiles] + [u.judge for u in unrated])
    views = tuple(
        _with_gates(
            _report_view(view, names, profiles, comparisons, notes, seed, judge.blind), gate_runs
        )
        for view, *names in zip(split, name_views(split), caption_views(split), strict=True)
    ) or (ViewReport(headline=write_headline((), (), None, (), planned=_planned(unrated))),)
    return Report(
        title=title,
        measured=_measured(profiles, unrated, source),
        source=source,
        facts=tuple(facts),
        parties=tuple(parties),
        profiles=tuple(profiles),
        labels=labels,
        unrated=tuple(unrated),
        views=views,
        view_note=_view_note(split),
        views_differ_in=differ_in(split),
        judge=judge,
        judges_compared=compare_judges(profiles),
        replies=relate_lengths(labels, comparisons) if comparisons is not None else (),
        sections=tuple(sections),
        stages=tuple(stages),
        claims=claims,
        evidence=evidence,
        notes=tuple(notes),
        caveats=_caveats(profiles, labels, views),
        version=__version__,
        written_at=written_at or datetime.now(UTC),
        seed=seed,
    )


def _with_gates(view: ViewReport, runs: Sequence[GateRun]) -> ViewReport:
    """Give a view the runs of gates within it."""
    key = (view.judge, view.condition)
    return replace(view, gate_runs=tuple(run for run in runs if (run.judge, run.condition) == key))


def _report_view(
    view: View,
    names: Sequence[str],
    profiles: Sequence[Profile],
    comparisons: Sequence[Comparisons] | None,
    notes: list[str],
    seed: int,
    blind: Sequence[str],
) -> ViewReport:
    """Compare the models of one view, given its name and the sentence on it."""
    name, said = names
    own = [profiles[i] for i in view.places]
    behind = None if comparisons is None else [comparisons[i] for i in view.places]
    labels = label_models(own)
    analysis = _analyse(own, name, notes, seed)
    shifts = compare_all(own, behind)
    told = (own, labels, analysis, list(shifts.values()))
    return ViewReport(
        judge=view.judge,
        condition=view.condition,
        name=name,
        said=said,
        profiles=tuple(own),
        labels=labels,
        analysis=analysis,
        shifts=shifts,
        findings=find_headlines(*told),
        headline=write_headline(*told, blind=blind),
        heads={} if view.judge in blind else section_claims(own, analysis),
        doubt=DOUBT if view.judge in blind else "",
    )


def _without_figures(split: Sequence[View], profiles: Sequence[Profile]) -> list[str]:
    """Say which figures a page of very many traits goes without."""
    missing: dict[str, int] = {}
    for view in split:
        traits = set.intersection(*(set(profiles[i].traits) for i in view.places))
        for name in name_too_large(len(view.places), len(traits)):
            missing[name] = len(traits)
    if not missing:
        return []
    names = listed([f"“{name}”" for name in missing])
    it = "The figure" if len(missing) == 1 else "The figures"
    return [
        f"{it} {names} of {max(missing.values()):,} traits would have too many marks for this "
        "page; `ethogram figures` draws them."
    ]


def _planned(unrated: Sequence[Unrated]) -> int:
    return sum(u.n + u.lost for u in unrated)


def _view_note(views: Sequence[View]) -> str:
    """Say that models are compared within one view, and which is shown first."""
    if len(views) < 2:
        return ""
    what = " and ".join(differ_in(views))
    return (
        f"Models are compared within one {what} at a time, never across. Shown first: "
        f"{name_views(views)[0]} ({DEFAULT_RULE})."
    )


def _analyse(
    profiles: Sequence[Profile], view: str, notes: list[str], seed: int
) -> Analysis | None:
    """Analyse what can be; a note says what cannot."""
    try:
        return analyse(profiles, seed=seed)
    except InputError as error:
        which = f" of {view}" if view else ""
        notes.append(f"The profiles{which} could not be compared: {error}.")
        return None


MOST_PAIRED = 15
"""Pairs of models that are compared prompt by prompt; with more, by their profiles alone."""


def compare_all(
    profiles: Sequence[Profile], comparisons: Sequence[Comparisons] | None
) -> dict[tuple[int, int], Shift]:
    """Compare every two profiles that share traits enough."""
    pairs = [
        (i, j)
        for i, j in combinations(range(len(profiles)), 2)
        if len(set(profiles[i].traits) & set(profiles[j].traits)) >= MINIMUM_TRAITS
    ]
    if comparisons is None or len(pairs) > MOST_PAIRED:
        return {(i, j): shift(profiles[i], profiles[j]) for i, j in pairs}
    return {
        (i, j): shift(comparisons[i], comparisons[j], profiles=(profiles[i], profiles[j]))
        for i, j in pairs
    }


def _measured(profiles: Sequence[Profile], unrated: Sequence[Unrated], source: str) -> str:
    """One paragraph: what was done, to how many models, how often."""
    every: list[Profile | Unrated] = [*(profiles or unrated)]
    if not every:
        return "There are no comparisons yet."
    models = list(dict.fromkeys(p.model for p in every))
    per, on_traits = _per_profile(every), _on_traits(profiles)
    rated = "The ratings below are computed" if profiles else "Nothing could be rated"
    if source == "table":
        who = models[0] if len(models) == 1 else f"{spelled(len(models))} models"
        return (
            f"{rated} from a file of comparisons: {per} of {who}{on_traits}. The file does not say "
            "how they were made."
        )
    if all(p.condition == Condition.NATURAL for p in every):
        return (
            f"{_judges(every)} read replies that {models[0] if len(models) == 1 else 'models'} had "
            "given to users’ messages, with no trait named, and said which of two words each shows "
            f"more. {rated} from {per}{on_traits}. What a judge likes to call any reply is part of "
            "such a rating."
        )
    return (
        f"In each trial, {models[0] if len(models) == 1 else 'a model'} was given a user’s message "
        f"and two words for a manner of answering, and answered in the manner of {_chosen(every)}, "
        f"without naming it. {_judges(every)} read the answer and said which of the two words it "
        f"shows. {rated} from {per}{on_traits}."
    )


def _on_traits(profiles: Sequence[Profile]) -> str:
    """How many traits the profiles have."""
    counts = [len(p.traits) for p in profiles]
    if not counts:
        return ""
    fewest, most = min(counts), max(counts)
    return (
        f" on {count_words(most, 'trait') if fewest == most else f'{fewest:,} to {most:,} traits'}"
    )


def _per_profile(every: Sequence[Profile | Unrated]) -> str:
    """How many comparisons there are of each thing that the profiles differ in."""
    n = [p.n for p in every]
    each = count_words(n[0], "comparison")
    if min(n) != max(n):
        each = f"{min(n):,} to {max(n):,} comparisons"
    things = [
        thing
        for thing in ("model", "judge", "condition")
        if len({getattr(p, thing) for p in every}) > 1
    ]
    return f"{each}{f' per {listed(things)}' if things else ''}"


def _judges(every: Sequence[Profile | Unrated]) -> str:
    """Name the judges, such as "Two judges, owl and jay,"."""
    judges = [j for j in dict.fromkeys(p.judge for p in every) if j]
    if not judges:
        return "A judge"
    many = f"{spelled(len(judges)).capitalize()} judges" if len(judges) > 1 else "A judge"
    return f"{many}, {listed(judges)},"


def _chosen(every: Sequence[Profile | Unrated]) -> str:
    """Which of the two words the tested model was to take, by condition."""
    words = {
        "feels": "the one that felt more like itself",
        "likes": "the one it would like to take on",
        "random": "one picked at random",
    }
    conditions = list(dict.fromkeys(p.condition for p in every))
    phrases = [words[c] for c in conditions if c in words] or ["the one it took to"]
    return phrases[0] + "".join(f" (in another condition, {one})" for one in phrases[1:])


def _caveats(
    profiles: Sequence[Profile],
    labels: Sequence[str],
    views: Sequence[ViewReport],
) -> tuple[tuple[str, str], ...]:
    """All caveats; one that every profile has is said once."""
    shared = set.intersection(*(set(p.caveats) for p in profiles)) if profiles else set()
    labelled = [
        ("", text)
        for text in dict.fromkeys(c for p in profiles for c in p.caveats)
        if text in shared
    ]
    labelled += [
        (label, text)
        for p, label in zip(profiles, labels, strict=True)
        for text in p.caveats
        if text not in shared
    ]
    for view in views:
        own = list(view.analysis.caveats) if view.analysis and len(view.profiles) > 1 else []
        labelled += [("", text) for text in own]
        labelled += _shift_caveats(view)
    return tuple(dict.fromkeys(labelled))


MOST_PAIR_CAVEATS = 8
"""Of single pairs of models, in one view; the JSON has all."""


def _shift_caveats(view: ViewReport) -> list[tuple[str, str]]:
    """What shifts do not carry: first what holds for all pairs, then what does for some."""
    pairs_of: dict[str, list[tuple[int, int]]] = {}
    for pair, moved in view.shifts.items():
        for text in moved.caveats:
            pairs_of.setdefault(text, []).append(pair)
    whole = [text for text, pairs in pairs_of.items() if len(pairs) == len(view.shifts)]
    said = [("" if text == AGAINST_THE_AVERAGE else view.name, text) for text in whole]
    some = [
        (_name_pairs(view, pairs), text) for text, pairs in pairs_of.items() if text not in whole
    ]
    left = len(some) - MOST_PAIR_CAVEATS
    if left > 1:
        more = f"{left:,} more are on single pairs of models; the JSON has them under each shift."
        some = [*some[:MOST_PAIR_CAVEATS], (view.name, more)]
    return said + some


def _name_pairs(view: ViewReport, pairs: Sequence[tuple[int, int]]) -> str:
    """Name the pairs of models that a caveat is on, within their view."""
    named = [" to ".join(view.labels[i] for i in pair) for pair in pairs]
    most = 3
    if len(pairs) > 1 and (common := set.intersection(*map(set, pairs))):
        own = [pair for pair in view.shifts if common & {*pair}]
        named = [f"Pairs with {view.labels[min(common)]}"] if len(own) == len(pairs) else named
    if len(named) > most:
        named = [*named[:most], f"{len(named) - most} more"]
    return f"{view.name}: {listed(named)}" if view.name else listed(named)


# -- what the store says of a study ---------------------------------------------------------


def study_facts(studies: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Facts of the last study file that was run into a store."""
    if not studies:
        return ()
    last = studies[-1]
    table = orjson.loads(last["settings"]).get("study", {})
    started = datetime.fromtimestamp(last["started"], UTC)
    rows = [
        ("Study", last["name"]),
        ("Traits", table.get("traits")),
        ("User messages", table.get("prompts")),
        ("Pairs", _pairs_words(table)),
        ("Stopped when", _rule_words(table.get("stop_when") or {})),
        ("Prompts per pair", table.get("repeats")),
        (
            "Order of the two words",
            "both orders for every pair"
            if table.get("orders") == "both"
            else "balanced for every trait",
        ),
        ("Most trials", table.get("max_trials")),
        ("Condition", table.get("condition")),
        ("Seed", table.get("seed")),
        ("Last run", f"{started:%-d %B %Y}, ethogram {last['version']}"),
    ]
    return tuple((name, str(value)) for name, value in rows if value is not None)


def _pairs_words(table: Mapping[str, Any]) -> str:
    """Say how a study chose its pairs."""
    pairs = table.get("pairs", "all")
    if pairs == "adaptive":
        own = "" if table.get("share_pairs", True) else ", for each model by itself"
        return f"chosen in rounds from the answers so far (aim: {table.get('aim', 'ranks')}){own}"
    return "every pair of traits" if pairs == "all" else f"{pairs} rounds of pairs"


def _rule_words(rule: Mapping[str, float]) -> str | None:
    """Say when a study was to stop."""
    return ", ".join(f"{key} is at most {value:g}" for key, value in rule.items()) or None


def describe_party(role: str, name: str, settings: str) -> Party:
    """Put a model's or judge's settings into words."""
    data = orjson.loads(settings)
    params = [f"{key} {_short(value)}" for key, value in data.get("params", {}).items()]
    if role == "judge":
        params += ["with worked examples in its prompt"] * bool(data.get("examples"))
        params += ["constrained by a grammar"] * bool(data.get("grammar"))
        params += ["may answer both or neither"] * bool(data.get("ties"))
        templates = data.get("templates", {})
        params += ["without the user's message"] * ("judge_without_prompt" in templates)
    service = data.get("service")
    model = f"{data.get('model', name)}{f' ({service})' if service else ''}"
    return Party(role, name, model, ", ".join(params) or "service's defaults")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
