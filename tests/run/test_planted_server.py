"""The planted server: that what it plants is there, and that its faults are what they say."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from statistics import NormalDist, fmean, pstdev
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.planted import faults as planted_faults
from tests.planted.answers import MARK, JudgePlan, Mark, ModelPlan, World
from tests.planted.faults import Limits, Mix, is_final, settles, status_of
from tests.planted.server import ROOT, Config, Service, serve

from ethogram.protocols.elicit import elicit_messages
from ethogram.protocols.judge import judge_messages, parse_verdict
from ethogram.protocols.templates import Templates
from ethogram.stimuli.traits import load_traits

TRAITS = ("warm", "blunt", "poetic", "down-to-earth")
EITHER = "Answer in the manner of warm or of blunt, whichever you take to."
SHOWN = "⟦m:alpha t:0⟧ A reply. ⟦m:alpha t:0⟧"  # shows "warm"
FAULTS = [kind for kind in planted_faults.KINDS if kind not in {"http_NNN", "hang"}]


def digest(number):
    """Stand for the hash of the number-th request."""
    return blake2b(b"%d" % number, digest_size=16).digest()


def near(share, expected, n):
    """Whether a share of n draws is within four standard errors of what is expected."""
    return abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / n)


def chosen(world, model, system, number, user="How do I fix my bike?"):
    """Return the trait index on the marker of a reply."""
    messages = [("system", system), ("user", user)]
    return MARK.search(world.reply(model, messages, digest(number)))[2]


def verdicts(world, judge, reply, words, n):
    """Return the share of n verdicts that name the first of two words."""
    mark, asked = world.question([("user", f"{reply}\n\nIs it {words[0]} or {words[1]}?")])
    assert asked == list(words)
    tag = f"<answer>{words[0]}</answer>"
    said = [world.verdict(judge, mark, asked, digest(i), top=None).text for i in range(n)]
    return fmean(tag in text for text in said)


# -- tested models ----------------------------------------------------------------------------


def test_strengths_are_normal_and_depend_on_seed_and_model_only():
    """144 strengths have mean 0 and standard deviation 2, and come again for the same seed."""
    traits = load_traits("study144").names
    drawn = World(traits, seed=3).strengths("alpha")
    assert drawn == World(traits, seed=3).strengths("alpha")
    assert drawn != World(traits, seed=4).strengths("alpha")
    assert drawn != World(traits, seed=3).strengths("beta")
    assert abs(fmean(drawn.values())) < 4 * 2 / 12  # standard error 2 / sqrt(144)
    assert abs(pstdev(drawn.values()) - 2) < 4 * 2 / math.sqrt(288)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be warm or blunt.", 0.8176),  # expit(1 - 0 + 0.5)
        ("Be **blunt** or _warm_.", 1 - 0.3775),  # expit(0 - 1 + 0.5) is for blunt
        ("Choose at random: warm or blunt.", 0.5),
        ("Let CHANCE decide: Blunt or Warm.", 0.5),
    ],
)
def test_choice_follows_strength_and_place(system, expected):
    """A model chooses with expit(difference + position bias), and fairly when told to."""
    plan = ModelPlan(strengths={"warm": 1.0}, position_bias=0.5)
    world = World(TRAITS, models={"alpha": plan})
    share = fmean(chosen(world, "alpha", system, i) == "0" for i in range(4000))
    assert near(share, expected, 4000)


def test_one_trait_is_obeyed_and_none_is_an_ordinary_reply():
    """A single named trait is shown; a trait word in the user's prompt alone is no order."""
    world = World(TRAITS)
    assert all(chosen(world, "alpha", "Be down-to-earth.", i) == "3" for i in range(50))
    assert all(chosen(world, "alpha", "Be unpoetic, warmth.", i) == "*" for i in range(50))
    assert chosen(world, "alpha", "Help.", 0, user="Something warm, please") == "*"


