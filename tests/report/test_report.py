"""The report: what it says is what was measured, and no text in it is more than text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import jinja2
import numpy as np
import pytest
from tests.planted.simulated_store import HOSTILE, Losses, fill_store

from ethogram.figures.theme import PALETTES
from ethogram.ratings.comparisons import Comparisons, compare
from ethogram.ratings.numbers import say_interval, say_number
from ethogram.ratings.profile import Effect, Profile
from ethogram.ratings.rate import rate
from ethogram.report import write_files, write_reference_report, write_report, write_table_report
from ethogram.report.content import build_report
from ethogram.report.evidence import LIMIT, judge_words, sample_evidence, without_thoughts
from ethogram.report.findings import find_headlines
from ethogram.report.judge import JudgeAccount, judge_account
from ethogram.report.page import render_page
from ethogram.report.page_figures import DataPool
from ethogram.report.script_data import POLICIES, size_in_page
from ethogram.report.sides import lower_half, upper_half
from ethogram.report.summary import plain, render_markdown
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages, read_comparisons, read_trials
from ethogram.store.store import Store
from ethogram.validity.measure import JudgeValidity, Validity

QUICK = load_traits("quickstart").names


BODIES = re.compile(r"(FROM|JOIN) (request|response)\b")  # tables of all that was sent and said


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report on one model, ten traits, 45 trials, one of them hostile."""
    folder = tmp_path_factory.mktemp("single")
    fill_store(folder / "quick.db", traits=QUICK, replies={3: HOSTILE}, study="Quick start")
    with Store.read(folder / "quick.db") as store:
        return write_report(store, folder / "quick.html")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report on two models and 24 traits."""
    folder = tmp_path_factory.mktemp("pair")
    traits = load_traits("opposites24").names
    fill_store(folder / "pair.db", traits=traits, models=["one-1.0", "two-2.5"], own=1.0)
    with Store.read(folder / "pair.db") as store:
        return write_report(store, folder / "pair.html", title="Two of a kind")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published study's report."""
    return write_reference_report(tmp_path_factory.mktemp("reference"))


class _Elements(HTMLParser):
    """Collects ids, tags and the text of data elements, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.addresses: list[str] = []
        self.data: dict[str, str] = {}
        self.text: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.handlers += [name for name in found if name.startswith("on")]
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "data")]
        self._in = found.get("id", tag) if tag in ("script", "style") else ""

    def handle_endtag(self, tag):
        self._in = "" if tag in ("script", "style") else self._in

    def handle_data(self, data):
        if self._in:
            self.data[self._in] = self.data.get(self._in, "") + data
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        """All visible text on one line."""
        return " ".join(" ".join(self.text).split())


def _read(page: Path) -> tuple[_Elements, dict]:
    return _Elements(page.read_text()), json.loads(page.with_suffix(".json").read_text())


def _embedded(value: object) -> str:
    """A value as the page's template writes it into a script element."""
    environment = jinja2.Environment(autoescape=True)
    environment.policies |= POLICIES
    return environment.from_string("{{ value|tojson }}").render(value=value)


def _simulated(
    strengths: np.ndarray, *, n: int = 4000, seed: int = 0, model: str = "simulated"
) -> Comparisons:
    """Comparisons by Bradley-Terry, orders balanced, each prompt once."""
    rng = np.random.default_rng(seed)
    k = len(strengths)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    p = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    return compare(
        [f"trait{i:03}" for i in range(k)],
        first,
        second,
        (rng.random(n) < p).astype(float),
        prompt=np.arange(n),
        judge_first=rng.choice([-1, 1], n),
        model=model,
        judge="judge",
    )


# -- what it says --------------------------------------------------------------------------------


def test_single_model_has_its_sections_and_no_other(single):
    """Sections that need two models are left out for one."""
    page, _ = _read(single)
    sections = {"findings", "ranked", "radial", "evidence", "judge", "losses", "method", "measured"}
    assert sections <= set(page.ids)
    assert not {"table", "compare", "similarity", "deviations", "claims"} & set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_says_that_the_judge_is_not_tested(single):
    """The exact sentence stands in the page, the JSON and the Markdown."""
    page, numbers = _read(single)
    assert "Judge not tested" in page.words
    assert numbers["judge"]["tested"] is False
    assert "judge not tested" in single.with_suffix(".md").read_text()


