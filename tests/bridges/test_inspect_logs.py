"""Logs of Inspect both ways, with its own writer, reader and runner; `make test-bridges`."""

from __future__ import annotations

import math

import pytest
from tests.planted.service import chat, service
from tests.planted.simulated_store import fill_store
from tests.planted.studies import rows

from ethogram.api import read_profiles, read_trial
from ethogram.api.bridges import export_bridge, import_transcripts
from ethogram.engine.transcripts import read_transcripts
from ethogram.errors import InputError
from ethogram.study import parse_study

inspect_ai = pytest.importorskip("inspect_ai")

STUDY = """
[study]
name = "logs"
traits = "quickstart"
pairs = 2
[judges.owl]
model = "owl"
base_url = "{url}"
"""


@pytest.fixture
def logs(filled, tmp_path):
    """Return a store's logs, by model, as Inspect reads them."""
    from inspect_ai.log import read_eval_log

    written = export_bridge(filled, tmp_path / "logs", "inspect")
    found = {log.eval.metadata["model"]: log for log in map(read_eval_log, map(str, written))}
    assert [len(log.samples) for log in found.values()] == list(written.values())
    return found


def test_every_trial_is_a_sample_with_its_reply_and_verdicts(filled, logs):
    """Reply, winner, the judge's words and what it was shown first are those of the store."""
    for log in logs.values():
        for sample in log.samples:
            trial = read_trial(filled, sample.id)
            assert sample.choices == [trial["trait_1"], trial["trait_2"]]
            assert (sample.error is None) == (trial["reply"] is not None)
            if trial["reply"] is None:
                assert sample.error.message.startswith(trial["reply_status"])
                continue
            assert sample.output.completion == trial["reply"]
            verdicts = {v["judge"]: v for v in trial["verdicts"]}
            assert set(sample.scores) == set(verdicts)
            for judge, score in sample.scores.items():
                verdict = verdicts[judge]
                if verdict["status"] != "ok":
                    assert math.isnan(score.value)
                    assert score.reason == verdict["status"]
                    continue
                assert score.value == float(verdict["winner"] == trial["trait_1"])
                assert score.explanation == verdict["text"]
                shown = trial["trait_2" if verdict["swapped"] else "trait_1"]
                assert score.metadata["shown_first"] == shown


def test_ratings_are_the_logs_metrics(filled, logs):
    """Each judge is a scorer whose metrics are the traits' ratings, losses beside them."""
    for p in read_profiles(filled):
        scores = {score.name: score for score in logs[p.model].results.scores}
        metrics = scores[p.judge].metrics
        assert {t: m.value for t, m in metrics.items()} == dict(
            zip(p.traits, p.ratings.tolist(), strict=True)
        )
        assert scores[p.judge].unscored_samples == p.lost


def test_every_model_has_a_log_whatever_its_name(store_path, tmp_path):
    """Names that are too long, hidden, or differ only in case or in signs of paths."""
    from inspect_ai.log import read_eval_log

    models = ["x" * 300, "x" * 300 + "y", "A", "a", "../../a", "a/b", "a:b", "模" * 100, "..", "-m"]
    fill_store(store_path, traits=("warm", "blunt", "bold"), models=models, words=4)
    written = export_bridge(store_path, tmp_path / "logs", "inspect")
    assert [p.parent for p in written] == [tmp_path / "logs"] * len(models)
    assert len({p.name.casefold() for p in written}) == len(models)
    assert not [p for p in written if p.name.startswith((".", "-")) or len(p.name.encode()) > 200]
    told = [read_eval_log(str(p), header_only=True).eval.metadata["model"] for p in written]
    assert told == models


def test_a_log_says_when_its_calls_were_made(filled, logs):
    """From the first attempt in the store to the end of the last one."""
    from datetime import datetime

    ((first, last),) = rows(filled, "SELECT min(started), max(started + seconds) FROM attempt")
    for log in logs.values():
        told = (log.stats.started_at, log.stats.completed_at)
        assert [datetime.fromisoformat(t).timestamp() for t in told] == pytest.approx(
            [first, last], abs=1
        )


def test_logs_are_replaced_and_those_of_others_are_not(filled, tmp_path):
    """Exporting again writes anew; a file that is no log of ours stays."""
    written = export_bridge(filled, tmp_path / "logs", "inspect")
    export_bridge(filled, tmp_path / "logs", "inspect")
    path = next(iter(written))
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="move it"):
        export_bridge(filled, tmp_path / "logs", "inspect")


@pytest.fixture
def made_by_inspect(tmp_path):
    """Return a log that Inspect itself made: six questions, one of which failed."""
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate, system_message

    outputs = [ModelOutput.from_content("mockllm/ann", f"Answer {i}.") for i in range(5)]
    outputs.append(ModelOutput.from_content("mockllm/ann", "Cut", stop_reason="max_tokens"))
    for output in outputs:  # else it would fetch a tokeniser to count with
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    samples = [Sample(input=f"Question {i}?", target="x") for i in range(5)]
    samples.append(Sample(input=[ChatMessageUser(content="As a chat?")], target="x"))
    task = Task(
        dataset=MemoryDataset(samples),
        solver=[system_message("Be brief."), generate()],
        scorer=match(),
    )
    model = get_model("mockllm/ann", custom_outputs=outputs)
    (log,) = eval(task, model=model, log_dir=str(tmp_path / "made"), display="none", max_samples=1)
    assert log.status == "success"
    return tmp_path / "made"


