"""Replies that were given elsewhere, judged for traits: rated, resumed, compared, reported."""

from __future__ import annotations

import json

import pytest
from tests.planted.service import chat, service
from tests.planted.studies import rows

from ethogram.api import read_profiles, write_report
from ethogram.api.bridges import export_bridge, import_transcripts
from ethogram.errors import StoreError, StudyError
from ethogram.study import parse_study

TRAITS = ("warm", "blunt", "formal", "bold")


def _judge(asked):
    """Name whichever of the two words stands in the reply; the first if neither does."""
    question = asked.body["messages"][-1]["content"]
    one, _, two = question.rpartition("better: ")[2].rstrip("?.").partition(" or ")
    two = two.split()[0].strip("?.,")
    word = two if f"({two})" in question and f"({one})" not in question else one
    return 200, chat(f"<answer>{word}</answer>")


@pytest.fixture
def served():
    """Return a judge on the loopback that reads the word between brackets."""
    with service(_judge) as running:
        yield running


def _study(url, word_list, *, extra=""):
    traits = word_list(*TRAITS)
    return f"""
[study]
name = "logs"
traits = "{traits}"
seed = 1
{extra}
[judges.owl]
model = "owl"
base_url = "{url}"
"""


@pytest.fixture
def transcripts(tmp_path):
    """Return a file of two models' replies: one is always warm, the other always blunt."""
    lines = [
        json.dumps({"model": model, "prompt": f"Question {i}?", "reply": f"Answer {i} ({word})."})
        for model, word in (("ann", "warm"), ("bob", "blunt"))
        for i in range(6)
    ]
    path = tmp_path / "logs.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _import(served, word_list, tmp_path, transcripts, **more):
    study = parse_study(
        _study(served.url, word_list, **more), path=tmp_path / "logs.toml", asks=False
    )
    return import_transcripts(study, [transcripts], store=tmp_path / "logs.db")


def test_each_model_gets_the_profile_of_its_own_replies(served, word_list, tmp_path, transcripts):
    """The trait that a model's replies show stands first in its profile; no model was asked."""
    made = _import(served, word_list, tmp_path, transcripts)
    made.raise_if_stopped()
    profiles = {p.model: p for p in read_profiles(made.store)}
    assert {m: p.frame()["trait"][0] for m, p in profiles.items()} == {
        "ann": "warm",
        "bob": "blunt",
    }
    assert {p.condition for p in profiles.values()} == {"natural"}
    assert {a.body["model"] for a in served.asked} == {"owl"}
    assert len(served.asked) == 2 * 6  # C(4, 2) pairs of either model


def test_imported_again_nothing_is_asked_again(served, word_list, tmp_path, transcripts):
    """What is judged stays judged."""
    _import(served, word_list, tmp_path, transcripts)
    before = len(served.asked)
    made = _import(served, word_list, tmp_path, transcripts)
    assert made.run.calls == 0
    assert len(served.asked) == before


def test_other_replies_to_the_same_questions_are_refused(served, word_list, tmp_path, transcripts):
    """The store's own would be rated in their place; nothing is asked, and they stay."""
    _import(served, word_list, tmp_path, transcripts)
    before = len(served.asked)
    other = tmp_path / "other.jsonl"
    other.write_text(transcripts.read_text(encoding="utf-8").replace("Answer", "Reply"), "utf-8")
    with pytest.raises(StoreError, match="other replies of ann to the same questions"):
        _import(served, word_list, tmp_path, other)
    assert len(served.asked) == before
    kept = rows(tmp_path / "logs.db", "SELECT DISTINCT text FROM written")
    assert all(text.startswith("Answer") for (text,) in kept)


