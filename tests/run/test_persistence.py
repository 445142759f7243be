"""Conversations that go on, against the planted server: what is asked, kept, lost and resumed."""

import json
import subprocess

import polars as pl
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.studies import cli, command, rows, study_text, wait_for_requests

from ethogram.api import ask_study, plan_study, run_study
from ethogram.errors import InputError, StudyError
from ethogram.run.prepare import _draw_name
from ethogram.study import parse_study
from ethogram.validity.persistence import measure_persistence
from ethogram.validity.results import StoreResults

TURNS = "\n[persistence]\nturns = [1, 3, 6]\nconversations = {n}\n"


def study(server, tmp_path, n=60, more=TURNS, **options):
    """Return a parsed study with conversations."""
    text = study_text(server.base_url, **options) + more.replace("{n}", str(n))
    return parse_study(text, path=tmp_path / "s.toml")


def kept(store):
    """Return what was measured, by turn."""
    with StoreResults.open(store) as results:
        return {found.turn: found for found in measure_persistence(results)}


def test_a_manner_that_fades_is_found_to_fade_as_fast(planted, tmp_path, store_path):
    """Nine in ten keep it from turn to turn; what is left at turns 3 and 6 is held."""
    server = planted(models={"*": ModelPlan(keeps=0.9)})
    (section,) = ask_study(study(server, tmp_path, n=300), store=store_path)
    found = kept(store_path)
    for turn in (3, 6):
        share = found[turn].share
        assert share.low <= 0.5 + 0.5 * 0.9 ** (turn - 1) <= share.high
    assert found[6].share.n == 300
    assert "alpha: at turn 6" in section.claims[0]
    assert [row[2] for row in section.tables[0].rows] == ["3", "6"]


def test_a_judges_errors_are_taken_out(planted, tmp_path, store_path):
    """A judge that errs in a fifth of verdicts: raw shares fall short, net ones hold the truth."""
    server = planted(models={"*": ModelPlan(keeps=1.0)}, judges={"*": JudgePlan(accuracy=0.8)})
    loaded = study(server, tmp_path, n=400)
    run_study(loaded, store=store_path, checks=["exemplars"])
    ask_study(loaded, store=store_path)
    last = kept(store_path)[6]
    assert last.share.high < 0.8
    assert last.net.low <= 1.0 <= last.net.high
    assert last.net.low > 0.75


def test_each_turn_goes_on_from_the_one_before(planted, tmp_path, store_path):
    """The instruction stands once, at the head; each reply and each message in its place."""
    server = planted()
    ask_study(study(server, tmp_path, n=4), store=store_path)
    (body,) = rows(
        store_path,
        "SELECT q.body FROM trial t JOIN reply r ON r.trial = t.id JOIN attempt a "
        "ON a.id = r.attempt JOIN request q ON q.id = a.request WHERE t.turn = 3 ORDER BY t.id",
    )[0]
    messages = json.loads(body)["messages"]
    assert [m["role"] for m in messages] == [
        *("system", "user", "assistant", "user", "assistant", "user")
    ]
    assert "Two words" in messages[0]["content"]
    assert not any("Two words" in m["content"] for m in messages[1:])
    asked = {
        text for (text,) in rows(store_path, "SELECT text FROM prompt WHERE key LIKE 'follow-%'")
    }
    assert {messages[3]["content"], messages[5]["content"]} <= asked


def test_the_first_turn_is_not_bought_twice(planted, tmp_path, store_path):
    """The study's own replies and verdicts serve; and running it again asks nothing."""
    server = planted()
    loaded = study(server, tmp_path, n=50)
    run_study(loaded, store=store_path)
    before = server.stats()["requests"]
    ask_study(loaded, store=store_path)
    asked = server.stats()["requests"] - before
    assert asked == 50 * 5 + 50 * 2
    ask_study(loaded, store=store_path)
    assert server.stats()["requests"] - before == asked
    plan = plan_study(loaded, store=store_path)
    assert sum(row.pending for row in plan.ways["persistence"]) == 0


def test_the_plan_says_what_it_will_ask(planted, tmp_path, store_path):
    """As many requests as are then made, beyond the first turn."""
    loaded = study(planted(), tmp_path, n=50)
    plan = plan_study(loaded, store=store_path)
    assert [(r.stage, r.requests) for r in plan.ways["persistence"]] == [
        ("elicit", 250),
        ("judge", 100),
    ]


def test_a_conversation_that_ends_is_counted(planted, tmp_path, store_path):
    """A reply that is refused for good ends its conversation; its later turns are lost."""
    server = planted(faults={"refusal": 0.03})
    loaded = study(server, tmp_path, n=60)
    ask_study(loaded, store=store_path)
    ended = rows(
        store_path, "SELECT count(*) FROM reply WHERE reason LIKE 'the conversation ended%'"
    )
    assert ended[0][0] > 5
    pending = rows(
        store_path,
        "SELECT count(*) FROM trial t WHERE part = 'persistence' AND NOT EXISTS "
        "(SELECT 1 FROM reply r WHERE r.trial = t.id)",
    )
    assert pending == [(0,)]
    found = kept(store_path)
    assert found[6].lost > 0
    assert found[6].share.n + found[6].lost <= 60