def test_ratings_in_page_and_json_are_those_of_the_profile(single):
    """Every trait's rating and interval, as `rate` gives them."""
    from ethogram.store.read import read_comparisons

    page, numbers = _read(single)
    with Store.read(single.with_name("quick.db")) as store:
        expected = rate(read_comparisons(store)[0])
    shown = {row["trait"]: row for row in numbers["profiles"][0]["ratings"]}
    for i, trait in enumerate(expected.traits):
        assert shown[trait]["rating"] == pytest.approx(expected.ratings[i])
        assert shown[trait]["low"] == pytest.approx(expected.rating_low[i])
        low, high = expected.rating_low[i], expected.rating_high[i]
        assert say_interval(low, high) in page.words
    rows = json.loads(page.data["data"])["views"][0]["profiles"][0]["rows"]
    assert [row[4] for row in rows] == sorted(expected.ranks.tolist())


def test_losses_add_up_and_stand_in_the_page(pair):
    """Planned is done, lost and pending together, for every stage; the page shows each number."""
    page, numbers = _read(pair)
    assert len(numbers["stages"]) == 4
    for stage in numbers["stages"]:
        assert stage["planned"] == 276 == stage["done"] + stage["lost"] + stage["pending"]
        assert stage["lost"] == sum(stage["losses"].values())
        assert f" {stage['done']} " in page.words
    for profile in numbers["profiles"]:
        assert profile["n"] + profile["lost"] == 276


def test_two_models_are_compared_by_shared_prompts(pair):
    """The side-by-side section has the paired shifts of all traits, one of them significant."""
    page, numbers = _read(pair)
    (shift,) = numbers["shifts"]
    assert (shift["before"], shift["after"]) == ("one-1.0", "two-2.5")
    assert shift["paired"] == "prompts"
    data = json.loads(page.data["data"])["views"][0]["shifts"]["0-1"]
    place = shift["traits"].index(numbers["profiles"][0]["ratings"][0]["trait"])
    assert data["raw"][place][0] == round(shift["raw"]["shift"][place])
    assert min(shift["raw"]["p_adjusted"]) <= 0.05
    assert {"table", "compare", "ranks", "distributions"} <= set(page.ids)


def test_findings_lead_to_sections_that_are_there(single, pair, reference):
    """No finding points at a part that this report does not have."""
    for path in (single, pair, reference):
        page, numbers = _read(path)
        assert numbers["findings"]
        assert {finding["section"] for finding in numbers["findings"]} <= set(page.ids)
        inside = {a[1:] for a in page.addresses if a.startswith("#")}
        assert inside
        assert inside <= set(page.ids)


def test_two_traits_are_enough_for_a_report(tmp_path):
    """Too few for anything between profiles, which is said; the rest is there."""
    one, two = (rate(_simulated(np.array([1.0, -1.0]), n=60, seed=s, model=str(s))) for s in (1, 2))
    page, numbers = _read(write_files(build_report([one, two], title="t"), tmp_path / "t.html"))
    assert numbers["analysis"] is None
    assert "The profiles could not be compared" in page.words
    assert "table" in page.ids


def test_unrated_store_still_shows_losses_and_evidence(tmp_path):
    """Comparisons that fall apart are said to be unrated; nothing is rated."""
    fill_store(tmp_path / "lost.db", traits=QUICK, losses=Losses(0, 0.4, 0.4, 0), seed=5)
    with Store.read(tmp_path / "lost.db") as store:
        page, numbers = _read(write_report(store, tmp_path / "lost.html"))
    assert numbers["profiles"] == []
    assert len(numbers["unrated"]) == 1
    assert "not rated" in page.words
    assert {"losses", "evidence", "judge"} <= set(page.ids)
    assert "ranked" not in page.ids
    assert "not rated (" in (tmp_path / "lost.md").read_text()