def test_the_price_is_said_before_anything_is_asked(served, word_list, tmp_path, transcripts):
    """Verdicts still to be asked for, and their cost: 12 replies of 4 tokens cost 12 times one."""
    told = []
    priced = "prices = { input = 1.0, output = 2.0 }\nmax_tokens = 500"
    for _ in range(2):
        import_transcripts(
            parse_study(
                _study(served.url, word_list) + priced, path=tmp_path / "l.toml", asks=False
            ),
            [transcripts],
            store=tmp_path / "logs.db",
            note=lambda said: told.append((said, len(served.asked))),
        )
    (_, _), (first, asked), (_, _), (again, _) = told
    assert asked == 0
    assert first.startswith("Verdicts to ask for: 12 of owl; about $0.00")
    about, most = (float(word.strip("$,")) for word in first.split() if word.startswith("$"))
    assert 12 * 60 * 2 / 1e6 < about < most  # an answer: 60 tokens, 500 at most
    assert 12 * 500 * 2 / 1e6 < most < 12 * (500 * 2 + 500) / 1e6
    assert (
        again == "Verdicts to ask for: 0 of owl; about $0.0000, at most $0.0000, excluding retries."
    )


def test_both_models_are_judged_on_the_same_questions(served, word_list, tmp_path, transcripts):
    """A pair of traits is read in both models' replies to one question, so that they are paired."""
    made = _import(served, word_list, tmp_path, transcripts)
    asked = rows(
        made.store,
        "SELECT m.name, t.trait_1, t.trait_2, t.prompt FROM trial t JOIN party m ON m.id = t.model",
    )
    per_model = [{row[1:] for row in asked if row[0] == model} for model in ("ann", "bob")]
    assert per_model[0] == per_model[1]
    assert len(per_model[0]) == 6


def test_a_long_study_reads_each_reply_for_several_pairs(served, word_list, tmp_path, transcripts):
    """More trials than replies: every reply is used, about equally often."""
    made = _import(served, word_list, tmp_path, transcripts, extra="repeats = 3")
    counts = rows(made.store, "SELECT count(*) FROM trial GROUP BY model, prompt")
    assert sum(n for (n,) in counts) == 2 * 18
    assert {n for (n,) in counts} == {3}


def test_the_report_says_what_was_read(served, word_list, tmp_path, transcripts):
    """No sentence claims that a trait was chosen."""
    made = _import(served, word_list, tmp_path, transcripts)
    write_report(made.store, tmp_path / "r.html")
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "with no trait named" in text
    assert "took to" not in text


def test_a_data_set_of_transcripts_claims_no_licence(served, word_list, tmp_path, transcripts):
    """The questions were another evaluation's, and no trait was named, in card and record."""
    made = _import(served, word_list, tmp_path, transcripts)
    export_bridge(made.store, tmp_path / "set", "hf")
    card = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    assert "license: unknown" in card
    assert "User messages: transcripts" in card
    assert "Condition: natural" in card
    assert "got to choose" not in card
    for path in export_bridge(made.store, tmp_path / "records", "eee"):
        record = path.read_text(encoding="utf-8")
        assert "bundled" not in record
        assert "got to choose" not in record


def test_pairs_cannot_follow_replies_that_are_there(served, word_list, tmp_path, transcripts):
    """An adaptive study is refused before anything is asked."""
    with pytest.raises(StudyError, match="transcripts are there already"):
        _import(served, word_list, tmp_path, transcripts, extra='pairs = "adaptive"')
    assert served.asked == []


def test_the_command_line_prints_the_profiles(served, word_list, tmp_path, transcripts, ethogram):
    """`ethogram import` says what it read, judges it, and prints ratings."""
    (tmp_path / "logs.toml").write_text(_study(served.url, word_list), encoding="utf-8")
    code, out, said = ethogram("import", transcripts, "--study", "logs.toml")
    assert code == 0, said
    assert "12 replies: 6 of ann, 6 of bob." in out
    assert "12 calls" in out
    assert "warm" in out


def test_a_log_of_inspect_needs_its_extra(tmp_path, word_list, served, ethogram, monkeypatch):
    """Without inspect-ai, a log is answered with one line that says how to get it."""
    import sys

    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    (tmp_path / "logs.toml").write_text(_study(served.url, word_list), encoding="utf-8")
    code, _, said = ethogram("import", "a.eval", "--study", "logs.toml")
    assert code == 2
    assert "pip install ethogram[inspect]" in said
    assert said.count("\n") == 1
