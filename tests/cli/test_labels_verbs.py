"""`ethogram labels`: draw, export, import, status; and what the report says of the judge then."""

from __future__ import annotations

import csv
import json

import pytest
from tests.planted.simulated_store import Losses, fill_store
from typer.testing import CliRunner

from ethogram.api.labels import COLUMNS, draw_labels, import_labels, read_label_status
from ethogram.cli.app import app
from ethogram.errors import InputError
from ethogram.store.labels import Label, add_labels, read_draw, read_labels, trial_words
from ethogram.store.store import Store
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults

TRAITS = ("warm", "blunt", "poetic", "playful", "calm", "wry", "dry", "bold", "shy", "keen")


@pytest.fixture
def judged(tmp_path):
    """Return a store whose second judge turns three verdicts in ten round."""
    return fill_store(
        tmp_path / "judged.db",
        traits=TRAITS,
        models=("alpha", "beta"),
        judges=("first", "second"),
        losses=Losses(0, 0, 0, 0),
        flips={"second": 0.3},
    )


@pytest.fixture
def call():
    """Return a function that runs the command line and gives its output."""

    def run(*words, code=0):
        found = CliRunner().invoke(app, [str(word) for word in words])
        if code:
            return str(found.exception)
        assert found.exit_code == 0, found.output
        return found.output

    return run


def _fill_in(path, store, judge, labeller):
    """Label every reply as a judge does, as its words stand in the file."""
    with StoreResults.open(store) as results:
        rows = results.verdicts(judge)
        named = {
            int(t): results.verdicts(judge).traits[a if code == 1 else b]
            for t, a, b, code in zip(rows.trial, rows.first, rows.second, rows.code, strict=True)
        }
    with path.open(encoding="utf-8", newline="") as file:
        made = list(csv.DictReader(file))
    for row in made:
        row["label"], row["labeller"] = named[int(row["trial"])], labeller
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        out.writerows(made)
    return made


def test_a_queue_goes_out_blinded_and_comes_back(judged, call, tmp_path):
    """No model, judge or verdict in the file; labels come back by word, whichever stood first."""
    assert "Drew 60 replies judged by first" in call("labels", "draw", judged, "--size", 60)
    out = tmp_path / "queue.csv"
    call("labels", "export", judged, "-o", out)
    text = out.read_text(encoding="utf-8")
    assert not any(word in text for word in ("alpha", "beta", "first,", "second,", "<answer>"))
    rows = _fill_in(out, judged, "first", "ann")
    assert {row["word_1"] == row["label"] for row in rows} == {True, False}
    assert "60 labels are new or changed" in call("labels", "import", judged, out)
    assert "0 labels are new or changed" in call("labels", "import", judged, out)
    with Store.read(judged) as store:
        assert {label.source for label in read_labels(store)} == {"queue.csv"}


def test_status_says_how_right_each_judge_is_and_what_is_needed(judged, call, tmp_path):
    """The judge that people agree with is right in all; the other as often as it says the same."""
    call("labels", "draw", judged, "--size", 60)
    out = tmp_path / "queue.csv"
    call("labels", "export", judged, "-o", out)
    _fill_in(out, judged, "first", "ann")
    call("labels", "import", judged, out)
    found = json.loads(call("labels", "status", judged, "--json"))
    one, other = found["judges"]
    assert one["overall"]["estimate"] == 1.0
    with StoreResults.open(judged) as results:
        truth = (results.verdicts("first").code == results.verdicts("second").code).mean()
    assert other["overall"]["low"] < truth < other["overall"]["high"]
    assert other["overall"]["estimate"] == pytest.approx(truth, abs=0.1)
    assert found["labelled"] == found["drawn"] == 60
    assert found["needed"]["first"] == 0
    half = (other["overall"]["high"] - other["overall"]["low"]) / 2
    assert found["needed"]["second"] == (0 if half <= 0.05 else pytest.approx(200, abs=190))
    found = json.loads(call("labels", "status", judged, "--half-width", 0.01, "--json"))
    assert found["needed"]["second"] > 10
    said = call("labels", "status", judged)
    assert "first: The judge is above chance: it names the trait that people see in" in said
    with StoreResults.open(judged) as results:
        validity = measure_validity(results)
        sentence = validity.judges[0].sentence
        assert sentence.startswith("first: The judge is above chance: it names the trait that peo")
        # "first" is right always: labels alone correct its ratings, without any plant
        assert validity.judges[0].corrected["alpha"].labelled.n > 20


