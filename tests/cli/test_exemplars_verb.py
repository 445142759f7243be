"""`ethogram exemplars`: a judge is tried before a study is paid for."""

from __future__ import annotations

import io
import json
import signal
import subprocess

import pytest
from tests.planted.answers import JudgePlan
from tests.planted.service import chat, service
from tests.planted.studies import command, rows, study_text, wait_for_requests

from ethogram.cli.sights import print_sights
from ethogram.cli.wrapping import WrappingConsole
from ethogram.validity.results import StoreResults

WORDS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient")
CALLS = 6 * 3 * 5 * 2  # traits, replies, foils, orders: all there is
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def study(planted, tmp_path, word_list):
    """Return a function that writes a study of six traits with its own, marked exemplars."""
    (tmp_path / "own.jsonl").write_text("\n".join(marked(3)), encoding="utf-8")

    def write(names=("judge",), *, url=None, exemplars="own.jsonl", table=None, **config):
        server = None if url else planted(traits=WORDS, **config)
        text = study_text(
            url or server.base_url,
            traits=word_list(*WORDS),
            judges={name: table or {} for name in names},
            max_lost=0.01,
        )
        keys = f'\n[validity]\nexemplars = "{exemplars}"\nexemplar_calls = 600\n'
        (tmp_path / "study.toml").write_text(text + keys, encoding="utf-8")
        return server

    return write


def marked(each):
    """Return lines of exemplars that the planted server's judges can read."""
    return [
        json.dumps(
            {
                "trait": trait,
                "prompt": f"Question {n}?",
                "reply": f"⟦m:written t:{i}⟧ Reply {n}. ⟦m:written t:{i}⟧",
            }
        )
        for i, trait in enumerate(WORDS)
        for n in range(each)
    ]


def told(ethogram, *words):
    """Run the verb with --json; returns the exit code and what it printed."""
    code, out, err = ethogram("exemplars", "study.toml", "--json", *words)
    assert "Traceback" not in err
    return code, json.loads(out)


def test_a_judge_that_sees_is_told_in_80_columns(study, ethogram, tmp_path):
    """The finding, what it rests on, and the traits that are seen least."""
    study(judges={"judge": JudgePlan(accuracy=0.9)})
    code, out, err = ethogram("exemplars", "study.toml")
    assert code == 0, err
    file = io.StringIO()
    console = WrappingConsole(file=file, force_terminal=True, width=80, color_system=None)
    with StoreResults.open(tmp_path / "study.db") as results:
        print_sights(console, [results.sight("judge")])
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if " of 30 " in line] == [
        line for line in out.splitlines() if " of 30 " in line
    ]
    prose = " ".join(out.split())
    assert f"{CALLS} calls" in prose
    assert "judge: The judge is above chance: it found the trait in " in prose
    assert f"of {CALLS} verdicts on written replies; chance is 50%" in prose
    assert "18 written replies (own), each with its trait shown first and shown second" in prose
    assert "; 0 lost." in prose
    assert "and 1 more (--all)" in prose
    assert out.count(" of 30 ") == 5


def test_all_shows_every_trait(study, ethogram):
    """A line for each, the least seen first."""
    study(judges={"judge": JudgePlan(accuracy={"poetic": 0.5})})
    out = ethogram("exemplars", "study.toml", "--all")[1]
    lines = [line.split() for line in out.splitlines() if " of 30 " in line]
    assert {line[0] for line in lines} == set(WORDS)
    assert lines[0][0] == "poetic"
    assert "more (--all)" not in out


def test_json_has_the_shape_that_is_documented(study, ethogram):
    """A judge: accuracy with its interval, n, and the same by trait."""
    study(("judge", "judge-coin"), judges={"judge-coin": JudgePlan(accuracy=0.5)})
    code, found = told(ethogram)
    assert code == 0
    assert [judge["judge"] for judge in found["judges"]] == ["judge", "judge-coin"]
    for judge in found["judges"]:
        assert judge["low"] <= judge["accuracy"] <= judge["high"]
        assert judge["n"] == CALLS
        assert [one["trait"] for one in judge["by_trait"]] == list(WORDS)
        assert {one["n"] for one in judge["by_trait"]} == {30}
        assert all({"accuracy", "low", "high"} <= set(one) for one in judge["by_trait"])
    sees, coin = found["judges"]
    assert sees["accuracy"] == 1
    assert coin["low"] <= 0.5 <= coin["high"]


