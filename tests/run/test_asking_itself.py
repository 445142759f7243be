"""Asking models about themselves: what is planned, what it costs, what a second run asks."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from tests.planted.answers import ModelPlan
from tests.planted.studies import command, prepare_text, rows, study_text, wait_for_requests

from ethogram.api import ask_study, plan_study, run_study
from ethogram.errors import StoreError, StudyError
from ethogram.run.self_report import likert_places, likert_questions, stated_places
from ethogram.run.ways import find_way
from ethogram.study import parse_study
from ethogram.validity.asked import section_json

WORDS = ("warm", "blunt", "terse", "poetic", "casual", "humble", "playful", "patient")
COUNT = """SELECT t.protocol, t.part, t.condition, count(*), count(r.trial) FROM trial t
LEFT JOIN reply r ON r.trial = t.id WHERE t.wanted AND t.part IN ('stated', 'likert')
GROUP BY 1, 2, 3"""


@pytest.fixture
def study(planted, tmp_path, word_list):
    """Return a server, and a function that makes a study of eight traits with such a table."""
    server = planted(traits=WORDS)

    def make(table="", templates="", *, at=server, **more):
        text = study_text(at.base_url, traits=word_list(*WORDS), **more)
        text += f"\n[self_report]\n{table}\n{templates}"
        return parse_study(text, path=tmp_path / "study.toml")

    return server, make


def counts(store):
    """Return {(protocol, part, condition): (wanted, answered)}."""
    return {row[:3]: row[3:] for row in rows(store, COUNT)}


def test_each_pair_is_offered_in_both_orders_and_each_trait_has_its_statements(study, store_path):
    """Three pairs per trait are 12 in all; four statements on each of eight traits."""
    _, make = study
    ask_study(make("meetings = 3"), store=store_path)
    found = counts(store_path)
    for context in ("fresh", "acted"):
        assert found["stated", "stated", context] == (24, 24)
        assert found["likert", "likert", context] == (32, 32)
    orders = rows(
        store_path, "SELECT trait_1, trait_2 FROM trial WHERE protocol = 'stated' AND after IS NULL"
    )
    assert {(b, a) for a, b in orders} == set(orders)
    named = [trait for pair in orders for trait in pair]
    assert {named.count(trait) for trait in named} == {6}
    values = rows(store_path, "SELECT DISTINCT value FROM reply WHERE value IS NOT NULL")
    assert {value for (value,) in values} <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_after_acting_means_after_the_studys_own_reply(study, store_path):
    """The conversation is that of a trial with the same two words, or that names the trait."""
    _, make = study
    ask_study(make("meetings = 3"), store=store_path)
    pairs = rows(
        store_path,
        """SELECT t.trait_1, t.trait_2, b.trait_1, b.trait_2, b.protocol FROM trial t
        JOIN trial b ON b.id = t.after WHERE t.protocol = 'stated'""",
    )
    assert len(pairs) == 24
    assert all({a, b} == {c, d} and said == "elicit" for a, b, c, d, said in pairs)
    named = rows(
        store_path,
        """SELECT t.trait_1, b.trait_1, b.trait_2 FROM trial t JOIN trial b ON b.id = t.after
        WHERE t.protocol = 'likert'""",
    )
    assert len(named) == 32
    assert all(trait in those for trait, *those in named)
    (sent,) = rows(
        store_path,
        """SELECT q.body FROM trial t JOIN reply r ON r.trial = t.id
        JOIN attempt a ON a.id = r.attempt JOIN request q ON q.id = a.request
        WHERE t.protocol = 'stated' AND t.after IS NOT NULL LIMIT 1""",
    )
    assert [part.split('"')[0] for part in sent[0].split('"role":"')[1:]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip


def test_the_plan_says_what_is_asked_and_nothing_is_paid_for_twice(study, store_path):
    """The trials that are gone on from are the study's own: its run finds them answered."""
    server, make = study
    asked = make("meetings = 3")
    planned = {row.stage: row.requests for row in plan_study(asked).ways["self_report"]}
    assert planned == {"stated": 48, "likert": 64}
    ask_study(asked, store=store_path)
    acted = server.stats()["requests"] - 48 - 64
    assert 12 <= acted <= 28
    run = run_study(asked, store=store_path).run
    assert run.calls == 28 - acted + 28
    assert ask_study(asked, store=store_path)
    assert server.stats()["requests"] == 48 + 64 + 28 + 28
    assert server.stats()["answered_twice"] == 0
    left = plan_study(asked, store=store_path).ways["self_report"]
    assert [row.pending for row in left] == [0, 0]