def test_the_report_uses_labels_where_there_are_some(judged, call, tmp_path):
    """Its claim, its table and its caption; without labels it says that no judge was tested."""
    page = tmp_path / "page.html"
    call("report", judged, "-o", page)
    assert "The judges have not been tested" in page.read_text(encoding="utf-8")
    call("labels", "draw", judged, "--size", 60)
    out = tmp_path / "queue.csv"
    call("labels", "export", judged, "-o", out)
    _fill_in(out, judged, "first", "ann")
    call("labels", "import", judged, out)
    call("report", judged, "-o", page, "--judge", "second")
    text = page.read_text(encoding="utf-8")
    assert "The judge names what people see in" in text
    assert "chosen, labelled by 1 person" in text
    assert "A judge may err more on the replies that are rated" not in text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("trial,label,labeller\nx,both,ann\n", "trial 'x', expected a trial's number"),
        ("trial,label,labeller\n9999,both,ann\n", "no trial 9999 in the study itself"),
        ("trial,label,labeller\n1,wrm,ann\n", "label 'wrm'"),
        ("trial,label\n1,both\n", "no labeller"),
        ("trial,label,labeller\n1,both,ann\n1,neither,ann\n", "labels trial 1 2 times"),
        ("trial,label,labeller,seconds\n1,both,ann,-3\n", "seconds '-3'"),
        ("trial,label,labeller,word_1,word_2\n1,both,ann,a,b\n", "the file is of another store"),
        ("trial,answer,labeller\n1,both,ann\n", "no column 'label': it has trial, answer"),
        ("id,label,labeller\n1,both,ann\n", "no column 'trial'"),
        ("trial,label,labeller\n1,both,ann\n1,neither, Ann\n", "ann and Ann labels trial 1 2"),
        ("trial,label,labeller\n1,both,Zoe\u0308\n1,both,zo\xeb\n", "labels trial 1 2 times"),
        ("trial,label,labeller\n1_0,both,ann\n", "trial '1_0'"),
        ("trial,label,labeller\n1,1,ann\n", "label '1'"),
        ("trial,label,labeller\n1,both,\x1b\u200b\n", "expected a name"),
        ('trial,label,labeller,seconds\n1,both,ann,"1,234"\n', "seconds '1,234'"),
    ],
)
def test_a_row_that_cannot_be_read_keeps_nothing(judged, tmp_path, rows, words):
    """One clear error, and no label of the file is kept."""
    path = tmp_path / "labels.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        import_labels(judged, path)
    assert words in str(caught.value)
    with Store.read(judged) as store:
        assert read_labels(store) == []


def test_other_spellings_of_undecided_are_read(judged, tmp_path):
    """Can't tell, in either apostrophe, is unsure; rows without a label are passed over."""
    path = tmp_path / "labels.csv"
    path.write_text(
        "trial,label\n1,Can't tell\n2,can\u2019t tell\n3,Neither\n4,\n", encoding="utf-8"
    )
    assert import_labels(judged, path, labeller="bea") == 3
    with Store.read(judged) as store:
        assert [label.answer for label in read_labels(store)] == ["unsure", "unsure", "neither"]


def test_a_reply_is_no_formula_in_a_spreadsheet(tmp_path, call):
    """What a program for tables would run is marked as text; words and trials are as they were."""
    evil = ['=HYPERLINK("http://x","y")', "+1+1", "-2", "@SUM(A1)", "\t=1", "2 = 1 + 1"]
    path = fill_store(
        tmp_path / "evil.db",
        traits=TRAITS,
        models=("alpha",),
        losses=Losses(0, 0, 0, 0),
        replies=dict(enumerate(evil)),
    )
    call("labels", "draw", path)
    call("labels", "export", path, "-o", tmp_path / "queue.csv")
    with (tmp_path / "queue.csv").open(encoding="utf-8", newline="") as file:
        found = {row["reply"] for row in csv.DictReader(file)}
    assert {f"'{text}" for text in evil[:-1]} | {evil[-1]} <= found


