"""Probability verdicts: from log-probabilities, averaged over orders, net of a word's prior."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import orjson
import pytest
from tests.planted.answers import MARK, JudgePlan, Mark
from tests.planted.server import Config
from tests.planted.studies import rows, run_text, study_text

from ethogram.protocols.probability import chat_probability, completion_choice, next_token_choice
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages, read_comparisons
from ethogram.store.store import Store
from ethogram.validity.measure import measure_validity

WORDS = load_traits("contested40").names[:16]
VERDICTS = """SELECT j.trial, j.swapped, v.p_first, v.winner, a.name, b.name, s.body
    FROM verdict v JOIN judging j ON j.id = v.judging JOIN trial t ON t.id = j.trial
    JOIN trait a ON a.id = t.trait_1 JOIN trait b ON b.id = t.trait_2
    JOIN reply r ON r.trial = t.id JOIN response s ON s.attempt = r.attempt"""


# -- reading --------------------------------------------------------------------------------


def answer(*places):
    """Return a chat completion's `logprobs`: each place a token and its alternatives."""
    content = []
    for token, *others in places:
        named = [{"token": t, "logprob": math.log(p)} for t, p in others or [(token, 1.0)]]
        top = {"top_logprobs": named} if others else {}
        content.append({"token": token, "logprob": named[0]["logprob"], **top})
    return {"content": content}


TAG = (("It",), ("<",), ("answer",), (">",))


def test_the_probability_is_read_where_the_word_begins():
    """0.6 for warm and 0.2 for blunt are 0.75, given that one of them is named."""
    said = answer(*TAG, ("warm", ("warm", 0.6), ("blunt", 0.2), ("the", 0.1)), ("</",))
    assert chat_probability(said, "warm", "blunt") == pytest.approx(0.75)
    assert chat_probability(said, "blunt", "warm") == pytest.approx(0.25)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("warm", "blunt", "expected"),
    [
        (-math.inf, -math.inf, None),
        (math.nan, math.nan, None),
        (math.inf, math.inf, None),
        (math.log(0.9), -math.inf, 1.0),
        (-math.inf, math.log(0.9), 0.0),
    ],
)
def test_log_probabilities_that_are_not_finite_raise_no_warning(warm, blunt, expected):
    """Where neither word is possible or known, there is no probability: only the word counts."""
    top = [{"token": "warm", "logprob": warm}, {"token": "blunt", "logprob": blunt}]
    first = {"token": "warm", "logprob": warm, "top_logprobs": top}
    assert next_token_choice({"content": [first]}, "warm", "blunt") == expected


def test_a_word_is_read_as_a_tokenizer_writes_it():
    """With the sign for a blank before it, or closed; a part of a word is not what it closes."""
    said = answer(*TAG, ("Ġwarm", ("Ġwarm", 0.3), ("warm.", 0.3), ("▁bl", 0.2), ("unt.", 0.1)))
    assert chat_probability(said, "warm", "blunt") == pytest.approx(0.75)
    said = answer(*TAG, ("war.", ("war.", 0.3), ("blunt", 0.3), ("Ġ", 0.2)))
    assert chat_probability(said, "warm", "blunt") == pytest.approx(0.4)  # at most 0.2 to 0.3


def test_the_last_tag_counts():
    """A judge that quotes the tag before it answers is read at its answer."""
    early = (*TAG, ("blunt", ("blunt", 0.9), ("warm", 0.1)), ("</",), ("answer",), (">",))
    late = (*TAG[1:], ("warm", ("warm", 0.8), ("blunt", 0.2)))
    assert chat_probability(answer(*early, *late), "warm", "blunt") == pytest.approx(0.8)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        "yes",
        {},
        {"content": None},
        {"content": ["warm"]},
        {"content": [{}]},
        {"content": [{"token": "warm", "logprob": -0.1}]},  # no tag before it
        answer(*TAG, ("so", ("so", 0.9), ("such", 0.1))),  # neither word
        answer(*TAG),  # cut at the tag
        {"content": [{"token": "<answer>"}, {"token": "warm", "logprob": "high"}]},
    ],
)
def test_where_nothing_can_be_read_there_is_no_probability(logprobs):
    """Whatever a service sends in its place, the answer is None and never an error."""
    assert chat_probability(logprobs, "warm", "blunt") is None