def test_a_log_that_inspect_made_is_judged_and_rated(made_by_inspect, tmp_path):
    """Replies of another evaluation get a profile at the judge's price; no model is asked."""

    def judge(asked):
        word = asked.body["messages"][-1]["content"].rpartition("better: ")[2].split(" or ")[0]
        return 200, chat(f"<answer>{word}</answer>")

    with service(judge) as served:
        study = parse_study(STUDY.format(url=served.url), asks=False)
        made = import_transcripts(study, [made_by_inspect], store=tmp_path / "logs.db")
    made.raise_if_stopped()
    (profile,) = read_profiles(made.store)
    assert (profile.model, profile.condition, profile.lost) == ("mockllm/ann", "natural", 0)
    assert profile.n == len(served.asked) > 0
    told = rows(made.store, "SELECT DISTINCT text FROM written ORDER BY text")
    assert told == [*((f"Answer {i}.",) for i in range(5)), ("Cut",)]
    statuses = rows(made.store, "SELECT DISTINCT w.text, r.status FROM written w JOIN reply r "
                    "ON r.trial = w.trial WHERE r.status != 'ok'")  # fmt: skip
    assert statuses == [("Cut", "truncated")]


def test_both_of_inspects_formats_are_read(made_by_inspect, tmp_path):
    """A log as JSON says the same as the .eval that it was made from."""
    from inspect_ai.log import read_eval_log, write_eval_log

    (path,) = made_by_inspect.glob("*.eval")
    write_eval_log(read_eval_log(str(path)), str(tmp_path / "same.json"))
    assert read_transcripts([tmp_path / "same.json"]).kept == read_transcripts([path]).kept


def _made(tmp_path, outputs, samples, **task):
    """Return what is read of a log that Inspect makes of these answers."""
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset
    from inspect_ai.model import ModelUsage, get_model
    from inspect_ai.scorer import match

    for output in outputs:
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    task = Task(dataset=MemoryDataset(samples), scorer=match(), **task)
    model = get_model("mockllm/ann", custom_outputs=outputs)
    eval(task, model=model, log_dir=str(tmp_path / "made"), display="none", max_samples=1)
    return read_transcripts([tmp_path / "made"])


def test_each_epoch_and_each_choice_is_a_reply(tmp_path):
    """Two epochs of two choices: four replies to the one question."""
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput

    outputs = [ModelOutput.from_content("mockllm/ann", f"One {i}") for i in range(2)]
    for i, output in enumerate(outputs):
        said = ChatMessageAssistant(content=f"Two {i}")
        output.choices.append(ChatCompletionChoice(message=said, stop_reason="max_tokens"))
    found = _made(tmp_path, outputs, [Sample(input="Why?", target="x")], epochs=2)
    assert [(one.reply, one.truncated) for one in found.kept] == [
        ("One 0", False), ("Two 0", True), ("One 1", False), ("Two 1", True),
    ]  # fmt: skip
    assert {one.prompt for one in found.kept} == {"Why?"}


def test_what_was_refused_is_no_reply(tmp_path):
    """A refusal that the service marked, and moderation, are counted apart."""
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ContentText, ModelOutput

    outputs = [ModelOutput.from_content("mockllm/ann", "So.") for _ in range(3)]
    outputs[1].choices[0].message.content = [ContentText(text="I will not.", refusal=True)]
    outputs[2].error = "flagged"
    found = _made(tmp_path, outputs, [Sample(input=f"{i}?", target="x") for i in range(3)])
    assert [one.reply for one in found.kept] == ["So."]
    assert found.left_out == {"refused": 2}


def test_copies_of_a_log_are_read_once(made_by_inspect):
    """A folder that holds a log and its JSON has each reply once."""
    from inspect_ai.log import read_eval_log, write_eval_log

    (path,) = made_by_inspect.glob("*.eval")
    write_eval_log(read_eval_log(str(path)), str(made_by_inspect / "same.json"))
    assert len(read_transcripts([made_by_inspect]).kept) == 6
    assert len(read_transcripts([path, path]).kept) == 6


def test_what_was_exported_reads_back(filled, tmp_path):
    """Replies of an exported study are the transcripts that its logs give, errors left out."""
    written = export_bridge(filled, tmp_path / "logs", "inspect")
    found = read_transcripts([tmp_path / "logs"])
    usable = rows(filled, "SELECT count(*) FROM reply WHERE status IN ('ok', 'truncated')")[0][0]
    assert len(found.kept) == usable
    assert found.left_out == {"ended in an error": sum(written.values()) - usable}
    assert found.named == usable
    assert f"{usable:,} answer a message of ethogram's that names two traits" in found.describe()


def test_a_file_that_is_no_log_is_one_line(tmp_path):
    """Something else under the ending .eval is named."""
    (tmp_path / "a.eval").write_text("not a log", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as a log of Inspect") as raised:
        read_transcripts([tmp_path / "a.eval"])
    assert len(raised.value.lines) == 1