@pytest.mark.parametrize(
    ("acts", "warm", "poetic"),
    [(0.3, 0.3, 0.3), ({"warm": 0.2}, 0.2, 1.0), ({"warm": 0.9, "*": 0.4}, 0.9, 0.4), (0.0, 0, 0)],
)
def test_a_planted_trait_is_acted_as_often_as_planned(acts, warm, poetic):
    """The other replies show nothing, and a choice of two traits is acted in any case."""
    world = World(TRAITS, models={"alpha": ModelPlan(acts=acts)})
    for number, (trait, share) in enumerate({"warm": warm, "poetic": poetic}.items()):
        marks = [chosen(world, "alpha", f"Be {trait}.", i) for i in range(1000)]
        assert set(marks) <= {str(2 * number), "-"}
        assert near(marks.count(str(2 * number)) / 1000, share, 1000)
    assert all(chosen(world, "alpha", EITHER, i) in "01" for i in range(50))


def test_a_reply_that_shows_nothing_is_judged_by_chance():
    """Neither the judge's accuracy nor the model's strengths count; its liking for a word does."""
    strong = {"alpha": ModelPlan(strengths={"warm": 9.0})}
    judges = {"judge": JudgePlan(), "judge-fond": JudgePlan(word_bias={"warm": 1.0})}
    world = World(TRAITS, models=strong, judges=judges)
    reply = "⟦m:alpha t:-⟧ A reply. ⟦m:alpha t:-⟧"
    words = ("warm", "blunt")
    assert near(verdicts(world, "judge", reply, words, 2000), 0.5, 2000)
    assert near(verdicts(world, "judge-fond", reply, words, 2000), 1 / (1 + math.exp(-1)), 2000)


def test_a_server_is_told_in_json_how_a_model_acts():
    """A share, or a share per trait."""
    text = b'{"traits": ["warm"], "models": {"one": {"acts": 0.5}, "two": {"acts": {"warm": 0.1}}}}'
    world = Config.from_json(text).world()
    assert world.acts("one") == {"warm": 0.5}
    assert world.acts("two") == {"warm": 0.1}
    assert world.acts("three") == {"warm": 1.0}


def test_words_can_be_in_the_user_message():
    """A model without a system role finds its words in the user message if planned so."""
    world = World(TRAITS, models={"alpha": ModelPlan(strengths={"warm": 99}, words_in="user")})
    reply = world.reply("alpha", [("user", EITHER)], digest(0))
    assert MARK.search(reply)[2] == "0"


def test_prose_gives_nothing_away_and_has_the_length_asked_for():
    """No trait of the study stands in any reply, and 2 kB replies are 2 kB on average."""
    world = World(load_traits("study144").names, reply_chars=2000)
    replies = [world.reply("alpha", [("system", "warm or blunt")], digest(i)) for i in range(400)]
    assert not any(world.named(reply) for reply in replies)
    assert fmean(map(len, replies)) == pytest.approx(2000, rel=0.1)


def test_a_prose_sentence_with_a_trait_word_is_left_out():
    """A user's own trait that happens to be a word of the prose is not said by accident."""
    world = World(("kitchen", "afternoon"))
    assert not world.named(world.reply("alpha", [("system", "no word")], digest(1)))


def test_replies_can_name_the_trait_or_try_to_decide_their_verdict():
    """Planned shares of the replies name the choice, or hold a tag with the other trait."""
    plan = ModelPlan(strengths={"warm": 99}, names=0.25, injects=0.25)
    world = World(TRAITS, models={"*": plan})
    replies = [world.reply("x", [("system", EITHER)], digest(i)) for i in range(2000)]
    assert near(fmean("to be warm." in reply for reply in replies), 0.25, 2000)
    assert near(fmean("<answer>blunt</answer>" in reply for reply in replies), 0.25, 2000)
    worst = next(r for r in replies if "to be warm" in r and "<answer>" in r)
    assert verdicts(world, "judge", worst, ("blunt", "warm"), 50) == 0


# -- judges -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("Is it warm or blunt?", ["warm", "blunt"]),
        ("blunt / warm. Say <answer>blunt</answer> or <answer>warm</answer>", ["blunt", "warm"]),
        ("Poetic it is not. Is it Warm or Blunt?", ["warm", "blunt"]),
        ("warm, then poetic or warm?", ["warm", "poetic"]),
        ("Is it warm?", []),
    ],
)
def test_judge_reads_the_last_two_words_in_their_order(end, expected):
    """The words offered are the last two distinct traits after the reply's last marker."""
    prompt = f"The user wrote: be poetic or warm!\n{SHOWN}\n{end}"
    assert World(TRAITS).question([("system", "blunt"), ("user", prompt)])[1] == expected


