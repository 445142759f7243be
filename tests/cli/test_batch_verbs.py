"""`ethogram batch`: files out and in, and what a store's batches are."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path

import orjson
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.batches import Plan, Server
from tests.planted.studies import rows, run_text, same, strengths, study_text

from ethogram.stimuli.traits import load_traits

TRAITS = load_traits("contested40").names
MODELS, JUDGES = {"alpha": ModelPlan()}, {"judge": JudgePlan(accuracy=0.9)}


@pytest.fixture
def study(planted, tmp_path):
    """Return a study file of 100 trials, and the ratings that live calls give."""
    live = planted(models=MODELS, judges=JUDGES)
    text = study_text(live.base_url, max_trials=100)
    assert run_text(text, tmp_path / "live.db").stopped is None
    (tmp_path / "study.toml").write_text(text)
    return live, strengths(tmp_path / "live.db")


def run_batch(folder: Path, form: str) -> None:
    """Answer every input file of a folder as a program of this form does."""
    server = Server(Plan(traits=TRAITS, models=MODELS, judges=JUDGES))
    for path in sorted(folder.glob("*.jsonl")):
        lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        if "method" not in lines[0]:
            continue
        done = [(line["custom_id"], server.answer(line["body"])) for line in lines]
        FORMS[form](folder, path.stem, done)


def as_vllm(folder, stem, done):
    """`vllm run-batch -o`: one file, in order; errors stand beside a response without a body."""
    lines = [
        {
            "id": "vllm-1",
            "custom_id": name,
            "response": {"status_code": 200, "request_id": "vllm-batch-1", "body": body},
            "error": None,
        }
        for name, body in done
    ]
    for line in lines[5:6]:
        line["response"] |= {"status_code": 400, "body": None}
        error = {"message": "too long", "type": "BadRequestError", "code": 400}
        line["error"] = {"error": error}
    write(folder / f"{stem}.out.jsonl", lines)


def as_openai(folder, stem, done):
    """OpenAI: answers out of order in one file, errors in another."""
    lines = [
        {
            "id": "batch_req_1",
            "custom_id": name,
            "response": {"status_code": 200, "request_id": "r", "body": body},
            "error": None,
        }
        for name, body in done
    ]
    random.Random(1).shuffle(lines)
    bad = lines.pop()
    error = {"message": "too long", "type": "invalid_request_error", "code": None}
    bad["response"] = {"status_code": 400, "request_id": "r", "body": {"error": error}}
    expired = lines.pop()
    expired |= {"response": None, "error": {"code": "batch_expired", "message": "not in time"}}
    (folder / "down").mkdir(exist_ok=True)
    write(folder / "down" / f"{stem}_output.jsonl", lines)
    write(folder / "down" / f"{stem}_error.jsonl", [bad, expired])


FORMS = {"vllm": as_vllm, "openai": as_openai}


def write(path, lines):
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b"\n")


@pytest.mark.parametrize("form", FORMS)
def test_files_go_out_and_answers_come_in(form, study, ethogram, tmp_path):
    """Replies, then verdicts; each line has the status that a live call would have had."""
    code, said, _ = ethogram("batch", "write", "study.toml", "-o", "out")
    assert code == 0
    assert "out/elicit-alpha-1.jsonl: 100 requests" in said
    assert ethogram("batch", "write", "study.toml", "-o", "again")[1].startswith(
        f"100 requests left out: in {tmp_path / 'out'}, without an answer so far"
    )
    run_batch(tmp_path / "out", form)
    code, said, _ = ethogram("batch", "read", "out")
    files = {"openai": "2 files", "vllm": "1 file"}[form]
    assert (code, said.split(" into ")[0]) == (0, f"100 answers from {files}")
    counts = json.loads(ethogram("status", "study.db", "--json")[1])["stages"]
    elicited = next(row for row in counts if row["stage"] == "elicit")
    pending = 1 if form == "openai" else 0  # what was never asked
    assert (elicited["done"], elicited["lost"], elicited["pending"]) == (99 - pending, 1, pending)
    assert ethogram("batch", "read", "out")[1].startswith("0 answers")
    while ethogram("batch", "write", "study.toml", "-o", "next")[1].startswith("next"):
        run_batch(tmp_path / "next", "vllm")
        ethogram("batch", "read", "next")
    assert ethogram("batch", "write", "study.toml", "-o", "next")[1].startswith("Nothing to write")
    found, live = strengths(tmp_path / "study.db"), study[1]
    assert found.keys() == live.keys()
    assert study[0].stats()["requests"] == 200  # of the live run alone
    assert not same(found, live)  # some lines failed


def test_answers_that_are_all_good_give_the_ratings_of_live_calls(
    study, ethogram, tmp_path, monkeypatch
):
    """The round trip changes nothing."""
    monkeypatch.setitem(FORMS, "plain", as_plain)
    for folder in ("one", "two"):
        assert ethogram("batch", "write", "study.toml", "-o", folder)[0] == 0
        run_batch(tmp_path / folder, "plain")
        assert ethogram("batch", "read", folder)[0] == 0
    assert same(strengths(tmp_path / "study.db"), study[1])
    states = json.loads(ethogram("batch", "status", "study.db", "--json")[1])["batches"]
    assert [(b["state"], b["answered"], b["lines"]) for b in states] == [
        ("collected", 100, 100),
        ("collected", 100, 100),
    ]


def as_plain(folder, stem, done):
    """Every line answered, the last one cut as by a full disk, and then whole in another file."""
    lines = [
        orjson.dumps({"custom_id": name, "response": {"status_code": 200, "body": body}})
        for name, body in done
    ]
    (folder / f"{stem}.part").write_bytes(b"")  # no file of lines
    (folder / f"{stem}-a.jsonl").write_bytes(b"\n".join([*lines[:-1], lines[-1][:40]]))
    (folder / f"{stem}-b.jsonl").write_bytes(b"\n".join(lines[-3:]))


def test_what_is_no_folder_of_batches_is_refused(ethogram, tmp_path):
    """One clear line each, and exit code 2."""
    (tmp_path / "empty").mkdir()
    code, _, said = ethogram("batch", "read", "empty")
    assert (code, said.count("\n")) == (2, 1)
    assert "no ethogram-batch.json" in said
    assert ethogram("batch", "read", "nowhere")[0] == 2


def test_a_folder_without_answers_is_refused(study, ethogram, tmp_path):
    """It says what files are expected, and nothing changes."""
    ethogram("batch", "write", "study.toml", "-o", "out")
    code, _, said = ethogram("batch", "read", "out")
    assert code == 2
    assert "out has no answers: expected files of lines with custom_id and response" in said


def test_a_written_line_is_not_asked_live_unless_it_is_given_up(study, ethogram, tmp_path):
    """`run` names the file; --resubmit asks its lines."""
    live = study[0]
    ethogram("batch", "write", "study.toml", "-o", "out")
    before = live.stats()["requests"]
    code, _, said = ethogram("run", "study.toml", "--no-report")
    assert (code, live.stats()["requests"]) == (2, before)
    assert "was written to" in said
    assert "--resubmit 1" in said
    assert ethogram("run", "study.toml", "--no-report", "--resubmit", "1")[0] == 0
    assert same(strengths(tmp_path / "study.db"), study[1])


def test_a_batch_that_cannot_be_cancelled(study, ethogram):
    """It is not there, or it is no service's."""
    ethogram("batch", "write", "study.toml", "-o", "out")
    assert (
        "batch 9 cannot be cancelled: there is none"
        in ethogram("batch", "cancel", "study.toml", "9")[2]
    )
    assert (
        "batch 1 cannot be cancelled: it is written"
        in ethogram("batch", "cancel", "study.toml", "1")[2]
    )