def test_store_without_any_reply_makes_a_report(tmp_path):
    """A plan alone has no evidence and no findings, and does not fail."""
    fill_store(tmp_path / "s.db", traits=QUICK, losses=Losses(0, 1.0, 0, 0))
    with Store.read(tmp_path / "s.db") as store:
        assert sample_evidence(store) is None
        page, numbers = _read(write_report(store, tmp_path / "s.html"))
    assert "evidence" not in page.ids
    assert numbers["evidence"] is None


def test_judge_account_is_shown(tmp_path):
    """Sentences and table of the validity measurements take the place of the default."""
    account = JudgeAccount(
        tested=True,
        sentences=("The judge is above chance: 81% of 90 known traits.", "It leans to no place."),
        columns=("Measure", "Value"),
        rows=(("accuracy", "81%"),),
        caption="90 replies; 95% intervals.",
    )
    report = build_report([rate(_simulated(np.linspace(-1, 1, 6)))], title="t", judge=account)
    words = _Elements(render_page(report)).words
    for text in (*account.sentences, "accuracy", "90 replies; 95% intervals."):
        assert text in words
    assert "judge not tested" not in words.lower()


def _with_lengths(*, planted: float, model: str = "simulated") -> Comparisons:
    """Comparisons of equal traits; the first one wins long replies by `planted` logits per SD."""
    data = _simulated(np.zeros(8), n=3000, model=model)
    rng = np.random.default_rng(1)
    standard = rng.normal(0, 1, len(data))
    logit = planted * standard * ((data.first == 0) * 1.0 - (data.second == 0))
    won = (rng.random(len(data)) < 1 / (1 + np.exp(-logit))).astype(float)
    return replace(data, outcome=won, length=np.round(np.exp(6 + 0.5 * standard)))


def test_planted_length_slopes_are_shown_in_all_three_forms(tmp_path):
    """A trait that wins long replies is in the table of its model; the other model has none."""
    data = [_with_lengths(planted=1.0, model="longer"), _with_lengths(planted=0.0, model="plain")]
    report = build_report([rate(one) for one in data], title="t", comparisons=data)
    page, numbers = _read(write_files(report, tmp_path / "r.html"))
    summary = (tmp_path / "r.md").read_text()
    longer, plain_one = numbers["replies"]
    steepest = longer["slopes"][0]
    assert steepest["trait"] == "trait000"
    # One logit is 173.7 points; against the mean of eight traits 7/8 of it are left.
    assert steepest["low"] < 173.7 * 7 / 8 < steepest["high"]
    assert steepest["p_adjusted"] < 1e-6
    assert longer["factor"] == pytest.approx(np.exp(0.5), rel=0.03)
    assert {"replies", "replies-table"} <= set(page.ids)
    for text in (page.words, summary):
        assert "longer: " in text
        assert say_number(steepest["slope"], sign=True) in text
        assert "plain: none of the 8 traits wins significantly more or less often" in text
        assert "not what a longer reply would do" in text
    assert min(row["p_adjusted"] for row in plain_one["slopes"]) > 0.05


def test_stores_know_the_lengths_of_their_replies(pair):
    """Every judged reply of a store counts, for each of its two models."""
    page, numbers = _read(pair)
    assert "replies" in page.ids
    assert [r["label"] for r in numbers["replies"]] == ["one-1.0", "two-2.5"]
    assert [r["n"] for r in numbers["replies"]] == [p["n"] for p in numbers["profiles"]]
    assert all(len(r["slopes"]) == 24 for r in numbers["replies"])


def test_a_judge_that_goes_by_place_alone_has_a_report_that_says_why_there_is_no_slope(tmp_path):
    """Both orders averaged, every verdict is one half: the report is written all the same."""
    data = _with_lengths(planted=0.0)
    data = replace(data, outcome=np.full(len(data), 0.5), prompt=np.arange(len(data)) % 50)
    report = build_report([rate(data)], title="t", comparisons=[data])
    page, numbers = _read(write_files(report, tmp_path / "r.html"))
    said = "There is no slope on length, as the verdicts do not differ: each of 3,000 is one half."
    assert said in page.words
    assert said in (tmp_path / "r.md").read_text()
    assert numbers["replies"][0]["slopes"] == []