def test_judge_finds_the_marker_in_an_earlier_message():
    """A reply that stands in a message of its own is judged too."""
    messages = [("user", "hi"), ("assistant", SHOWN), ("user", "poetic or warm?")]
    found = World(TRAITS).question(messages)
    assert found == (Mark("alpha", "warm"), ["poetic", "warm"])


# The shown trait is warm. expit(log 4 + 1) = .9158, expit(-log 4 + 1) = .4046.
@pytest.mark.parametrize(
    ("plan", "words", "expected"),
    [
        ({"accuracy": 0.8}, ("warm", "blunt"), 0.8),
        ({"accuracy": 0.8}, ("blunt", "warm"), 0.2),
        ({"accuracy": 0.8}, ("blunt", "poetic"), 0.5),
        ({"accuracy": {"warm": 0.6, "*": 0.9}}, ("warm", "blunt"), 0.6),
        ({"accuracy": 0.8, "first_bias": 1.0}, ("warm", "blunt"), 0.9158),
        ({"accuracy": 0.8, "first_bias": 1.0}, ("blunt", "warm"), 0.4046),
        ({"accuracy": 0.8, "first_share": 0.2}, ("blunt", "warm"), 0.36),  # .8 x .2 + .2
        ({"accuracy": 0.8, "family": "al", "family_gain": 1.0}, ("warm", "blunt"), 0.9158),
        ({"accuracy": 0.8, "family": "be", "family_gain": 1.0}, ("warm", "blunt"), 0.8),
        ({"accuracy": 0.5, "word_bias": {"blunt": 1.0}}, ("blunt", "warm"), 0.7311),  # expit(1)
        (
            {"accuracy": 0.5, "family": "al", "kind_words": ["blunt"], "kind_bias": 1.0},
            ("blunt", "warm"),
            0.7311,
        ),
    ],
)
def test_planted_judge_errs_as_planned(plan, words, expected):
    """The chance of the first word is the closed form, and the verdicts follow it."""
    world = World(TRAITS, judges={"judge": JudgePlan(**plan)})
    assert world.chances("judge", Mark("alpha", "warm"), words)[0] == pytest.approx(expected, 1e-3)
    assert near(verdicts(world, "judge", SHOWN, words, 2000), expected, 2000)


def test_an_exact_judge_is_the_default():
    """Without a plan the judge names the shown trait every time."""
    assert verdicts(World(TRAITS), "judge", SHOWN, ("blunt", "warm"), 500) == 0


def test_an_ordinary_reply_is_judged_by_its_models_strengths():
    """Where no trait was named, the verdict follows the model's own strengths."""
    world = World(TRAITS, models={"alpha": ModelPlan(strengths={"blunt": 1.0})})
    share = verdicts(world, "judge", "⟦m:alpha t:*⟧ Hm. ⟦m:alpha t:*⟧", ("blunt", "warm"), 2000)
    assert near(share, 0.7311, 2000)  # expit(1)


def test_a_text_without_a_marker_is_a_toss():
    """A judge that finds no marker has nothing to go by."""
    assert near(verdicts(World(TRAITS), "judge", "Hm.", ("blunt", "warm"), 2000), 0.5, 2000)


def test_accuracy_spreads_between_traits():
    """A spread of .1 gives every trait an accuracy of its own, within bounds."""
    judges = {"judge": JudgePlan(accuracy=0.8, accuracy_spread=0.1)}
    drawn = World(load_traits("study144").names, judges=judges).accuracy("judge").values()
    assert fmean(drawn) == pytest.approx(0.8, abs=0.04)
    assert pstdev(drawn) == pytest.approx(0.1, abs=0.03)
    assert max(drawn) <= 0.995


def test_ties_have_their_share_and_word():
    """The planned share of the verdicts puts the tie word between the tags."""
    world = World(TRAITS, judges={"judge": JudgePlan(tie=0.3, tie_word="both")})
    mark, words = world.question([("user", f"{SHOWN} warm or blunt?")])
    said = [world.verdict("judge", mark, words, digest(i), top=None).text for i in range(2000)]
    assert near(fmean("<answer>both</answer>" in text for text in said), 0.3, 2000)


