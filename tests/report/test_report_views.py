"""A report on several judges: models within one, judges beside each other, every one believed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.planted.simulated_store import fill_store
from tests.report.test_report import _Elements, _read, _simulated
from typer.testing import CliRunner

from ethogram.analysis.analyse import analyse
from ethogram.api import read_profiles, save_figures
from ethogram.cli.app import app
from ethogram.errors import InputError
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.rate import rate, reference_profiles
from ethogram.report import write_report
from ethogram.report.content import build_report
from ethogram.report.findings import find_headlines
from ethogram.report.judge import JudgeAccount, judge_account
from ethogram.report.page import render_page
from ethogram.report.summary import render_markdown
from ethogram.stimuli.traits import load_traits
from ethogram.store.store import Store
from ethogram.validity.measure import JudgeValidity, Validity

MODELS = ("one-1.0", "two-2.5", "three-3")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report on three models by two judges, the second of whom errs in three verdicts of ten."""
    folder = tmp_path_factory.mktemp("two")
    fill_store(
        folder / "two.db",
        traits=load_traits("opposites24").names,
        models=MODELS,
        judges=("owl", "jay"),
        flips={"jay": 0.3},
    )
    with Store.read(folder / "two.db") as store:
        return write_report(store, folder / "two.html")


def test_models_are_compared_within_each_judge(two):
    """Each view is the analysis of that judge's profiles alone; none has a judge for a model."""
    _, numbers = _read(two)
    profiles = list(read_profiles(two.with_suffix(".db")))
    views = [{key: numbers[key] for key in ("view", "analysis")}, *numbers["other_views"]]
    assert [view["view"]["judge"] for view in views] == ["owl", "jay"]
    for view in views:
        own = [p for p in profiles if p.judge == view["view"]["judge"]]
        assert view["analysis"]["cohort"]["models"] == list(MODELS)
        alone = analyse(own).similarity
        found = view["analysis"]["similarity"]["spearman"]
        assert found["mean"] == pytest.approx(alone.spearman.mean)
    mean = [v["analysis"]["similarity"]["spearman"]["mean"] for v in views]
    assert mean[1] < mean[0]  # errors make profiles less alike


def test_findings_name_models_only(two):
    page, numbers = _read(two)
    texts = [f["text"] for f in numbers["findings"] + numbers["other_views"][0]["findings"]]
    assert sum("the most alike are" in text for text in texts) == 2
    assert not re.search(r"owl|jay", " ".join(texts))
    assert "six" not in page.words


def test_first_view_is_in_the_page_and_the_others_wait(two):
    """The first judge is there without scripts; figures of each have their own data."""
    text = two.read_text()
    shown, *waiting = text.split('<template class="view">')
    assert len(waiting) == 1
    assert "Judged by owl." in shown
    assert "Judged by jay." not in shown
    assert "Judged by jay." in waiting[0]
    page = _Elements(text)
    assert "Shown first: owl (the most planned comparisons, the first where equal)." in page.words
    assert re.search(r'<select id="view".*?>owl</option>.*?>jay</option>', text)
    assert len(json.loads(page.data["figures"])["specs"]) == 2
    assert len(json.loads(page.data["data"])["views"]) == 2
    ids = _Elements(shown).ids
    assert len(ids) == len(set(ids))


def test_captions_count_models_and_say_the_judge(two):
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", two.read_text())
    assert len(captions) > 10
    assert sum(c.endswith("Judged by owl.") for c in captions) * 2 == len(captions)
    assert not any("6 models" in c or "6 profiles" in c for c in captions)
    assert sum("3 models" in c for c in captions) >= 8


def test_judges_are_compared_under_the_judge(two):
    """A row per model, in all three forms, with what it cannot show."""
    page, numbers = _read(two)
    rows = numbers["judges_compared"]
    assert [(row["model"], row["judges"]) for row in rows] == [(m, ["owl", "jay"]) for m in MODELS]
    assert all(0 < row["spearman"] < 1 and row["points"] > 0 for row in rows)
    shown = f"{rows[0]['spearman']:.2f} {rows[0]['points']:.0f} {rows[0]['noise']:.0f}"
    assert shown in page.words
    markdown = two.with_suffix(".md").read_text()
    for text in (page.words, markdown):
        assert "Agreement is not truth" in text


def test_markdown_has_the_findings_of_each_judge(two):
    text = two.with_suffix(".md").read_text()
    assert text.index("### owl") < text.index("### jay") < text.index("### one-1.0, owl")


def test_one_judge_needs_no_choice():
    report = build_report([rate(_simulated(np.linspace(-1, 1, 6)))], title="t")
    page = render_page(report)
    assert report.view_note == ""
    assert 'id="view"' not in page
    assert "<template" not in page


def test_conditions_are_not_mixed_either():
    """Two models under two conditions are two comparisons of two, not one of four."""
    data = [
        replace(_simulated(np.linspace(-1, 1, 6), model=m, seed=i), condition=c)
        for i, (m, c) in enumerate((m, c) for m in "mn" for c in ("feels", "likes"))
    ]
    report = build_report([rate(one) for one in data], title="t", comparisons=data)
    assert [(v.name, v.labels) for v in report.views] == [
        ("feels", ("m", "n")),
        ("likes", ("m", "n")),
    ]
    assert [list(v.shifts) for v in report.views] == [[(0, 1)], [(0, 1)]]
    assert not report.judges_compared
    assert "Models are compared within one condition at a time" in report.view_note