def test_no_slope_is_a_sentence_and_no_table(tmp_path):
    """Without a slope beyond noise the section has a sentence only."""
    data = _with_lengths(planted=0.0)
    report = build_report([rate(data)], title="t", comparisons=[data])
    page, _ = _read(write_files(report, tmp_path / "r.html"))
    assert "none of the 8 traits wins significantly more or less often" in page.words
    assert "replies" in page.ids
    assert "replies-table" not in page.ids


def test_replies_of_one_length_say_why_there_is_no_slope():
    """What cannot be estimated is told, with the reason."""
    data = _simulated(np.linspace(-1, 1, 6))
    data = replace(data, length=np.full(len(data), 200.0))
    report = build_report([rate(data)], title="t", comparisons=[data])
    assert "the slopes could not be estimated" in _Elements(render_page(report)).words
    assert report.replies[0].slopes == ()


def test_comparisons_without_lengths_have_no_section_of_replies(tmp_path):
    """A comparison file knows no lengths."""
    data = _simulated(np.linspace(-1, 1, 8))
    page, numbers = _read(write_table_report([data], tmp_path / "t.html"))
    assert "replies" not in page.ids
    assert numbers["replies"] == []
    assert "Replies and their length" not in (tmp_path / "t.md").read_text()


def test_first_paragraph_counts_models_and_judges():
    """Two judges are two, and the count is per model and judge."""
    data = [_simulated(np.linspace(-1, 1, 6), model=m) for m in ("m", "n") for _ in range(2)]
    judged = [replace(one, judge=j) for one, j in zip(data, ["owl", "jay"] * 2, strict=True)]
    measured = build_report([rate(one) for one in judged], title="t").measured
    assert "Two judges, owl and jay, read the answer" in measured
    assert "4,000 comparisons per model and judge on 6 traits." in measured
    alone = build_report([rate(judged[0])], title="t", source="table").measured
    assert "a file of comparisons: 4,000 comparisons of m on 6 traits." in alone


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (0, "; all have verdicts."),
        (1, "; 1 more has no verdict."),
        (9, "; 9 more have no verdict."),
    ],
)
def test_missing_verdicts_are_told_beneath_the_list(lost, words):
    """The page, its script and the Markdown count them with the same words."""
    profile = rate(replace(_simulated(np.linspace(-1, 1, 6)), lost=lost))
    report = build_report([profile], title="t")
    page = _Elements(render_page(report))
    assert f"4,000 comparisons{words}" in page.words
    assert (
        f"4,000 comparisons{words}"
        in json.loads(page.data["data"])["views"][0]["profiles"][0]["caption"]
    )
    assert f"4,000 comparisons{words}" in render_markdown(report, "t.html")


def test_words_in_a_sentence_decide_nothing():
    """A tested judge whose sentences speak of untested ones is not shown as untested."""
    account = JudgeAccount(tested=True, sentences=("judge not tested elsewhere; 81% here.",))
    report = build_report([rate(_simulated(np.linspace(-1, 1, 6)))], title="t", judge=account)
    page = render_page(report)
    assert "<strong>Judge not tested" not in page
    assert 'class="verdict-note"' in page
    assert account.headline == account.sentences[0]


def test_findings_of_untested_judges_are_kept():
    """Only the sentence on accuracy is replaced; every other check is told."""
    judges = (JudgeValidity("owl", refused={"m": "judge not tested on this model."}),)
    account = judge_account(Validity(judges, agreement=None, nets=()))
    assert not account.tested
    assert account.headline.startswith("judge not tested: no reply")
    assert account.sentences[1:] == ("m: not corrected: judge not tested on this model.",)