def test_a_completion_is_net_of_the_prior_in_either_form():
    """After the reply 0.6 : 0.3, after a neutral text 0.4 : 0.1: odds 2 against 4 are 1 to 2."""
    reply = {"top_logprobs": [{" warm": math.log(0.6), " blunt": math.log(0.3)}]}
    prior = answer((" warm", (" warm", 0.4), (" blunt", 0.1)))
    assert completion_choice(reply, prior, "warm", "blunt") == pytest.approx(1 / 3)
    assert completion_choice(prior, reply, "warm", "blunt") == pytest.approx(2 / 3)
    assert completion_choice(reply, None, "warm", "blunt") is None
    assert completion_choice(None, prior, "warm", "blunt") is None


# -- planted probabilities ------------------------------------------------------------------


def run_judge(planted, path, word_list, plan, **table):
    """Run a study whose judge gives probabilities; returns the planted world."""
    config = {"traits": WORDS, "judges": {"judge": plan}, "seed": 4}
    text = study_text(planted(**config).base_url, traits=word_list(*WORDS), judges={"judge": table})
    assert run_text(text, path, folder=path.parent).stopped is None
    return Config(**config).world()


def read_planted(path):
    """Yield (trial, swapped, p of trait 1, mark of the reply, trait 1, trait 2)."""
    for trial, swapped, p, _, one, two, body in rows(path, VERDICTS):
        found = MARK.search(orjson.loads(body)["choices"][0]["message"]["content"])
        yield trial, swapped, p, Mark(found[1], WORDS[int(found[2])]), one, two


def test_probabilities_are_those_that_were_planted(planted, store_path, word_list):
    """What is stored is P(trait 1) by the judge's own formula, in the order that it was shown."""
    plan = JudgePlan(accuracy=0.8, accuracy_spread=0.1, first_bias=0.5, word_bias=0.4)
    world = run_judge(planted, store_path, word_list, plan, verdict="logprobs")
    read = list(read_planted(store_path))
    assert len(read) == 120
    for _, swapped, p, mark, one, two in read:
        shown = [two, one] if swapped else [one, two]
        assert p == pytest.approx(world.chances("judge", mark, shown)[shown.index(one)], abs=1e-9)


def test_both_orders_are_averaged(planted, store_path, word_list):
    """One comparison per reply, half way between its two orders; the lean to the first is gone."""
    plan = JudgePlan(accuracy=0.8, first_share=0.3)
    run_judge(planted, store_path, word_list, plan, verdict="logprobs", orders="both")
    with Store.read(store_path) as store:
        (made,) = read_comparisons(store)
    by_trial, shown = {}, {}
    for trial, _, p, mark, one, _ in read_planted(store_path):
        by_trial.setdefault(trial, []).append(p)
        shown[trial] = mark.trait == one
    assert len(made) == len(by_trial) == 120
    assert made.outcome == pytest.approx([np.mean(p) for p in by_trial.values()])
    # (1 - 0.3) * 0.8 + 0.3 / 2 for the trait shown: its place counts for nothing
    truth = [0.71 if first else 0.29 for first in shown.values()]
    assert made.outcome == pytest.approx(truth, abs=1e-9)
    assert not made.judge_first.any()


def test_a_completion_judge_is_net_of_its_liking_for_words(planted, store_path, word_list):
    """A base model that likes some words, and the first place, gives the evidence alone."""
    plan = JudgePlan(accuracy=0.8, word_bias=1.5, first_bias=0.7)
    run_judge(planted, store_path, word_list, plan, verdict="completion")
    wins = []
    for _, _, p, mark, one, _ in read_planted(store_path):
        assert p == pytest.approx(0.8 if mark.trait == one else 0.2, abs=1e-6)
        wins.append(p)
    assert len(wins) == 120
    won = rows(store_path, "SELECT sum(winner = t.trait_1) FROM verdict JOIN judging j "
               "ON j.id = judging JOIN trial t ON t.id = j.trial")  # fmt: skip
    assert won == [(sum(p > 0.5 for p in wins),)]
    paths = rows(
        store_path, 'SELECT count(*) FROM request WHERE body LIKE \'%"path":"completions"%\''
    )
    assert 120 < paths[0][0] <= 240  # a prior for each pair and order, asked once