def test_a_longer_study_keeps_the_answers_of_a_shorter_one(study, store_path):
    """More meetings and items add to what is there; fewer leave the others unwanted."""
    server, make = study
    ask_study(make("meetings = 2\nitems = 2\ncontexts = ['fresh']"), store=store_path)
    before = server.stats()["requests"]
    assert counts(store_path) == {
        ("stated", "stated", "fresh"): (16, 16),
        ("likert", "likert", "fresh"): (16, 16),
    }
    ask_study(make("meetings = 3\nitems = 4\ncontexts = ['fresh']"), store=store_path)
    assert server.stats()["requests"] == before + 8 + 16
    ask_study(make("meetings = 3\nlikert = false"), store=store_path)
    found = counts(store_path)
    assert found["stated", "stated", "acted"] == (24, 24)
    assert ("likert", "likert", "fresh") not in found
    assert server.stats()["answered_twice"] == 0


def test_a_model_that_always_declines_is_counted_and_stops_nothing(planted, study, store_path):
    """A hundred refusals in a row are a finding; none is asked again, none is a number."""
    server = planted(traits=WORDS, models={"*": ModelPlan(declines=1.0)})
    _, make = study
    asked = make("contexts = ['fresh']", at=server)
    (section,) = ask_study(asked, store=store_path)
    assert rows(store_path, "SELECT DISTINCT status, choice, value FROM reply") == [
        ("refused", None, None)
    ]
    assert server.stats()["requests"] == 88  # 8 traits: 28 pairs twice, 32 statements
    assert any("declines to describe itself in 100%" in claim for claim in section.claims)
    assert any("no scores" in claim for claim in section.claims)
    assert json.loads(json.dumps(section_json(section), allow_nan=False))["data"]["against"] == []
    ask_study(asked, store=store_path)
    assert server.stats()["requests"] == 88


def test_other_questions_want_another_store(study, store_path):
    """Answers to one wording are not mixed with those to another."""
    _, make = study
    ask_study(make("meetings = 2\ncontexts = ['fresh']"), store=store_path)
    other = make("meetings = 2", "[templates]\nstated = '{first} or {second}?'")
    with pytest.raises(StoreError, match="another design"):
        ask_study(other, store=store_path)


def test_items_need_texts(study):
    """Six statements per trait want three texts each way; a study may bring its own."""
    _, make = study
    with pytest.raises(StudyError, match=r"items = 6 needs 3 texts of likert, and there are 2"):
        plan_study(make("items = 6"))
    own = "[templates]\nlikert = ['{trait}?', '{trait}!', '{trait}.']\nlikert_reversed = "
    with pytest.raises(StudyError, match=r"3 texts of likert_reversed, and there are 1"):
        plan_study(make("items = 6", own + "'Not {trait}'"))
    prepared = prepare_text(make("items = 2", own + "'Not {trait}'").text, folder=make().base)
    assert likert_questions(prepared) == ["{trait}?", "Not {trait}"]


@pytest.mark.parametrize("texts", ["'{trait}?'", "[]"])
def test_no_texts_are_needed_where_no_statement_is_asked(study, store_path, texts):
    """Two words alone: three pairs per trait in both orders, in both conversations."""
    _, make = study
    asked = make("meetings = 3\nlikert = false", f"[templates]\nlikert = {texts}")
    assert [(r.stage, r.requests) for r in plan_study(asked).ways["self_report"]] == [
        ("stated", 48)
    ]
    ask_study(asked, store=store_path)
    assert counts(store_path) == {
        ("stated", "stated", "fresh"): (24, 24),
        ("stated", "stated", "acted"): (24, 24),
        ("elicit", "stated", "feels"): (12, 12),
    }