@pytest.mark.parametrize("number", ["{}", " {} ", "{}.0", "{}."])
def test_trials_as_spreadsheets_write_them(judged, call, tmp_path, number):
    """An empty cell in a column makes a program write its whole numbers with a point."""
    call("labels", "draw", judged)
    with Store.read(judged) as store:
        trial = read_draw(store).items[0].trial
    (tmp_path / "in.csv").write_text(f"trial,label\n{number.format(trial)},both\n", "utf-8")
    assert import_labels(judged, tmp_path / "in.csv", labeller="ann") == 1


def test_nothing_to_draw_or_export_is_said(judged, call, tmp_path):
    """A judge that is not there; a queue that was not drawn; a file that is no CSV."""
    assert "has no judge 'frist' (did you mean" in call(
        "labels", "draw", judged, "--judge", "frist", code=2
    )
    assert "labels draw" in call("labels", "export", judged, "-o", tmp_path / "q.csv", code=2)
    call("labels", "draw", judged)
    assert "written as CSV" in call("labels", "export", judged, "-o", tmp_path / "q.txt", code=2)


def _words(store, trial=1):
    with Store.read(store) as opened:
        return trial_words(opened)[trial]


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ("Trial;LABEL;Labeller;Seconds\r\n1;{upper} ;ann;3,5\r\n\r\n;;;\r\n", 3.5),
        (" trial , label ,labeller,seconds\n1,{upper},ann,2\n", 2.0),
        ('trial,message,label,labeller\n1,"a\nb; ""c""",{word},ann\n', None),
        ("trial,word_1,word_2,label,labeller\n1, {other} ,{upper},{word},ann\n", None),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_as_programs_for_tables_write_them(judged, tmp_path, rows, seconds, encoding):
    """Any case of heads and words, spaces, decimal commas, empty lines, line ends in a cell."""
    word, other = _words(judged)
    path = tmp_path / "in.csv"
    path.write_bytes(rows.format(word=word, upper=word.upper(), other=other).encode(encoding))
    assert import_labels(judged, path) == 1
    with Store.read(judged) as store:
        (label,) = read_labels(store)
    assert (label.labeller, label.answer, label.seconds) == ("ann", "trait_1", seconds)


def test_a_word_is_read_however_its_accents_are_composed(tmp_path):
    """One sign, or a letter and an accent."""
    path = fill_store(tmp_path / "s.db", traits=("\xe9lan", "calm"), losses=Losses(0, 0, 0, 0))
    for written in ("e\u0301lan", "\xc9LAN", "\uff23\uff41\uff4c\uff4d"):
        (tmp_path / "in.csv").write_text(f"trial,label\n1,{written}\n", "utf-8")
        import_labels(path, tmp_path / "in.csv", labeller="ann")
        with Store.read(path) as store:
            (label,) = read_labels(store)
            word = trial_words(store)[1][label.answer == "trait_2"]
        assert word == ("calm" if written.startswith("\uff23") else "\xe9lan")


def test_a_trait_is_no_formula_in_a_spreadsheet_and_comes_back(tmp_path, call):
    """A word that begins like one is marked in the file, and read with or without the mark."""
    words = ("=HYPERLINK(1)", "-calm")
    path = fill_store(tmp_path / "s.db", traits=words, losses=Losses(0, 0, 0, 0))
    call("labels", "draw", path)
    out = tmp_path / "queue.csv"
    call("labels", "export", path, "-o", out)
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {row["word_1"], row["word_2"]} == {"'=HYPERLINK(1)", "'-calm"}
    for label in ("'-calm", "-calm"):
        with out.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerow({**row, "label": label, "labeller": "ann"})
        import_labels(path, out)
        with Store.read(path) as store:
            (kept,) = read_labels(store)
            assert trial_words(store)[1][kept.answer == "trait_2"] == "-calm"