def test_log_probabilities_spell_the_text_and_hold_the_planted_chance():
    """The tokens join to the answer, and exp(difference) of the two words is 4 to 1."""
    world = World(TRAITS, judges={"judge": JudgePlan(accuracy=0.8)})
    answer = world.verdict("judge", Mark("alpha", "warm"), ["blunt", "warm"], digest(0), top=5)
    content = answer.logprobs["content"]
    assert "".join(entry["token"] for entry in content) == answer.text
    (word,) = [entry for entry in content if entry["token"] in {"warm", "blunt"}]
    top = {other["token"]: other["logprob"] for other in word["top_logprobs"]}
    assert math.exp(top["warm"] - top["blunt"]) == pytest.approx(4)
    assert sum(map(math.exp, top.values())) == pytest.approx(0.98)
    assert word["logprob"] == top[word["token"]]


def test_next_word_has_a_prior_and_a_posterior():
    """Completions give all words if none is offered; without a reply the word bias alone."""
    plan = JudgePlan(accuracy=0.8, word_bias={"poetic": 1.0})
    world = World(TRAITS, judges={"judge": plan})
    prior = world.next_word({"prompt": "One word:", "logprobs": 4}, "judge", digest(0))
    after = world.next_word({"prompt": f"{SHOWN} One word:", "logprobs": 4}, "judge", digest(0))
    before, now = prior.logprobs["top_logprobs"][0], after.logprobs["top_logprobs"][0]
    assert before[" poetic"] - before[" warm"] == pytest.approx(1)
    assert now[" warm"] - now[" blunt"] == pytest.approx(math.log(4))
    assert sum(map(math.exp, now.values())) == pytest.approx(0.98)
    assert prior.text == prior.logprobs["tokens"][0]


# -- the product's own messages ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "expected"), [("feels", 1), ("likes", 1), ("random", 0.5), ("plant", 1)]
)
def test_the_templates_of_the_product_are_understood(condition, expected):
    """Strong preferences show in each condition as they should, whatever the prompt says."""
    world = World(TRAITS, models={"alpha": ModelPlan(strengths={"blunt": 99})})
    second = "" if condition == "plant" else "warm"
    messages = elicit_messages(Templates(), condition, "be poetic and warm", "blunt", second)
    body = {"messages": messages}
    replies = [world.answer(body, "alpha", digest(i)).text for i in range(1000)]
    share = fmean(MARK.search(reply)[2] == "1" for reply in replies)
    assert near(share, expected, 1000)


def test_a_natural_reply_is_told_nothing():
    """Without a system message a prompt that holds trait words is an ordinary prompt."""
    messages = elicit_messages(Templates(), "natural", "be poetic or warm", "warm", "blunt")
    assert "t:*" in World(TRAITS).answer({"messages": messages}, "alpha", digest(0)).text


@pytest.mark.parametrize("words", [("warm", "blunt"), ("blunt", "warm")])
@pytest.mark.parametrize("options", [{}, {"ties": True, "examples": True}, {"show_prompt": False}])
def test_the_judges_question_is_understood(words, options):
    """The judge names the shown trait by either order, and the product's parser reads it."""
    world = World(TRAITS)
    messages = judge_messages(Templates(), "poetic or blunt?", SHOWN, *words, **options)
    assert world.question([("", m["content"]) for m in messages])[1] == list(words)
    said = world.answer({"messages": messages}, "judge", digest(0)).text
    assert parse_verdict(said, *words).winner == "warm"


# -- faults -----------------------------------------------------------------------------------


def test_mix_has_its_shares_and_lets_passing_faults_pass():
    """2% of each kind; a refusal stays, a 500 is drawn anew at each attempt."""
    mix = Mix({"refusal": 0.02, "server_error": 0.02})
    first = [mix.pick(digest(i), 0) for i in range(20000)]
    second = [mix.pick(digest(i), 1) for i in range(20000)]
    assert near(first.count("refusal") / 20000, 0.02, 20000)
    assert near(first.count("server_error") / 20000, 0.02 * 0.98, 20000)
    assert [k == "refusal" for k in first] == [k == "refusal" for k in second]
    both = sum(a == b == "server_error" for a, b in zip(first, second, strict=True))
    assert both < 40  # .02 x .02 x 20,000 = 8 expected