def test_words_without_deeds_are_said_to_be_held_against_nothing(study, store_path):
    """A store that was asked and never run: one line per way of asking, and no empty table."""
    _, make = study
    (section,) = ask_study(make("meetings = 3"), store=store_path)
    assert section.claims == tuple(
        f"alpha: what it says of itself ({asked}) is held against nothing: no judge’s ratings of "
        "what it does cover 3 of its traits; `ethogram run` makes them."
        for asked in ("two words", "statements")
    )
    assert all(table.rows for table in section.tables)


def test_two_traits_are_too_few_and_said_to_be(planted, tmp_path, word_list, store_path):
    """Every question is answered: what lacks is traits, not answers."""
    text = study_text(planted(traits=WORDS[:2]).base_url, traits=word_list(*WORDS[:2]))
    asked = parse_study(f"{text}\n[self_report]\n", path=tmp_path / "study.toml")
    (section,) = ask_study(asked, store=store_path)
    for context in ("fresh", "after acting"):
        reason = "no scores (2 rated, at least 3 traits needed)"
        assert f"alpha, asked by statements ({context}): {reason}." in section.claims
    assert not any("too few answers" in claim for claim in section.claims)


@pytest.mark.parametrize("name", ["self-report", "self_report", "SELF REPORT", " Self Report "])
def test_a_way_is_found_by_its_name_however_it_is_written(name):
    """Capitals, hyphens and blanks are a typist's own."""
    assert find_way(name).name == "self_report"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("items = 3", "multiple of 2"),
        ("contexts = ['fresh', 'fresh']", "each once"),
        ("contexts = []", "at least 1"),
        ("contexts = ['later']", "'fresh' or 'acted'"),
        ("meetings = 0\nlikert = false", "asks nothing"),
        ("meeting = 3", "did you mean 'meetings'?"),
    ],
)
def test_a_table_that_cannot_be_asked_is_refused(study, table, said):
    """With the key, its value and what is allowed."""
    _, make = study
    with pytest.raises(StudyError, match=said):
        make(table)


@pytest.mark.parametrize("more", [{}, {"orders": "both"}, {"repeats": 2}, {"max_trials": 9}])
def test_every_design_gives_each_pair_once(study, more):
    """Pairs that are asked twice, or turned round, are one pair of words."""
    _, make = study
    prepared = prepare_text(make("meetings = 20", **more).text, folder=make().base)
    design = prepared.designs["alpha"]
    places = stated_places(prepared, "alpha")
    pairs = [frozenset((int(design.first[p]), int(design.second[p]))) for p in places]
    assert len(set(pairs)) == len(pairs) == min(28, more.get("max_trials", 28))
    for trait, after in enumerate(likert_places(prepared, "alpha")):
        assert len(after) == 4
        assert all(trait in (design.first[p], design.second[p]) for p in after)


def test_a_killed_run_goes_on_where_it_was(study, tmp_path):
    """`kill -9` in mid-run: what was committed is not asked again, and all is answered."""
    server, make = study
    file, store = tmp_path / "study.toml", tmp_path / "study.db"
    file.write_text(make("meetings = 7").text)
    before = 0
    for _ in range(3):
        with subprocess.Popen(
            command("ask", file, "--quiet"), cwd=tmp_path, stdout=subprocess.DEVNULL
        ) as process:
            wait_for_requests(server, before + 40, process)
            process.kill()
        time.sleep(0.3)
        kept = rows(store, "SELECT count(*) FROM attempt")[0][0]
        before = server.stats()["requests"]
    ask_study(make("meetings = 7"), store=store)
    assert server.stats()["requests"] - before <= 28 + 2 * 56 + 2 * 32 - kept
    assert all(wanted == answered for wanted, answered in counts(store).values())
    assert counts(store)["stated", "stated", "acted"] == (56, 56)


def test_a_models_system_text_is_in_the_price_of_every_request(study):
    """4,000 ASCII characters are 1,000 tokens: in each trial, and each question about itself."""
    _, make = study
    plans = [
        plan_study(make("meetings = 3", models={"alpha": {"system": system} if system else {}}))
        for system in ("", "Be brief. " * 400)
    ]
    bare, told = ({**{"main": plan.rows}, **plan.ways} for plan in plans)
    for way in ("main", "self_report"):
        for before, after in zip(bare[way], told[way], strict=True):
            more = 0 if before.stage == "judge" else 1000 * before.requests
            assert after.prompt_tokens - before.prompt_tokens == pytest.approx(more, rel=0.001)