def test_a_trial_without_a_usable_reply_has_no_label(tmp_path):
    """An empty or refused one is there, but nobody was shown it."""
    path = fill_store(tmp_path / "s.db", traits=TRAITS[:4], losses=Losses(0, 1, 0, 0))
    (tmp_path / "in.csv").write_text("trial,label\n1,both\n", "utf-8")
    with pytest.raises(InputError, match="trial 1 has no reply"):
        import_labels(path, tmp_path / "in.csv", labeller="ann")


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"size": 2.5}, {"seed": -1}, {"seed": 2**70}, {"overlap": 1.5}]
)
def test_a_draw_that_makes_no_sense_is_refused(judged, options):
    """Sizes, seeds and shares that are none."""
    with pytest.raises(InputError, match="expected"):
        draw_labels(judged, **{"size": 5, **options})


def _label_all(store, people, answer, count=None):
    """Draw every reply, and give those first in the queue the same answer by some people."""
    draw = draw_labels(store, 10_000)
    with Store.open(store) as opened:
        trials = [item.trial for item in draw.items][:count]
        add_labels(opened, [Label(t, who, answer, False, 1.0) for t in trials for who in people])
    return len(trials)


@pytest.mark.parametrize("count", [0, 1, 4, 6, 12, 19])
@pytest.mark.parametrize("half_width", [0.45, 0.2, 0.05])
def test_labels_that_are_needed_are_never_below_nothing(judged, count, half_width):
    """None needed only where the interval is as narrow as that; what the study has is said."""
    _label_all(judged, ["ann"], "trait_1", count)
    found = read_label_status(judged, half_width=half_width)
    assert found.unlabelled["first"] == found.drawn - count
    for judge, more in found.needed.items():
        assert more >= 0
        if more == 0:
            (known,) = (one.overall for one in found.judges if one.judge == judge)
            assert not known.few
            assert (known.high - known.low) / 2 <= half_width
        elif more > found.unlabelled[judge]:
            without = f"the study has {found.unlabelled[judge]:,} without a label"
            assert any(without in text for text in found.sentences())


def test_a_small_study_labelled_whole_does_not_make_a_judge_good(tmp_path):
    """Seven right of twelve is known exactly, and is what a coin gives: no claim is made."""
    path = fill_store(
        tmp_path / "s.db", traits=TRAITS[:5], judges=("judge",), losses=Losses(0, 0, 0, 0)
    )
    draw = draw_labels(path, 100)
    with StoreResults.open(path) as results:
        rows = results.verdicts("judge")
        said = dict(zip(rows.trial.tolist(), rows.code.tolist(), strict=True))
    right = len(draw.items) * 6 // 10
    assert right / len(draw.items) == 0.6
    with Store.open(path) as store:
        for place, item in enumerate(draw.items):
            named_first = (said[item.trial] == 1) == (place < right)
            answer = "trait_1" if named_first else "trait_2"
            add_labels(store, [Label(item.trial, "ann", answer, False, 1.0)])
    (found,) = read_label_status(path).judges
    assert found.overall.estimate == pytest.approx(0.6)
    assert found.overall.low > 0.5  # of these replies, all of which are known
    assert not found.above_chance
    assert "not shown to be above chance" in found.sentence
    assert "a coin could name as many" in found.sentence


@pytest.mark.parametrize("answer", ["both", "neither", "unsure", "trait_1"])
def test_answers_that_are_all_the_same_are_said_in_words(judged, answer, call):
    """No "nan" on the screen or in JSON: kappa of one answer is undefined, undecided is too few."""
    _label_all(judged, ["ann", "bea"], answer, 30)
    said = call("labels", "status", judged)
    assert "nan" not in said.lower()
    assert ("undefined, as all gave one" in said) == (answer != "unsure")
    json.loads(call("labels", "status", judged, "--json"), parse_constant=pytest.fail)
