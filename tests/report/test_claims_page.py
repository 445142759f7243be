"""The page on the published study's claims: words, numbers, badges and files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from ethogram.analysis.claims import Outcome, check_claims
from ethogram.cli.app import app
from ethogram.ratings.rate import reference_profiles
from ethogram.report.claims import (
    render_json,
    render_markdown,
    render_page,
    render_section,
    write_claims,
)
from ethogram.report.claims_content import UNITS, describe_claims, ordinal, rows_for_dumbbells
from ethogram.report.summary import plain


@pytest.fixture(scope="module")
def checked():
    return check_claims(list(reference_profiles().values()), n_draws=300)


@pytest.fixture(scope="module")
def report(checked):
    return describe_claims(checked)


def _with_verdicts(checked, *verdicts):
    """The first claims, with other verdicts."""
    claims = zip(checked.claims, verdicts, strict=False)
    return replace(checked, claims=tuple(replace(c, verdict=v) for c, v in claims))


def test_the_summary_counts_the_verdicts_in_two_sentences(checked):
    """Seven claims: two hold, one holds in part, one fails, one is within noise, two are beyond."""
    o = Outcome
    verdicts = (o.HOLDS, o.HOLDS, o.IN_PART, o.FAILS, o.NOISE, o.UNTESTABLE, o.UNTESTABLE)
    assert describe_claims(_with_verdicts(checked, *verdicts)).summary == (
        "Of 7 claims in the study’s post, paper and harness, 5 can be tested on the public win "
        "counts of its nine models: two hold, one holds in part, one is within noise and one does "
        "not hold. The other two cannot be tested with these data."
    )


def test_a_changed_verdict_changes_the_page(checked):
    """Badges and counts come from the verdicts that are given."""
    pages = {
        verdict: render_page(describe_claims(_with_verdicts(checked, verdict)))
        for verdict in Outcome
    }
    for verdict, page in pages.items():
        article = page[page.index('<article class="claim"') :]
        assert f"{verdict}</span>" in article.split("</article>")[0]
    assert len(set(pages.values())) == len(Outcome)


def test_every_claim_is_shown_with_its_badge_sentence_and_checks(checked, report):
    """No claim is missing, no placeholder is left, and each check has a row."""
    page = render_page(report)
    assert page.count('<article class="claim"') == len(checked.claims)
    rows = sum(len(claim.checks) for claim in checked.claims)
    articles = re.findall(r'<article class="claim".*?</article>', page, re.S)
    assert "".join(articles).count('<tr><th scope="row">') == rows
    for article, claim in zip(articles, checked.claims, strict=True):
        assert f">{claim.verdict}</span>" in article
        assert claim.source in unescape(article)
    for _, claims in report.topics:
        for claim in claims:
            assert claim.verdict in {str(o) for o in Outcome}
            assert not re.search(r"[{}]|nan|None|not known", claim.found)


def test_numbers_in_a_sentence_are_those_of_the_check(checked, report):
    """The mean correlation: value and interval to three digits."""
    claim = next(c for _, claims in report.topics for c in claims if c.id == "spearman")
    mean = next(c for c in checked.claims if c.id == "spearman").checks[0].measured
    assert f"the mean is {mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})" in claim.found


def test_a_divided_claim_says_which_checks_do_not_hold(checked):
    """Three checks of made-up outcomes: the one that fails is named; agreeing ones say nothing."""
    claim = next(c for c in checked.claims if c.id == "pca")

    def found(*outcomes):
        checks = tuple(replace(c, outcome=o) for c, o in zip(claim.checks, outcomes, strict=True))
        one = replace(checked, claims=(replace(claim, checks=checks),))
        return describe_claims(one).topics[0][1][0].found

    assert found(Outcome.HOLDS, Outcome.FAILS, Outcome.HOLDS).endswith(
        "Of three checks, two hold and one does not hold (second component: variance explained)."
    )
    assert "checks" not in found(*[Outcome.NOISE] * 3)


def test_the_page_opens_offline_and_runs_nothing(report):
    """No script, no address to fetch from, and a policy that forbids both."""
    page = render_page(report)
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "default-src 'none'" in unescape(page)


def test_markdown_and_json_say_the_same(checked, report):
    """Each claim has its verdict in both; the JSON has the unrounded numbers."""
    text, numbers = render_markdown(report), json.loads(render_json(report))
    assert sum(numbers["verdicts"].values()) == len(checked.claims) == len(numbers["claims"])
    for claim, shown in zip(checked.claims, numbers["claims"], strict=True):
        assert shown["verdict"] == claim.verdict
        assert f"**{claim.verdict}** ({plain(claim.source)})" in text
    first = checked.claims[0].checks[0].measured
    assert numbers["claims"][0]["checks"][0]["measured"]["low"] == first.low


def test_the_section_can_stand_in_another_page(report):
    """It is one section, with the claims and without a page's head."""
    section = render_section(report)
    assert section.count("<section") == section.count("</section>") == 1
    assert "<html" not in section
    assert section.count("<article") == sum(len(claims) for _, claims in report.topics)