def test_table_report_has_no_evidence_and_says_where_it_is_from(tmp_path):
    """Comparisons from a file: ratings, but nothing of trials or losses."""
    made = _simulated(np.linspace(-1, 1, 8))
    page, numbers = _read(write_table_report([made], tmp_path / "t.html", title="Theirs"))
    assert numbers["source"] == "table"
    assert "from a file of comparisons" in page.words
    assert not {"evidence", "losses"} & set(page.ids)
    assert numbers["profiles"][0]["n"] == 4000


def test_three_files_stand_beside_each_other_whatever_the_name(tmp_path):
    """A dot in the name is no suffix; the folder is made."""
    report = build_report([rate(_simulated(np.linspace(-1, 1, 6)))], title="t")
    assert write_files(report, tmp_path / "new" / "gpt-5.1").name == "gpt-5.1.html"
    names = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert names == ["gpt-5.1.html", "gpt-5.1.json", "gpt-5.1.md"]


# -- findings: never more than the intervals carry -----------------------------------------------


def test_noise_gives_no_claim_of_place():
    """Equal traits: no finding may place a trait."""
    for seed in range(5):
        profile = rate(_simulated(np.zeros(12), n=200, seed=seed), seed=seed)
        (first, *_) = find_headlines([profile], ["m"], None, [])
        assert first.text.startswith("No trait of m can be placed")


def test_placed_traits_are_on_their_side():
    """What the findings place is where the planted strengths are."""
    truth = np.linspace(2, -2, 20)
    profile = rate(_simulated(truth, n=6000))
    assert set(np.flatnonzero(upper_half(profile))) <= set(range(10))
    assert set(np.flatnonzero(lower_half(profile))) <= set(range(10, 20))
    finding = find_headlines([profile], ["m"], None, [])[0]
    assert "of the 20 traits of m can be placed" in finding.text
    assert f"{upper_half(profile).sum()} in the top half" in finding.text
    assert "trait000 1" in finding.interval
    assert "trait019 " in finding.interval


def test_position_claims_are_corrected_for_the_number_of_effects():
    """Twenty effects, each just beyond its own interval: none is claimed; a strong one is."""
    base = rate(_simulated(np.linspace(-1, 1, 6)))

    def with_effect(low: float, high: float) -> Profile:
        return replace(base, effects=(Effect("model_position", (low + high) / 2, low, high),))

    weak = [with_effect(0.01, 0.41)] * 20  # z = 2.06: p = .04, times 20 is no claim
    assert not [
        f for f in find_headlines(weak, ["m"] * 20, None, []) if "Position matters" in f.text
    ]
    (alone,) = [
        f for f in find_headlines(weak[:1], ["m"], None, []) if "Position matters" in f.text
    ]
    # 0.21 logits are expit(0.21) - 0.5 = 5.2 percentage points
    assert "named first in the model's prompt wins 5.2 (0.2 to 10.1) percentage" in alone.text


def test_heavy_losses_are_a_finding():
    """More than one in twenty without a verdict is said at the top."""
    made = replace(_simulated(np.linspace(-1, 1, 6)), lost=400)
    found = find_headlines([rate(made)], ["m"], None, [])
    assert "400 of 4,400 planned comparisons of m (9%) have no verdict" in found[-1].text
    few = find_headlines([rate(replace(made, lost=100))], ["m"], None, [])
    assert not [f for f in few if "no verdict" in f.text]


# -- text stays text -----------------------------------------------------------------------------


def test_hostile_reply_stays_text(single):
    """A reply with script, onerror and a closing script tag adds no element and no handler."""
    page = _Elements(single.read_text())
    harmless = page.tags.count("script")
    trials = json.loads(page.data["trials"])
    assert HOSTILE in [trial["r"] for trial in trials["trials"]]
    assert page.handlers == []
    assert page.tags.count("img") == 0
    assert harmless == 5  # three data elements, the chart library, our own
    assert not re.search(r"<(?!\\)", _embedded({"t": HOSTILE}))