def answers_of(folder, stem="elicit-alpha-1"):
    """Return the lines that answer a file of requests."""
    FORMS["plain"](folder, stem, asked_of(folder, stem))
    found = (folder / f"{stem}-b.jsonl").read_bytes().splitlines()
    found += (folder / f"{stem}-a.jsonl").read_bytes().splitlines()[: 100 - len(found)]
    for part in "ab":
        (folder / f"{stem}-{part}.jsonl").unlink()
    return found


def asked_of(folder, stem):
    """Return names and answers for a file of requests."""
    server = Server(Plan(traits=TRAITS, models=MODELS, judges=JUDGES))
    lines = map(orjson.loads, (folder / f"{stem}.jsonl").read_bytes().splitlines())
    return [(line["custom_id"], server.answer(line["body"])) for line in lines]


@pytest.fixture
def written(study, ethogram, tmp_path, monkeypatch):
    """Write a study's requests, and return the folder and the lines that answer them."""
    monkeypatch.setitem(FORMS, "plain", as_plain)
    assert ethogram("batch", "write", "study.toml", "-o", "out")[0] == 0
    folder = tmp_path / "out"
    return folder, answers_of(folder)


FILES = {
    "a BOM": ("a.jsonl", lambda lines: b"\xef\xbb\xbf" + b"\n".join(lines)),
    "Windows line ends": ("a.jsonl", b"\r\n".join),
    "packed": ("a.jsonl.gz", lambda lines: gzip.compress(b"\n".join(lines))),
    "packed in two parts, no suffix": (
        "answers",
        lambda lines: b"".join(
            gzip.compress(b"\n".join([*part, b""])) for part in (lines[:40], lines[40:])
        ),
    ),
    "another suffix": ("job-17.out", b"\n".join),
    "names in capitals": ("a.jsonl", lambda lines: b"\n".join(map(capitals, lines))),
    "blank lines": ("a.jsonl", b"\n\n".join),
}