def test_dumbbells_have_both_ends(checked):
    """Each row has a published and a recomputed number; none is of GPT-4o."""
    rows = rows_for_dumbbells(checked)
    labels = [row.label for row in rows]
    assert len(set(labels)) == len(labels)
    assert not any("GPT-4o" in label for label in labels)
    mean = next(row for row in rows if row.label == "mean of all pairs: Spearman")
    assert (mean.before, mean.group) == (0.763, "Correlation")
    assert mean.low < mean.after < mean.high
    share = next(row for row in rows if row.group == "Share of variance")
    assert (share.before, share.digits, share.suffix) == (pytest.approx(32.4), 1, "%")


def test_every_unit_of_the_table_has_a_form(checked):
    """And each form is of some check, or names no unit that has gone."""
    used = {check.unit for claim in checked.claims for check in claim.checks}
    assert used == set(UNITS)


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("rank difference", -2.94, "−2.9"),
        ("point difference", 13.4, "+13"),
        ("rank difference", -0.01, "0.0"),
        ("Elo", 1719.2, "1,719"),
        ("share", 0.324, "32.4%"),
        ("chance", 0.003, "0.3%"),
        ("chance", 0.277, "28%"),
        ("place", 21.0, "21st"),
    ],
)
def test_numbers_are_shown_to_the_digits_of_their_unit(unit, value, shown):
    """With a true minus, a plus for differences, and no sign on zero."""
    assert UNITS[unit].show(value) == shown


def test_a_published_number_keeps_its_digits():
    """A final zero too."""
    assert UNITS["ranks"].show_published(3.0) == "3.0"
    assert UNITS["correlation"].show_published(0.97) == "0.97"
    assert UNITS["share"].show_published(0.116) == "11.6%"


def test_ordinals():
    """The teens are irregular."""
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
    ]  # fmt: skip


def test_the_command_writes_three_files(tmp_path):
    """`-o NAME.html` writes NAME.html, NAME.json and NAME.md, and prints the page's path."""
    out = tmp_path / "new" / "published.html"
    result = CliRunner().invoke(app, ["reference", "claims", "-o", str(out)])
    assert (result.exit_code, result.output.strip()) == (0, str(out))
    names = sorted(p.name for p in out.parent.iterdir())
    assert names == ["published.html", "published.json", "published.md"]


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    result = CliRunner().invoke(app, ["reference", "claims", "-o", str(tmp_path / "taken/x.html")])
    assert result.exit_code != 0
    assert "cannot be written" in str(result.exception) + result.output


def test_a_name_without_html_gets_it(tmp_path, monkeypatch):
    """`-o claims.v2` is claims.v2.html, not claims.html."""
    monkeypatch.setattr("ethogram.report.claims.check_claims", lambda profiles, seed: _few())
    assert write_claims(tmp_path / "claims.v2").name == "claims.v2.html"


def _few():
    checked = check_claims(list(reference_profiles().values()), n_draws=20)
    return replace(checked, claims=checked.claims[:1])


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1])
def test_badges_can_be_read_in_both_themes(theme):
    """Text on filled badges and muted text have a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    css = files("ethogram.report").joinpath("assets/report.css").read_text("utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, re.S)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", roots[theme]))
    pairs = [("paper", "up"), ("paper", "alarm"), ("ink", "wash"), ("muted", "paper")]
    for text, ground in pairs:
        one, other = sorted(_luminance(colours[c]) for c in (text, ground))
        assert (other + 0.05) / (one + 0.05) >= 4.5, (text, ground)