def test_hostile_reply_among_the_printed_trials_stays_text(tmp_path):
    """Where every reply is hostile, so are the trials printed for readers without scripts."""
    replies = dict.fromkeys(range(45), HOSTILE)
    fill_store(tmp_path / "h.db", traits=QUICK, replies=replies, study="<script>x</script>&")
    with Store.read(tmp_path / "h.db") as store:
        page = _Elements(write_report(store, tmp_path / "h.html").read_text())
    assert page.words.count("<script>document.title") >= 5
    assert page.tags.count("script") == 5
    assert page.handlers == []


def test_embedded_json_is_the_same_value():
    """Escapes change the spelling only."""
    value = {"a": [HOSTILE, "\u2029", 1.5, None], "é": "</SCRIPT><!--"}
    text = _embedded(value)
    assert json.loads(text) == value
    assert not set("<>&'\u2028\u2029") & set(text)
    assert size_in_page(value) == len(text.encode())


def test_embedded_json_has_null_for_what_json_cannot_say():
    """NaN is no JSON; arrays are lists, and keys keep their order."""
    value = {"b": np.array([1.0, np.nan]), "a": float("inf")}
    assert _embedded(value) == '{"b":[1.0,null],"a":null}'


def test_policy_allows_these_scripts_and_nothing_else(single):
    """The content security policy names the hash of each script; no source is remote."""
    text = single.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    addresses = _Elements(text).addresses
    assert addresses
    beside = {single.with_suffix(ending).name for ending in (".json", ".md")}
    assert all(a.startswith(("#", "data:")) or a in beside for a in addresses)


def test_markdown_markup_is_escaped():
    """A table cell or heading cannot be broken by a name."""
    assert plain("a|b *c* <d>\n# e") == "a\\|b \\*c\\* \\<d\\> \\# e"


# -- evidence ------------------------------------------------------------------------------------


def test_evidence_has_every_trait_of_every_model_within_its_size(pair):
    """Each trait of each model at least twice, whole, in fewer bytes than stated."""
    with Store.read(pair.with_name("pair.db")) as store:
        sample = sample_evidence(store, limit=150_000)
        counts = {
            (m, t): sum(x["m"] == m and t in (x["a"], x["b"]) for x in sample.trials)
            for m in range(2)
            for t in range(len(sample.traits))
        }
        assert len(counts) == 48
        assert min(counts.values()) == sample.least >= 2
        assert sample.bytes == size_in_page(sample.to_dict()) <= 150_000
        first = sample.trials[0]
        (record,) = read_trials(store, [first["id"]])
        assert first["r"] == record["reply"]
        assert sample.prompts[first["p"]]["t"] == record["prompt"]
        assert sample.judges[first["v"][0]["j"]] == "simulated-judge"


def test_evidence_cuts_texts_before_it_leaves_out_traits(pair):
    """With little room the texts get shorter, every trait is still there, and cuts are marked."""
    with Store.read(pair.with_name("pair.db")) as store:
        small = sample_evidence(store, limit=22_000)
        large = sample_evidence(store, limit=LIMIT)
    assert small.chars < large.chars
    assert small.least >= 1
    assert small.bytes <= 22_000
    assert all(len(t["r"]) <= small.chars for t in small.trials)
    assert any(p["cut"] for p in small.prompts)


def test_only_the_sample_reads_replies(pair, tmp_path):
    """Counting, rating and the report's numbers open no response; the sample opens its own."""
    with Store.read(pair.with_name("pair.db")) as store:
        asked: list[str] = []
        store._db.set_trace_callback(asked.append)
        count_stages(store), store.spent(), [rate(c) for c in read_comparisons(store)]
        assert asked
        assert not [sql for sql in asked if BODIES.search(sql)]
        _, numbers = _read(write_report(store, tmp_path / "small.html", evidence_bytes=40_000))
    read = [sql for sql in asked if BODIES.search(sql)]
    shown = numbers["evidence"]["trials"]
    assert all(re.search(r"WHERE a\.id = \d+$", sql) for sql in read)  # one response each
    assert 0 < 2 * shown <= len(read) <= 2 * (shown + 2 * 24) < 2 * 552 / 3


