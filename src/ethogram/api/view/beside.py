"""Models of several studies side by side, where they were asked and judged alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ethogram.analysis.views import pick_view, split_views
from ethogram.api.reading import read_source
from ethogram.api.view.shelf import Study
from ethogram.errors import InputError
from ethogram.figures.theme import unchecked
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.ratings.results import rate_all
from ethogram.report import JudgeAccount, build_report, judge_account
from ethogram.report.judge import untested
from ethogram.report.page import render_page
from ethogram.store.setups import Setup, read_setup
from ethogram.store.store import Store
from ethogram.validity.comparable import ASPECTS
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults


def why_not(studies: Sequence[Study]) -> list[str]:
    """Say why studies cannot be compared, a sentence per aspect; empty where they can."""
    if len(studies) < 2:
        return ["Choose at least two studies to compare."]
    unread = [f"{s.name} cannot be read: {s.problem}" for s in studies if s.problem]
    if unread:
        return unread
    if any(study.path is None for study in studies):
        return [
            "Of the published study the prompts are not known, pair by pair, so that other studies "
            "are not compared with it here; `ethogram reference diff` does so with that caveat."
        ]
    names = study_names(studies)
    first, *others = (replace(_side(study), name=names[study.key]) for study in studies)
    return [reason for other in others for reason in _differences(first, other)]


def _differences(one: Setup, other: Setup) -> list[str]:
    return [
        f"{aspect.capitalize()} {'differ' if aspect.endswith('s') else 'differs'}: {said}."
        for aspect, compare in ASPECTS.items()
        if (said := compare(one, other))
    ]


def study_names(studies: Sequence[Study]) -> dict[str, str]:
    """Return a name for each study by its key, which stands behind names that several have."""
    times = Counter(study.name for study in studies)
    return {s.key: s.name if times[s.name] == 1 else f"{s.name} ({s.key})" for s in studies}


def comparable_groups(studies: Sequence[Study]) -> list[list[Study]]:
    """Return those of some studies that can be compared with each other; each stands in one.

    What cannot be read or rated is in none.
    """
    groups: list[tuple[Setup, list[Study]]] = []
    for study in studies:
        if study.path is None or study.problem:
            continue
        try:
            side = _side(study)
        except InputError:
            continue  # nothing in it can be rated yet
        fitting = (group for first, group in groups if not _differences(first, side))
        group = next(fitting, None)
        if group is None:
            groups.append((side, [study]))
        else:
            group.append(study)
    return [group for _, group in groups if len(group) > 1]


def compare_page(studies: Sequence[Study], links: Sequence[tuple[str, str]]) -> str:
    """Return the report's page on the models of several studies.

    Raises
    ------
    InputError
        They were not asked and judged alike; the text says in what they differ.
    """
    reasons = why_not(studies)
    if reasons:
        raise InputError(" ".join(reasons))
    found = [(study, c) for study in studies for c in _compared(study)]
    named = _named(found)
    profiles: list[Profile] = [rate(c) for c in named]
    report = build_report(
        profiles,
        title=" and ".join(study_names(studies).values()),
        comparisons=named,
        judge=_judged(found, study_names(studies)),
        notes=["The studies were asked and judged alike: traits, prompts, templates and judge."],
    )
    with unchecked():
        return render_page(report, links=links)


def _compared(study: Study) -> list[Comparisons]:
    """Return a study's comparisons of the judge and condition with the most, that can be rated."""
    every = read_source(study.path or "", keyed=True)
    rated = rate_all(every)
    if not rated.profiles:
        raise InputError(f"{study.name} has no comparisons that can be rated yet.")
    view = pick_view(split_views(rated.profiles), None, None)
    known = {(c.model, c.judge, c.condition): c for c in every}
    return [known[p.model, p.judge, p.condition] for p in (rated.profiles[i] for i in view.places)]


def _named(found: Sequence[tuple[Study, Comparisons]]) -> list[Comparisons]:
    """Name the study beside a model that several have."""
    times = Counter(c.model for _, c in found)
    return [
        replace(c, model=f"{c.model} ({study.key})") if times[c.model] > 1 else c
        for study, c in found
    ]


def _judged(found: Sequence[tuple[Study, Comparisons]], names: Mapping[str, str]) -> JudgeAccount:
    """Say what each study knows of the judge."""
    accounts: dict[str, JudgeAccount] = {}
    for study, comparisons in found:
        name = names[study.key]
        if name not in accounts and study.path is not None:
            with StoreResults.open(study.path) as results:
                validity = measure_validity(results, corrections=False)
            accounts[name] = judge_account(validity, only=comparisons.judge)
    tested = [account for account in accounts.values() if account.tested]
    if not tested:
        return untested([c.judge for _, c in found])
    return JudgeAccount(
        tested=True,
        sentences=tuple(f"{name}: {account.opening}" for name, account in accounts.items()),
        columns=tested[0].columns,
        rows=tuple(dict.fromkeys(row for account in tested for row in account.rows)),
        caption=tested[0].caption,
        banner=len(accounts),
        blind=tuple({name for account in tested for name in account.blind}),
    )


def _side(study: Study) -> Setup:
    """Return how the models of a study were asked."""
    first = _compared(study)[0]
    with Store.read(study.path or "") as store:
        return replace(read_setup(store, first), name=study.name)