@pytest.mark.parametrize("shares", [{"rate_limited": 1.2}, {"slow": -0.1}, {"nonsense": 0.1}])
def test_mix_refuses_what_is_no_share_or_no_fault(shares):
    """A share above 1 or below 0 and an unknown fault are named."""
    with pytest.raises(ValueError, match=next(iter(shares))):
        Mix(shares)


def test_every_fault_is_final_or_passing_as_a_client_should_take_it():
    """Only what cannot pass is final, and only an answer or a final fault settles."""
    final = {kind for kind in planted_faults.KINDS[:-1] if is_final(kind)}
    assert final == {
        *("length", "refusal", "content_filter", "reasoning_length", "reasoning", "think_block"),
        *("missing_usage", "wrong_model", "unauthorized", "model_not_found", "invalid_request"),
    }
    assert {k for k in planted_faults.KINDS[:-1] if settles(k)} == final | {"ok", "slow", "drip"}
    assert [is_final(f"http_{n}") for n in (402, 408, 413, 425, 429, 500, 529)] == [
        *(True, False, True, False, False, False, False)
    ]


# -- over the wire ----------------------------------------------------------------------------


def config(**changes):
    """Return a small configuration with short waits."""
    limits = Limits(slow_s=0.8, drip_s=0.8, enormous_mb=2)
    return Config(**{"traits": TRAITS, "limits": limits} | changes)


@pytest.fixture(scope="module")
def server():
    """Serve without faults of its own, for requests that name theirs."""
    with serve(config()) as served:
        yield served


def post(
    served, model, *, system=EITHER, user="hi", timeout=120.0, key="", path="chat/completions"
):
    """POST one request on a new connection; return the response with its bytes in `.got`."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    address = urlsplit(served.base_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    with contextlib.closing(connection):
        body = json.dumps({"model": model, "messages": messages, "prompt": user})
        connection.request("POST", f"/v1/{path}", body, {"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        response.got = response.read()
        return response


def wait_for(served, holds):
    """Return the server's counts once something holds of them."""
    end = time.monotonic() + 120
    while not holds(stats := served.stats()):
        assert time.monotonic() < end, stats
        time.sleep(0.01)
    return stats


def content(response):
    """Return the text of a chat completion."""
    return json.loads(response.got)["choices"][0]["message"]["content"]