@pytest.mark.parametrize("orders", ["balanced", "both"])
def test_what_probabilities_buy_is_said(planted, store_path, orders):
    """For the same calls, the error over the spread of the ratings falls, and validity says it."""
    server = planted(judges={"judge": JudgePlan(accuracy=0.75, first_share=0.2)})
    judges = {"judge": {"verdict": "logprobs", "orders": orders}}
    run_text(study_text(server.base_url, judges=judges), store_path)
    with Store.read(store_path) as store:
        (soft,), (plain,) = read_comparisons(store), read_comparisons(store, soft=False)
        (judge,) = measure_validity(store, corrections=False).judges
    assert set(plain.outcome) == {0.0, 1.0}
    assert len(plain) == len(soft) * (2 if orders == "both" else 1)
    gain = judge.gains["alpha"]
    assert gain.soft.error_over_spread < 0.9 * gain.plain.error_over_spread
    assert gain.soft.reliability > gain.plain.reliability
    assert "% less in terms of the spread of the ratings" in gain.sentence
    assert gain.sentence in " ".join(judge.findings())


# -- services that have none ----------------------------------------------------------------


@contextmanager
def plain_service():
    """Serve chat and text completions that are right and hold no log-probabilities."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = "Some reply."
            if body.get("logprobs"):
                text = f"<answer>{asked_first(body)}</answer>"
            choice = {"index": 0, "finish_reason": "stop"}
            if "messages" in body:
                choice["message"] = {"role": "assistant", "content": text}
            else:
                choice["text"] = text
            sent = orjson.dumps({"choices": [choice]})
            self.send_response(200)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def asked_first(body):
    """Return the first trait that a judge's question offers."""
    text = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    found = [(text.rfind(f"{word} or "), word) for word in WORDS]
    return max(found)[1]


def test_without_logprobs_the_word_alone_counts_and_that_is_said(store_path, word_list):
    """A judge asked for probabilities by a service that has none gives plain verdicts."""
    with plain_service() as url:
        text = study_text(
            url, traits=word_list(*WORDS[:6]), judges={"judge": {"verdict": "logprobs"}}
        )
        run_text(text, store_path, folder=store_path.parent)
    assert rows(store_path, "SELECT DISTINCT status, p_first IS NULL FROM verdict") == [("ok", 1)]
    with Store.read(store_path) as store:
        (made,) = read_comparisons(store)
        notes = measure_validity(store).notes
    assert set(made.outcome) == {0.0, 1.0}
    assert made.lost == 0
    assert made.judge_first.all()  # the order is known, so a lean can be taken out
    said = "judge: 15 of 15 verdicts came without the probabilities of the two words"
    assert any(note.startswith(said) for note in notes)


def test_without_logprobs_a_completion_judge_has_no_verdict(store_path, word_list):
    """Its only answer are probabilities, so each verdict is lost, with a status and a reason."""
    with plain_service() as url:
        text = study_text(
            url, traits=word_list(*WORDS[:6]), judges={"judge": {"verdict": "completion"}}
        )
        run_text(text, store_path, folder=store_path.parent)
        again = run_text(text, store_path, folder=store_path.parent)
    assert again.calls == 0
    found = rows(store_path, "SELECT DISTINCT status, reason, winner, p_first FROM verdict")
    assert found == [("unparsed", "neither word among the likely ones", None, None)]
    with Store.read(store_path) as store:
        (judged,) = (c for c in count_stages(store) if c.stage == "judge")
        (made,) = read_comparisons(store)
    assert judged.losses == {"unparsed": 15}
    assert (len(made), made.lost) == (0, 15)