def test_one_model_by_two_judges_is_one_model():
    """There is nothing between models to tell; the judges still are compared."""
    data = [_simulated(np.linspace(-1, 1, 6), seed=i, model="m") for i in range(2)]
    judged = [replace(one, judge=j) for one, j in zip(data, ("owl", "jay"), strict=True)]
    report = build_report([rate(one) for one in judged], title="t", comparisons=judged)
    assert not any(view.shifts for view in report.views)
    assert len(report.judges_compared) == 1
    assert not {"table", "compare", "similarity"} & set(_Elements(render_page(report)).ids)


# -- whether the judges can be believed -----------------------------------------------------------


def test_untested_judges_are_all_named():
    account = judge_account(
        Validity((JudgeValidity("owl"), JudgeValidity("jay")), agreement=None, nets=())
    )
    assert "given to owl or jay" in account.headline


def test_every_judge_is_in_the_banner():
    """The sentences on all judges, tested or not, stand in page and Markdown before the rest."""
    account = JudgeAccount(
        tested=True,
        sentences=("owl: above chance.", "jay: judge not tested.", "owl: no lean."),
        banner=2,
    )
    report = build_report([rate(_simulated(np.linspace(-1, 1, 6)))], title="t", judge=account)
    banner = re.search(r'class="verdict-note">(.*?)<a', render_page(report))
    assert banner
    assert banner[1].strip() == "owl: above chance. jay: judge not tested."
    assert "owl: above chance. jay: judge not tested." in render_markdown(report, "t.html")


# -- figures --------------------------------------------------------------------------------------


def test_figures_are_of_one_judge_and_say_which(two, tmp_path):
    """The default is told; another judge can be named; one that is not there is an error."""
    store, notes = two.with_suffix(".db"), []
    options = {"formats": ["json"], "note": notes.append}
    means = {}
    for judge in (None, "jay"):
        paths = save_figures(store, tmp_path / str(judge), judge=judge, **options)
        chart = json.loads(next(p for p in paths if p.stem == "similarity").read_text())
        means[judge] = " ".join(chart["title"]["subtitle"])
    assert means[None].endswith("Judged by owl.")
    assert means["jay"].endswith("Judged by jay.")
    assert notes[0].startswith("Compared within one judge: owl (the most planned")
    assert notes[1] == "Compared within one judge: jay. Others: owl."
    with pytest.raises(InputError, match="no profile of judge 'crow'"):
        save_figures(store, tmp_path, judge="crow", **options)


def test_command_line_names_the_judge_beside_the_paths(two, tmp_path):
    words = ["figures", str(two.with_suffix(".db")), "-o", str(tmp_path), "--format", "json"]
    done = CliRunner().invoke(app, [*words, "--judge", "jay"])
    assert done.exit_code == 0
    assert "Compared within one judge: jay." in done.stderr
    assert "Compared" not in done.stdout


# -- wins, tiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "head", "cell"),
    [
        (1.0, ">Won<", r">\d+ of \d+<"),
        (0.5, ">Won<", r">\d+\.5 of \d+<"),
        (0.83, ">Expected wins<", r">\d+\.\d of \d+<"),
    ],
)
def test_wins_are_counted_or_expected(outcome, head, cell):
    """Verdicts that are probabilities make expected wins, to one decimal; ties are halves."""
    data = _simulated(np.linspace(-0.5, 0.5, 5), n=301)
    won = np.where(data.outcome > 0.5, outcome, 1 - outcome)
    if outcome == 0.5:
        won = np.where(np.arange(301) < 21, 0.5, data.outcome)
    page = render_page(build_report([rate(replace(data, outcome=won))], title="t"))
    assert head in page
    assert re.search(cell, page)
    assert not re.search(r">\d+\.\d\d+ of \d+<", page)


def test_tiers_are_told_in_ranks_and_in_points():
    """Computed from the analysis, p included; where the two differ it says so."""
    profiles = list(reference_profiles().values())
    study = analyse(profiles)
    found = find_headlines(profiles, study.cohort.models, study, [])
    ranks, points = (f.text for f in found if f.section == "convergence")
    tiers = {t.name: t for t in study.convergence.tiers}
    top, bottom = tiers["top 20"], tiers["bottom 44"]
    assert f"top 20 ({top.ranks.value:.1f}, by chance {top.ranks.null:.1f}" in ranks
    for tier in (top, bottom):
        value, chance = (ELO_PER_LOGIT * v for v in (tier.logits.value, tier.logits.null))
        number = f"{tier.name} ({value:.1f}, by chance {chance:.1f}, p {tier.logits.p:.2g})"
        assert number in points
    assert ranks.startswith("In ranks, models agree more than chance on the tiers top 20 (")
    assert ") and 21 to 50 (" in ranks
    assert points.startswith("In Elo points, models agree more than chance on the tier 21 to 50 (")
    assert "show no difference from chance on the tiers top 20 (" in points
    assert points.endswith("So what is found on the tier top 20 depends on the measure.")