def capitals(line):
    """Return a line whose name comes back in capitals."""
    data = orjson.loads(line)
    return orjson.dumps({**data, "custom_id": data["custom_id"].upper()})


@pytest.mark.parametrize("form", FILES)
def test_files_of_every_make_are_read(form, written, ethogram, tmp_path):
    """Whatever program wrote the file, every line of it is taken."""
    folder, lines = written
    name, make = FILES[form]
    (folder / name).write_bytes(make(lines))
    code, said, _ = ethogram("batch", "read", "out")
    assert (code, said.split(" into ")[0]) == (0, "100 answers from 1 file")
    assert "cannot be read" not in said


def test_a_packed_file_that_is_still_being_written_is_read_as_far_as_it_goes(written, ethogram):
    """What is there is taken; the rest is pending till the next time."""
    folder, lines = written
    packed = gzip.compress(b"\n".join(lines))
    (folder / "a.gz").write_bytes(packed[: len(packed) // 2])
    code, said, _ = ethogram("batch", "read", "out")
    taken = int(said.split()[0])
    assert (code, 0 < taken < 100) == (0, True)
    (folder / "a.gz").write_bytes(packed)
    assert ethogram("batch", "read", "out")[1].startswith(f"{100 - taken} answers")


def test_a_file_that_is_written_anew_while_it_is_read_gives_no_wrong_answer(
    written, ethogram, tmp_path, monkeypatch
):
    """A line that is not where it was is left for the next time."""
    folder, lines = written
    (folder / "a.jsonl").write_bytes(b"\n".join(lines))
    from ethogram.run.batch_read import ReadTransports

    real = ReadTransports.open

    def then_changed(self, *rest):
        real(self, *rest)
        (folder / "a.jsonl").write_bytes(b"\n".join([lines[0], *lines[:0:-1]]))

    with monkeypatch.context() as patch:
        patch.setattr(ReadTransports, "open", then_changed)
        assert ethogram("batch", "read", "out")[0] == 0
    ethogram("batch", "read", "out")
    found = rows(
        tmp_path / "study.db",
        "SELECT hash, r.body ->> '$.id' FROM batch_answer a "
        "JOIN request q ON q.id = a.request JOIN response r ON r.attempt = a.attempt",
    )
    truth = {
        one["custom_id"].replace("-", ":", 1): one["response"]["body"]["id"]
        for one in map(orjson.loads, lines)
    }
    assert dict(found) == truth


def test_lines_that_failed_for_the_account_are_pending_and_stop_nothing(written, ethogram):
    """401 and 402 in the middle: the others are taken at once, and these are written again."""
    folder, lines = written
    for place, http in ((3, 401), (50, 402), (51, 429)):
        data = orjson.loads(lines[place])
        error = {"message": "no", "code": "insufficient_quota" if http == 429 else None}
        data["response"] = {"status_code": http, "body": {"error": error}}
        lines[place] = orjson.dumps(data)
    (folder / "a.jsonl").write_bytes(b"\n".join(lines))
    code, _, err = ethogram("batch", "read", "out")
    assert (code, err) == (0, "")
    assert stage(ethogram, "elicit") == (97, 0, 3)
    assert (
        "next/elicit-alpha-1.jsonl: 3 requests"
        in ethogram("batch", "write", "study.toml", "-o", "next")[1]
    )


def stage(ethogram, name):
    """Return done, lost and pending of a stage."""
    counts = json.loads(ethogram("status", "study.db", "--json")[1])["stages"]
    row = next(row for row in counts if row["stage"] == name)
    return row["done"], row["lost"], row["pending"]


def test_a_file_of_failures_alone_is_read_too(written, ethogram):
    """Answered before, refused now: the lines are lost as a live call's would be."""
    folder, lines = written
    (folder / "a.jsonl").write_bytes(b"\n".join(lines[:90]))
    assert ethogram("batch", "read", "out")[0] == 0
    bad = [
        {
            **orjson.loads(one),
            "response": {"status_code": 400, "body": {"error": {"message": "too long"}}},
        }
        for one in lines[90:]
    ]
    (folder / "b.jsonl").write_bytes(b"\n".join(map(orjson.dumps, bad)))
    assert ethogram("batch", "read", "out")[0] == 0
    assert stage(ethogram, "elicit") == (90, 10, 0)


def test_a_folder_that_was_moved_is_not_written_again(written, ethogram, tmp_path):
    """Its lines are under way somewhere: --again is the user's word that they are not."""
    folder, lines = written
    folder.rename(tmp_path / "elsewhere")
    assert ethogram("batch", "write", "study.toml", "-o", "next")[1].startswith("100 requests left")
    (tmp_path / "elsewhere" / "a.jsonl").write_bytes(b"\n".join(lines))
    assert ethogram("batch", "read", "elsewhere")[1].startswith("100 answers")


def test_a_project_that_was_moved_is_found_from_its_folder(written, ethogram, tmp_path):
    """Study, store and folder lie as they lay; a store that is not there is asked for."""
    folder, lines = written
    (folder / "a.jsonl").write_bytes(b"\n".join(lines))
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("study.toml", "study.db", "out"):
        shutil.move(tmp_path / name, moved / name)
    shutil.move(moved / "study.db", tmp_path / "kept.db")
    code, _, said = ethogram("batch", "read", "moved/out")
    assert (code, said.count("\n")) == (2, 1)
    assert "is not there: give the store" in said
    assert not (tmp_path / "study.db").exists()
    shutil.move(tmp_path / "kept.db", moved / "study.db")
    assert ethogram("batch", "read", "moved/out")[1].startswith("100 answers")


def test_a_disk_that_is_full_leaves_nothing_half_written(study, ethogram, tmp_path, monkeypatch):
    """One line, and the next try writes all of it."""
    real = Path.write_bytes

    def full(self, content):
        if self.name == "ethogram-batch.json":
            raise OSError(28, "No space left on device")
        return real(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        code, _, said = ethogram("batch", "write", "study.toml", "-o", "out")
    assert (code, said.count("\n")) == (2, 1)
    assert "No space left on device" in said
    assert ethogram("batch", "write", "study.toml", "-o", "out")[1].startswith("out/elicit-alpha-1")


def test_a_crash_between_the_note_and_the_file_is_written_again(
    study, ethogram, tmp_path, monkeypatch
):
    """The lines were noted, and no file of them is there."""

    def crash(self, other):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        ethogram("batch", "write", "study.toml", "-o", "out")
    assert rows(tmp_path / "study.db", "SELECT state FROM batch") == [("reserved",)]
    assert ethogram("batch", "write", "study.toml", "-o", "out")[1].startswith("out/elicit-alpha-1")


def test_limits_of_a_service_hold_no_file_back(planted, ethogram, tmp_path):
    """No call is made, so neither calls per minute nor the spending limit count."""
    live = planted(models=MODELS, judges=JUDGES)
    table = {"requests_per_minute": 2}
    text = study_text(live.base_url, models={"alpha": table}, max_trials=100, spend_limit=0.01)
    (tmp_path / "study.toml").write_text(text)
    assert "100 requests" in ethogram("batch", "write", "study.toml", "-o", "out")[1]


def test_two_answers_to_one_request_are_told(written, ethogram):
    """The first file's counts, and the other is counted."""
    folder, lines = written
    other = orjson.loads(lines[7])
    other["response"]["body"]["id"] = "another"
    (folder / "a.jsonl").write_bytes(b"\n".join(lines))
    (folder / "b.jsonl").write_bytes(orjson.dumps(other))
    said = ethogram("batch", "read", "out")[1]
    assert "1 line passed over: another answer to the same request came before." in said


def test_batches_are_given_up_all_or_none(written, ethogram, tmp_path):
    """A number that is not there leaves the others as they are."""
    code, _, said = ethogram("run", "study.toml", "--resubmit", "1", "--resubmit", "9")
    assert (code, "no batch 9 is held or written" in said) == (2, True)
    assert rows(tmp_path / "study.db", "SELECT state FROM batch") == [("written",)]


def test_batches_of_a_model_under_another_name_are_told(written, ethogram, tmp_path):
    """The same requests, another name in the study file: they are in a file already."""
    text = (tmp_path / "study.toml").read_text()
    (tmp_path / "study.toml").write_text(text.replace("[models.alpha]", "[models.renamed]"))
    code, _, said = ethogram("run", "study.toml", "--no-report")
    assert (code, "batch 1 of elicit/alpha was written to" in said) == (2, True)


def test_two_writers_at_once_write_each_request_once(written, ethogram, tmp_path):
    """One has the store; the other is told so in one line."""
    from ethogram.store.store import Store

    with Store.open(tmp_path / "study.db"):
        code, _, said = ethogram("batch", "write", "study.toml", "-o", "other")
    assert (code, said.count("\n")) == (2, 1)
    assert "is in use by another ethogram" in said


def test_answers_that_cannot_be_used_are_told(written, ethogram):
    """Every answer came and none has what was asked for: pending again, and not in silence."""
    folder, lines = written
    for place in range(3):
        data = orjson.loads(lines[place])
        data["response"]["body"]["choices"][0]["message"]["content"] = ""
        lines[place] = orjson.dumps(data)
    (folder / "a.jsonl").write_bytes(b"\n".join(lines))
    said = ethogram("batch", "read", "out")[1]
    assert "100 answers from 1 file" in said
    assert "3 of them cannot be used" in said
    assert stage(ethogram, "elicit") == (97, 0, 3)
    assert (
        "next/elicit-alpha-1.jsonl: 3" in ethogram("batch", "write", "study.toml", "-o", "next")[1]
    )


def test_a_study_in_rounds_is_written_round_by_round(study, ethogram, tmp_path):
    """After a round's last answer it says to write again; when the rule is met, that it is."""
    live, _ = study
    text = study_text(live.base_url, round_size=40, stop_when={"half_width": 5000})
    (tmp_path / "study.toml").write_text(text)
    said = []
    for folder in ("replies", "verdicts"):
        ethogram("batch", "write", "study.toml", "--out", folder, "--store", "r.db")
        run_batch(tmp_path / folder, "vllm")
        said.append(ethogram("batch", "read", folder, "--store", "r.db")[1])
    assert "write again for what can be asked now" in said[0]
    assert "write again for the next round, if there is one" in said[1]
    last = ethogram("batch", "write", "study.toml", "--out", "more", "--store", "r.db")[1]
    assert "Nothing to write" in last
    assert "stopped by stop_when at 120 trials" in last