def test_one_judge_of_two(study, ethogram):
    """--judge asks that one only."""
    server = study(("judge", "judge-two"))
    _, found = told(ethogram, "--judge", "judge-two")
    assert [judge["judge"] for judge in found["judges"]] == ["judge-two"]
    assert server.stats()["requests"] == CALLS


def test_no_model_is_asked_and_nothing_twice(study, ethogram, tmp_path):
    """A second run makes no call, and finds the same; no reply of the study is asked."""
    server = study(judges={"judge": JudgePlan(accuracy=0.8)})
    first = told(ethogram)
    assert told(ethogram) == first
    assert server.stats()["requests"] == CALLS
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM reply WHERE attempt > 0") == [(0,)]


def test_a_file_of_ones_own_takes_the_place_of_the_studys(study, ethogram, tmp_path):
    """--file is read from the working directory, and named in the result."""
    study(exemplars="written144")
    (tmp_path / "mine.jsonl").write_text("\n".join(marked(2)), encoding="utf-8")
    _, found = told(ethogram, "--file", "mine.jsonl")
    (judge,) = found["judges"]
    assert (judge["exemplars"], judge["replies"], judge["n"]) == ("mine", 12, 12 * 5 * 2)


def test_a_judge_named_twice_is_told_once(study, ethogram):
    """As it is asked once."""
    study()
    _, found = told(ethogram, "--judge", "judge", "--judge", "judge")
    assert [judge["judge"] for judge in found["judges"]] == ["judge"]


def test_traits_that_the_study_has_not_are_named(study, ethogram, tmp_path):
    """A misspelt trait is not left out in silence; standard output stays JSON alone."""
    study()
    lines = marked(1)
    more = [{"trait": trait, "prompt": "Hi", "reply": "Hm."} for trait in ("poetik", "wobbly")]
    (tmp_path / "mine.jsonl").write_text("\n".join([*lines, *map(json.dumps, more)]))
    code, out, err = ethogram("exemplars", "study.toml", "--file", "mine.jsonl", "--json")
    assert code == 0
    assert json.loads(out)["judges"][0]["replies"] == len(WORDS)
    assert err.splitlines()[0] == (
        "left out, as the study has no such traits: poetik (did you mean 'poetic'?), wobbly"
    )


def test_the_set_in_the_box_may_have_more_traits_than_the_study(study, ethogram):
    """By its name with --file too: that is not said of it."""
    study()
    code, _, err = ethogram("exemplars", "study.toml", "--file", "written144", "--json")
    assert code == 0
    assert "left out" not in err


def test_a_reply_that_names_its_trait_is_counted(study, ethogram, tmp_path):
    """A judge reads it off: said in words and in the JSON."""
    study()
    lines = [json.loads(line) for line in marked(2)]
    lines[0]["reply"] += " I am so Warm!"
    lines[2]["reply"] += " Warmly, or bluntly."  # of blunt, whose word it does not hold
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert told(ethogram)[1]["judges"][0]["named"] == 1
    prose = " ".join(ethogram("exemplars", "study.toml")[1].split())
    assert "1 written reply names the trait shown, which a judge can read off" in prose


def test_one_exemplar_is_too_few_and_says_so(study, ethogram, tmp_path):
    """No percentage of two verdicts, in good grammar."""
    study()
    (tmp_path / "own.jsonl").write_text(marked(1)[0], encoding="utf-8")
    code, out, _ = ethogram("exemplars", "study.toml", "--judge", "judge")
    assert code == 0
    assert "1 written reply (own)" in " ".join(out.split())


def test_what_was_interrupted_is_resumed(study, ethogram, tmp_path):
    """Exit code 130, every verdict kept and what is pending said; the next run asks the rest."""
    server = study(hold_after=50)
    words = command("exemplars", "study.toml", "--json")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
        wait_for_requests(server, 50, process)
        process.send_signal(signal.SIGINT)
        server.release()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted. Every answer so far is kept; run it again to resume." in err
    (some,) = json.loads(out)["judges"]
    assert 0 < some["n"] < CALLS
    assert some["lost"] == 0  # what is pending is not lost
    assert some["pending"] == CALLS - some["n"] - some["ties"]
    code, found = told(ethogram)
    assert code == 0
    assert (found["judges"][0]["n"], found["judges"][0]["pending"]) == (CALLS, 0)
    assert server.stats()["requests"] == CALLS