def test_evidence_shows_models_the_same_places_of_the_design(pair):
    """Most trials of one model have their counterpart, same prompt and traits, in the other's."""
    with Store.read(pair.with_name("pair.db")) as store:
        sample = sample_evidence(store, limit=120_000)
    keys = [{(x["a"], x["b"], x["p"]) for x in sample.trials if x["m"] == m} for m in (0, 1)]
    assert len(keys[0] & keys[1]) > 0.7 * len(keys[0])


# -- the published study -------------------------------------------------------------------------


def test_reference_report_reproduces_the_study_from_its_counts(reference):
    """Explained variance, tier spreads and correlations, within the rounding asked for."""
    _, numbers = _read(reference)
    analysis = numbers["analysis"]
    explained = [100 * v for v in analysis["components"]["explained"][:3]]
    assert explained == pytest.approx([41.4, 19.5, 12.6], abs=0.5)
    plain_explained = [100 * v for v in analysis["components_plain"]["explained"][:3]]
    assert plain_explained == pytest.approx([38.1, 30.6, 11.4], abs=0.5)
    spreads = [tier["ranks"]["value"] for tier in analysis["convergence"]["tiers"]]
    assert spreads == pytest.approx([6.8, 14.5, 20.8, 13.6], abs=0.2)
    assert analysis["similarity"]["spearman"]["mean"] == pytest.approx(0.807, abs=0.005)


def test_reference_report_checks_the_published_claims(reference):
    """Each claim with its verdict, sentence and source; published numbers beside ours."""
    page, numbers = _read(reference)
    assert "claims" in page.ids
    assert "0.763 0.807" in page.words  # mean Spearman, theirs and ours
    assert "32.4% 41." in page.words
    claims = numbers["claims"]["claims"]
    assert sum(numbers["claims"]["verdicts"].values()) == len(claims) >= 20
    for claim in claims:
        assert f"claim-{claim['id']}" in page.ids
        assert claim["found"] in page.words
        assert f"{claim['verdict']} {claim['source']}" in page.words


def test_reference_report_is_small(reference):
    """Under 5 MB; how long it takes is measured in bench/."""
    assert reference.stat().st_size < 5_000_000


def test_ten_models_leave_room_for_the_evidence():
    """Ten models of 144 traits and the largest sample of trials stay under 5 MB together."""
    rng = np.random.default_rng(1)
    common = rng.normal(0, 1.2, 144)
    profiles = [
        rate(
            _simulated(common + rng.normal(0, 0.6, 144), n=10_296, seed=i, model=f"model-name-{i}")
        )
        for i in range(10)
    ]
    page = render_page(build_report(profiles, title="Ten models"))
    assert len(page.encode()) + LIMIT < 5_000_000


# -- figures -------------------------------------------------------------------------------------


def test_figures_share_their_data_and_carry_captions(reference):
    """Every data name of both themes is in the pool, and each caption says how many models."""
    page, _ = _read(reference)
    figures = json.loads(page.data["figures"])
    (specs,) = figures["specs"]  # of one view
    assert {"radial", "ranks", "similarity", "deviations", "components"} <= set(specs)
    for themes in specs.values():
        assert set(themes) == {"light", "dark"}
        for spec in themes.values():
            names = set(re.findall(r'"name": "(data-[0-9a-f]+)"', json.dumps(spec)))
            assert names
            assert names <= set(figures["pool"])
            assert "values" not in json.dumps(spec.get("data", {}))
    assert page.words.count("9 models") >= 5
    places = re.findall(r'class="page-figure [^>]*data-figure="([^"]+)"', reference.read_text())
    assert sorted(places) == sorted(specs)  # the script looks each up by its name


def test_page_and_figures_have_the_same_colours():
    """The style sheet's paper, ink, blue and orange are the theme's, light and dark."""
    css = files("ethogram.report").joinpath("assets", "report.css").read_text()
    light, dark = css.split("prefers-color-scheme: dark", 1)
    for part, colours in ((light, PALETTES["light"]), (dark, PALETTES["dark"])):
        for name in ("background", "ink", "grid", "expressed", "avoided"):
            assert getattr(colours, name) in part