def test_a_killed_run_goes_on(planted, tmp_path):
    """`kill -9` in the middle of conversations: none is begun anew, and all come to their end."""
    server = planted(latency_ms=5)
    file = tmp_path / "s.toml"
    file.write_text(study_text(server.base_url) + TURNS.replace("{n}", "40"), encoding="utf-8")
    store = tmp_path / "s.db"
    for requests in (60, 180):
        with subprocess.Popen(command("ask", file, "--quiet"), cwd=tmp_path) as process:
            wait_for_requests(server, requests, process)
            process.kill()
    done = cli("ask", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Does the chosen manner last?" in done.stdout
    assert rows(
        store,
        "SELECT count(*) FROM reply r JOIN trial t ON t.id = r.trial "
        "WHERE t.part = 'persistence' AND r.status = 'ok'",
    ) == [(240,)]
    assert server.stats()["requests"] <= 240 + 120 + 3 * 32


def test_messages_of_ones_own(planted, tmp_path, store_path):
    """Two words each time, a list, a file; what is not there is named."""
    server = planted()
    for said, text in (
        ('"keep going"', "Keep going."),
        ('["Und dann?", "Warum?"]', "Und dann?"),
    ):
        more = f"\n[persistence]\nturns = [1, 2]\nconversations = 3\nfollow_ups = {said}\n"
        path = store_path.with_name(f"{len(said)}.db")
        ask_study(study(server, tmp_path, more=more), store=path)
        assert rows(path, f"SELECT count(*) FROM prompt WHERE text = '{text}'") == [(1,)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('"there/is/none.txt"', "is neither bundled, keep going nor a file"),
        ('"Keep Going"', "did you mean 'keep going'"),
        ("[]", "no prompt is left"),
        ('"none.csv"', "no prompt is left"),
    ],
)
def test_messages_that_are_not_there_are_named_by_their_key(tmp_path, said, why):
    """The error is about the messages that go on, not about the study's prompts."""
    (tmp_path / "none.csv").write_text("text\n", encoding="utf-8")
    text = study_text("http://127.0.0.1:9/v1") + f"\n[persistence]\nfollow_ups = {said}\n"
    with pytest.raises(InputError, match=r"^\[persistence\] follow_ups = .*" + why) as error:
        plan_study(parse_study(text, path=tmp_path / "s.toml"), store=tmp_path / "s.db")
    assert "[prompts]" not in str(error.value)


@pytest.mark.parametrize(
    "turns", ["[5, 20]", "[1]", "[1, 3, 2]", "[1, 1]", "[1, 0]", "[1, 101]", '"1"']
)
def test_turns_that_cannot_be_are_refused(planted, tmp_path, turns):
    """The key, its value and what is expected."""
    with pytest.raises(StudyError, match=r"\[persistence.{1,2}turns"):
        study(planted(), tmp_path, more=f"\n[persistence]\nturns = {turns}\n")


def test_a_study_that_turns_nothing_on_says_what_there_is(planted, tmp_path):
    """One line, exit code 2; a way that is not there, and one whose table is not."""
    file = tmp_path / "s.toml"
    file.write_text(study_text(planted().base_url), encoding="utf-8")
    for words, said in (
        ((), "add a table such as [persistence]"),
        (("--only", "fre"), "did you mean 'free'"),
        (("--only", "free"), "has no table [free]"),
    ):
        done = cli("ask", file, *words, cwd=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("orders", ["balanced", "both"])
def test_a_judge_that_names_the_word_shown_first_keeps_nothing(
    planted, tmp_path, store_path, orders
):
    """It sees no trait, so half is kept, as by chance; in one order throughout it would be all."""
    server = planted(judges={"*": JudgePlan(first_share=1.0)})
    loaded = study(server, tmp_path, n=200, judges={"judge": {"orders": orders}})
    ask_study(loaded, store=store_path)
    share = kept(store_path)[6].share
    assert (share.estimate, share.n) == (0.5, 200)


def test_few_conversations_are_said_to_be_few(planted, tmp_path, store_path):
    """Three of them are no share."""
    (section,) = ask_study(study(planted(), tmp_path, n=3), store=store_path)
    assert section.claims == (
        "alpha: 3 conversations with verdicts of judge at turns 1 and 6, too few to tell whether "
        "the manner lasts.",
    )


def test_conversations_drawn_from_wildchat_go_on_when_resumed(planted, tmp_path, store_path):
    """The draw is kept with the turns before each message, so a second run finds its trials."""
    server = planted()
    rows_ = [
        {
            "conversation_hash": f"h{i}",
            "conversation": [
                {"role": "user", "content": f"Where does the {word} begin?"},
                {"role": "assistant", "content": f"At the {word}."},
                {"role": "user", "content": f"And the {word} ends where?"},
            ],
            "language": "English",
            "toxic": False,
            "redacted": False,
        }
        for i, word in enumerate(("river", "road", "story", "meal", "song", "winter"))
    ]
    pl.DataFrame(rows_).write_parquet(tmp_path / "w.parquet")
    more = "\n[prompts]\nturn = 2\n[persistence]\nturns = [1, 2]\nconversations = 5\n"
    loaded = study(server, tmp_path, more=more, prompts="wildchat:w.parquet", max_trials=40)
    run_study(loaded, store=store_path)
    before = server.stats()["requests"]
    run_study(loaded, store=store_path)
    assert server.stats()["requests"] == before
    ask_study(loaded, store=store_path)
    assert rows(
        store_path, "SELECT count(*) FROM trial WHERE part = 'main' AND context IS NOT NULL"
    ) == [(40,)]


def test_a_draw_of_a_release_without_later_turns_is_found(tmp_path):
    """A draw at the first message is named as it was before there were others."""
    text = study_text("http://127.0.0.1:9/v1", prompts="wildchat:w.parquet")
    first, later = (
        _draw_name(parse_study(text + table, path=tmp_path / "s.toml"))
        for table in ("", "[prompts]\nturn = 2\n")
    )
    assert '"turn"' not in first
    assert '"turn":2' in later