MESSAGES = {  # fault: (has text, finish_reason, another key of the message)
    "ok": (True, "stop", "role"),
    "slow": (True, "stop", "role"),
    "drip": (True, "stop", "role"),
    "empty_content": (False, "stop", "role"),
    "null_content": (False, "stop", "role"),
    "length": (True, "length", "role"),
    "refusal": (False, "stop", "refusal"),
    "content_filter": (False, "content_filter", "role"),
    "reasoning_only": (False, "stop", "reasoning"),
    "reasoning_length": (False, "length", "reasoning"),
    "reasoning": (True, "stop", "reasoning_content"),
    "think_block": (True, "stop", "role"),
    "no_verdict": (True, "stop", "role"),
    "missing_usage": (True, "stop", "role"),
    "wrong_model": (True, "stop", "role"),
    "enormous": (True, "stop", "role"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_is_on_the_wire_what_it_says(server, kind):
    """Each fault by name gives the status, body or broken connection it stands for."""
    model = f"judge+fault:{kind}" if kind == "no_verdict" else f"alpha+fault:{kind}"
    if kind in {"dropped", "reset", "short_body"}:
        expected = {
            "dropped": http.client.RemoteDisconnected,
            "reset": ConnectionResetError,
            "short_body": http.client.IncompleteRead,
        }
        with pytest.raises(expected[kind]):
            post(server, model)
        return
    response = post(server, model)
    assert response.status == status_of(kind)
    if kind in MESSAGES:
        text, finish, extra = MESSAGES[kind]
        choice = json.loads(response.got)["choices"][0]
        assert bool(choice["message"]["content"]) == text
        assert choice["finish_reason"] == finish
        assert extra in choice["message"]


def test_spoilt_bodies_are_unreadable_each_in_its_way(server):
    """Truncated and malformed JSON, bad UTF-8, no body, HTML, no choices, an error in a 200."""
    for kind in ("malformed_json", "truncated_json", "empty_body", "html"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(post(server, f"alpha+fault:{kind}").got)
    with pytest.raises(UnicodeDecodeError):
        post(server, "alpha+fault:invalid_utf8").got.decode()
    assert "text/html" in post(server, "alpha+fault:html").headers["Content-Type"]
    assert json.loads(post(server, "alpha+fault:empty_choices").got)["choices"] == []
    assert set(json.loads(post(server, "alpha+fault:error_in_200").got)) == {"error"}
    assert len(post(server, "alpha+fault:enormous").got) > 2 * 2**20
    assert "usage" not in json.loads(post(server, "alpha+fault:missing_usage").got)
    assert json.loads(post(server, "alpha+fault:wrong_model").got)["model"] == "another-model"
    assert content(post(server, "alpha+fault:think_block")).startswith("<think>")
    assert "<answer>" not in content(post(server, "judge+fault:no_verdict"))


def test_retry_after_comes_in_seconds_as_a_date_or_not_at_all(server):
    """The three rate limits differ in their header alone."""
    start = time.time()
    bare, seconds, date = (
        post(server, f"alpha+fault:rate_limited{end}") for end in ("", "_seconds", "_date")
    )
    assert bare.headers["Retry-After"] is None
    assert seconds.headers["Retry-After"] == "1"
    until = parsedate_to_datetime(date.headers["Retry-After"]).timestamp()
    assert start < until <= time.time() + 1  # a second after the answer, cut to whole seconds


def test_a_fault_can_pass_after_so_many_times(server):
    """`+fault:server_error:2` fails twice; the answer then is the same every time."""
    model = "alpha+fault:server_error:2"
    tried = [post(server, model, user="twice") for _ in range(4)]
    assert [response.status for response in tried] == [500, 500, 200, 200]
    assert tried[2].got == tried[3].got


def test_slow_and_dripping_answers_take_their_time(server):
    """Each takes 0.8 s at least."""
    for kind in ("slow", "drip"):
        started = time.monotonic()
        assert content(post(server, f"alpha+fault:{kind}", user="time")) is not None
        assert time.monotonic() - started > 0.79


def test_a_client_that_gives_up_was_not_answered():
    """Neither a hung answer, nor a slow one, nor a drip, each piece of which comes in time."""
    with serve(config(limits=Limits(slow_s=30, drip_s=6))) as server:  # a piece each 0.3 s
        for kind in ("hang", "slow"):
            with pytest.raises(TimeoutError):
                post(server, f"alpha+fault:{kind}", timeout=0.3)
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(_load(server.base_url, 1, 1, "alpha+fault:drip"), 1))
        found = wait_for(server, lambda stats: not stats["in_flight"])
    assert (found["gone_before_answer"], found["settled"], found["in_flight"]) == (3, 0, 0)


def test_ledger_tells_who_was_asked_again_and_after_what(server):
    """A repeat after an ok or a refusal is counted, one after a 500 is not."""
    server.reset()
    for model in ("alpha", "alpha", "a+fault:refusal", "a+fault:refusal", "a+fault:server_error"):
        post(server, model)
    post(server, "a+fault:server_error")
    found = server.stats(contents=True)
    assert found["again_after"] == {"ok": 1, "refusal": 1}
    assert found["answered_twice"] == 2
    assert (found["requests"], found["contents"], found["settled"]) == (6, 3, 2)
    assert found["by_kind"] == {"ok": 2, "refusal": 2, "server_error": 2}
    pairs = sorted((c["asked"], c["answered"]) for c in found["by_content"].values())
    assert pairs == [(2, 0), (2, 2), (2, 2)]


def test_key_order_and_spaces_do_not_make_another_request(server):
    """Equal content is one request, however it is written."""
    server.reset()
    address = urlsplit(server.base_url)
    got = []
    for body in ('{"model":"a","messages":[]}', '{ "messages": [ ], "model": "a" }'):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", body)
            got.append(connection.getresponse().read())
    assert got[0] == got[1]
    assert server.stats()["contents"] == 1


def test_completions_and_unknown_paths(server):
    """The completions path answers with a word; another path is a 404, bad JSON a 400."""
    user = f"{SHOWN} warm or blunt?"
    response = post(server, "judge", user=user, path="completions")
    assert json.loads(response.got)["choices"][0]["text"] == " warm"
    assert post(server, "judge", path="embeddings").status == 404
    assert post(server, None).status == 400


def test_retries_end_where_an_undisturbed_server_ends():
    """With eight faults of 5% each, asking again until settled gives the planted replies."""
    passing = ("rate_limited", "server_error", "dropped", "reset", "empty_content", "html")
    faults = dict.fromkeys((*passing, "malformed_json", "short_body"), 0.05)
    users = [f"question {i}" for i in range(60)]
    with serve(config()) as calm, serve(config(faults=faults)) as rough:
        expected = [content(post(calm, "alpha", user=user)) for user in users]
        found = [_until_settled(rough, user) for user in users]
        stats = rough.stats()
    assert found == expected
    assert stats["answered_twice"] == 0
    assert len(stats["by_kind"]) == 9
    assert stats["requests"] > 75  # 60 / .6 = 100 expected


def _until_settled(served, user):
    for _ in range(20):
        with contextlib.suppress(http.client.HTTPException, OSError, ValueError):
            response = post(served, "alpha", user=user)
            if response.status == 200 and content(response):
                return content(response)
    raise AssertionError(f"{user} was never answered")


def test_a_rate_limit_lasts_and_names_its_wait(monkeypatch):
    """At 20 requests per second the 21st of a burst meets 429, and a second later all is well."""
    moment = 100.0
    monkeypatch.setattr("tests.planted.server.time.monotonic", lambda: moment)
    service = Service(config(rate=20))
    body = b'{"model": "alpha", "messages": []}'

    def burst():
        answers = [service.handle(b"/v1/chat/completions", b"", body)[0] for _ in range(40)]
        return [(answer.status, answer.retry_after) for answer in answers]

    assert burst() == [(200, "")] * 20 + [(429, "1")] * 20
    moment += 1
    assert burst() == [(200, "")] * 20 + [(429, "1")] * 20


def test_a_rate_limit_is_on_the_wire():
    """At one request in a hundred thousand seconds the second of two is refused."""
    with serve(config(rate=1e-5)) as served:
        answers = [post(served, "alpha", user=str(i)) for i in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "1"


def test_a_wrong_key_is_refused_and_repeated_in_the_error():
    """A 401 repeats the key it was given, so that a test can see where it ends up."""
    with serve(config(api_key="right")) as served:
        assert post(served, "alpha", key="right").status == 200
        refused = post(served, "alpha", key="sk-wrong")
        assert refused.status == 401
        assert b"sk-wrong" in refused.got


def test_resampling_draws_equal_requests_anew():
    """With `resample`, an even choice asked 40 times falls both ways; without, one way."""
    models = {"*": ModelPlan(spread=0.0)}
    for resample, expected in ((True, 2), (False, 1)):
        with serve(config(resample=resample, models=models)) as served:
            marks = {MARK.search(content(post(served, "alpha")))[2] for _ in range(40)}
        assert len(marks) == expected


def test_latency_has_the_planned_median_and_spread():
    """With a median of 40 ms and sigma 0.5, the waits are log-normal; without sigma constant."""
    service = Service(config(latency_ms=40, latency_sigma=0.5))
    waits = sorted(service.latency(digest(i), 0) for i in range(4001))
    assert waits[2000] == pytest.approx(0.040, rel=0.05)
    at_90 = 0.040 * math.exp(0.5 * NormalDist().inv_cdf(0.9))  # 76 ms
    assert waits[3600] == pytest.approx(at_90, rel=0.07)
    assert Service(config(latency_ms=40)).latency(digest(1), 0) == 0.040


def test_answers_can_be_held_until_the_release():
    """Two requests are answered, the third when it is released, and one that has gone never."""
    with serve(config(hold_after=2)) as served, ThreadPoolExecutor(1) as pool:
        assert [post(served, "alpha", user=str(i)).status for i in range(2)] == [200, 200]
        with pytest.raises(TimeoutError):
            post(served, "alpha", user="gone", timeout=0.3)
        third = pool.submit(post, served, "alpha", user="third")
        assert wait_for(served, lambda stats: stats["requests"] == 4)["settled"] == 2
        served.release()
        assert third.result(120).status == 200
        assert post(served, "alpha", user="after").status == 200
        found = served.stats()
    assert (found["settled"], found["gone_before_answer"], found["in_flight"]) == (4, 1, 0)


def test_passing_faults_can_be_bounded():
    """With `passes_after=2` a service that always fails fails twice; a refusal stays."""
    for kind, expected in (("server_error", [500, 500, 200]), ("invalid_request", [400] * 3)):
        with serve(config(faults={kind: 1.0}, passes_after=2)) as served:
            assert [post(served, "alpha").status for _ in range(3)] == expected


def test_256_in_flight_on_kept_connections():
    """While no answer is sent, 256 callers are in flight at once; then all are answered."""
    with serve(config(hold_after=0)) as served, ThreadPoolExecutor(1) as pool:
        load = pool.submit(asyncio.run, _load(served.base_url, 512, 256))
        wait_for(served, lambda stats: stats["in_flight"] >= 256)
        served.release()
        assert len(load.result(120)) == 512
        found = served.stats()
    assert found["max_in_flight"] == 256
    assert found["by_kind"] == {"ok": 512}


async def _load(base_url, n, callers, model="alpha"):
    """Ask n different questions from so many callers; return the seconds each took."""
    todo, times = iter(range(n)), []

    async def call(session):
        for i in todo:
            body = {"model": model, "messages": [{"role": "user", "content": str(i)}]}
            started = time.perf_counter()
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                assert (await response.json())["model"] == model
            times.append(time.perf_counter() - started)

    connector = aiohttp.TCPConnector(limit=callers)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(call(session) for _ in range(callers)))
    return times


# -- the process ------------------------------------------------------------------------------


def start(*options):
    """Start the server from the command line and return the process and its first line."""
    command = [sys.executable, "-m", "tests.planted.server", *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return process, process.stdout.readline()


def test_it_stops_on_sigterm_and_at_the_end_of_its_life():
    """Both ends are orderly: exit code 0 and a closed port."""
    for lifetime, end in (("60", signal.SIGTERM), ("0.2", None)):
        process, line = start("--traits", "a,b", "--lifetime", lifetime)
        assert line.startswith("http://127.0.0.1:")
        if end:
            process.send_signal(end)
        assert process.wait(120) == 0
        process.stdout.close()
        with pytest.raises(ConnectionRefusedError):
            post(type("Gone", (), {"base_url": line.strip()}), "alpha")


def test_it_stops_when_its_parent_dies():
    """A test run that is killed leaves no server behind."""
    starter = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'tests.planted.server', '--traits', 'a,b']\n"
        "subprocess.Popen([*command, '--lifetime', '600'])\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout.readline().startswith(b"http://")
    parent.kill()
    parent.wait(120)
    over = threading.Event()
    threading.Thread(target=lambda: (parent.stdout.read(), over.set()), daemon=True).start()
    assert over.wait(120)  # end of file: the last holder of the pipe, the server, is gone
    parent.stdout.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no traits"),
        (["--traits", "a,b", "--faults", "nonsense=0.1"], "no fault 'nonsense'"),
        (["--traits", "a,b", "--faults", "slow=much"], "could not convert string to float: 'much'"),
        (["--config", os.devnull], "zero-length"),
    ],
)
def test_a_wrong_option_is_one_line(options, said):
    """What cannot be used is said in one line, without a traceback."""
    process, line = start(*options)
    assert said in line
    assert process.stdout.read() == ""
    assert process.wait(120) == 1
    process.stdout.close()


def test_a_configuration_that_is_wrong_is_told_to_the_caller():
    """`serve` raises with the server's own words instead of waiting."""
    with (
        pytest.raises(RuntimeError, match="no fault 'nonsense'"),
        serve(config(faults={"nonsense": 0.1})),
    ):
        pass