def test_pool_keeps_rows_by_column():
    """Rows with other keys are filled with null; nothing else changes."""
    pool = DataPool()
    spec = {"mark": "bar", "datasets": {"d": [{"a": 1, "b": 2}, {"a": 3}]}, "$schema": "x"}
    assert pool.share(spec) == {"mark": "bar"}
    assert pool.tables == {"d": {"columns": ["a", "b"], "rows": [[1, 2], [3, None]]}}


# -- one way to write numbers, one place to reach everything ------------------------------------


def test_negative_numbers_and_ranges_are_written_as_in_prose(tmp_path):
    """Ratings below zero: a true minus and "to" in page and Markdown, plain numbers in the JSON."""
    strengths = np.array([7.0, 1.0, 0.0, -1.0, -7.0])
    report = build_report([rate(_simulated(strengths, n=3000))], title="t")
    _, numbers = _read(write_files(report, tmp_path / "t.html"))
    lowest = min(row["low"] for row in numbers["profiles"][0]["ratings"])
    assert lowest < -50
    _, _, summary = (tmp_path / "t.md").read_text().partition("\n---\n")  # metadata is YAML
    without_charts = re.sub(r"<svg aria-hidden.*?</svg>", "", (tmp_path / "t.html").read_text())
    for text in (_Elements(without_charts).words, summary):
        assert f"−{-lowest:.0f} to " in text
        assert not re.search(r"(?<![\w.])-\d", text)
        assert not re.search(r"\d–−?\d", text)


def test_equal_ratings_share_their_place():
    """Two traits that won equally often are both "=1" in page and Markdown."""
    pairs = [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (0, 1), (1, 0)] * 20
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    data = compare([f"t{i}" for i in range(4)], first, second, np.ones(len(pairs)), model="m")
    report = build_report([rate(data, position=False)], title="t")
    assert "=1 t0" in _Elements(render_page(report)).words
    assert "| =1 | t0 |" in render_markdown(report, "t.html")


def test_contents_link_to_every_section_and_to_the_files_beside(pair):
    """Each section of the page is in the navigation, under a group; so are JSON and Markdown."""
    text = pair.read_text()
    nav = re.search(r"<nav.*?</nav>", text, re.DOTALL)[0]
    linked = re.findall(r'<li><a href="#([^"]+)"', nav)
    sections = re.findall(r'<section id="([^"]+)"|<section class="figure" id="([^"]+)"', text)
    assert {one or other for one, other in sections} <= set(linked)
    assert nav.count('class="group"') == 4
    for ending in (".json", ".md"):
        address = pair.with_suffix(ending).name
        assert f'href="{address}"' in nav
        assert pair.with_name(address).exists()


def test_every_section_and_figure_has_a_permalink(pair):
    page, _ = _read(pair)
    inside = {a[1:] for a in page.addresses if a.startswith("#")}
    figures = set(re.findall(r'<figure class="page-figure[^>]* id="([^"]+)"', pair.read_text()))
    assert len(figures) >= 3
    assert figures <= inside
    assert {"ranked", "table", "compare", "judge", "losses", "method"} <= inside
    assert sum(i.startswith("trial-") for i in page.ids) == 5


def test_shown_replies_have_no_thoughts_and_verdicts_no_tags(tmp_path):
    """Marked thoughts of the tested model and the tags around a judge's answer are left out."""
    thoughtful = "<think>SECRET musing</think>\n\nThe answer itself."
    fill_store(tmp_path / "s.db", traits=QUICK, replies=dict.fromkeys(range(45), thoughtful))
    with Store.read(tmp_path / "s.db") as store:
        sample = sample_evidence(store)
    texts = [t["r"] for t in sample.trials] + [v["t"] for t in sample.trials for v in t["v"]]
    assert texts
    assert not [text for text in texts if "SECRET" in text or "think>" in text or "answer>" in text]
    assert {t["r"] for t in sample.trials} == {"The answer itself."}
    assert without_thoughts("<think>never closed") == ""
    assert judge_words("<think>never closed") == "<think>never closed"  # why it was not read