def test_lost_answers_are_counted_and_raise_the_exit_code(study, ethogram):
    """A judge whose answers often name no word: exit code 1, and the losses are in no share."""
    study(faults={"no_verdict": 0.3})
    code, found = told(ethogram, "--no-brake")
    (judge,) = found["judges"]
    assert code == 1
    assert judge["lost"] > 0
    assert judge["n"] + judge["lost"] == CALLS
    assert judge["accuracy"] == 1


def test_a_judge_that_loses_everything_is_not_tested(study, ethogram):
    """No figure, in words and as null in the JSON."""
    study(faults={"refusal": 1.0})
    code, found = told(ethogram, "--no-brake")
    (judge,) = found["judges"]
    assert code == 1
    assert (judge["accuracy"], judge["n"], judge["lost"]) == (None, 0, CALLS)
    assert judge["by_trait"] == []
    _, out, err = ethogram("exemplars", "study.toml", "--no-brake")
    assert f"{CALLS} of {CALLS} lost in judge of own by judge, exemplar, more than max_lost" in err
    assert "Nothing is known of the judge: no written reply has a verdict." in " ".join(out.split())


def letter_without_p(asked):
    """Answer with a letter, and no probability of it."""
    return 200, chat("A")


def test_verdicts_without_a_probability_are_counted_in_words(study, ethogram):
    """A judge by letter whose service gives none: said once, by name, with what follows of it."""
    with service(letter_without_p) as there:
        study(url=there.url, table={"verdict": "letter", "orders": "both"})
        code, out, err = ethogram("exemplars", "study.toml")
        assert code == 0, err
        assert told(ethogram)[1]["judges"][0]["without_probability"] == CALLS
    said = (
        f"judge: {CALLS} of {CALLS} verdicts came without a probability that can be read: the "
        "answer alone counts for these, and no order is averaged."
    )
    assert " ".join(out.split()).count(said) == 1


def test_ties_are_in_no_share(study, ethogram):
    """Half of the answers name neither word: said, and not lost."""
    study(judges={"judge": JudgePlan(tie=0.5)}, table={"ties": True})
    code, found = told(ethogram)
    (judge,) = found["judges"]
    assert code == 0
    assert judge["ties"] > 0
    assert (judge["n"] + judge["ties"], judge["lost"], judge["accuracy"]) == (CALLS, 0, 1)
    out = " ".join(ethogram("exemplars", "study.toml")[1].split())
    assert f"{judge['ties']} verdicts name neither word: they are in no share." in out


def test_probabilities_are_averaged_where_the_study_averages_them(study, ethogram):
    """A judge that leans to the first word: each order alone errs, their mean does not."""
    study(
        judges={"judge": JudgePlan(accuracy=0.8, first_bias=3.0)},
        table={"verdict": "logprobs", "orders": "both"},
    )
    (judge,) = told(ethogram)[1]["judges"]
    assert judge["orders_averaged"]
    assert (judge["accuracy"], judge["n"]) == (1, CALLS // 2)
    assert judge["each_order"]["accuracy"] < 0.8
    assert judge["lean"]["low"] > 0.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--file", "missing.jsonl"), "missing.jsonl"),
        (("--file", "empty.jsonl"), "empty.jsonl"),
        (("--file", "half.jsonl"), "half.jsonl, line 2: the reply is empty"),
        (("--file", "others.jsonl"), "others show none of the study's 6 traits, but wobbly;"),
        (("--judge", "judge-three"), "judge-three"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_code_2(study, ethogram, tmp_path, words, said):
    """Before any call, and with the place."""
    study(url=NOWHERE)
    (tmp_path / "empty.jsonl").write_text("")
    rest = [{"trait": "warm", "prompt": "Hi", "reply": text} for text in ("Hello!", " ")]
    (tmp_path / "half.jsonl").write_text("\n".join(map(json.dumps, rest)))
    other = {"trait": "wobbly", "prompt": "Hi", "reply": "Whoa."}
    (tmp_path / "others.jsonl").write_text(json.dumps(other))
    code, out, err = ethogram("exemplars", "study.toml", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("ethogram: ")
    assert said in err


def test_validity_asks_exemplars_too_and_names_its_source(study, ethogram):
    """The sentence on the judge rests on written replies, and acting is told beside it."""
    study(judges={"judge": JudgePlan(accuracy=0.9)})
    code, out, _ = ethogram("validity", "study.toml", "--only", "exemplars", "--only", "plants")
    prose = " ".join(out.split())
    assert code == 0
    assert "verdicts on written replies; chance is 50%" in prose
    assert "alpha acts: " in prose
