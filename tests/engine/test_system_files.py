"""A model's system text in a file: what is read, and what is said where it cannot be."""

from __future__ import annotations

import pytest
from tests.planted.server import Config, serve
from tests.planted.studies import rows, run_text, study_text

from ethogram.errors import StoreError, StudyError
from ethogram.study import load_study, parse_study

STUDY = """
[study]
name = "in place"
[models.alpha]
service = "vllm"
model = "alpha"
{system}
[judges.judge]
service = "vllm"
model = "judge"
{judge}
"""


def system_of(folder, system):
    """Return the system text of a study file in a folder."""
    text = STUDY.format(system=f"system = {system}", judge="")
    return parse_study(text, path=folder / "study.toml").models["alpha"].system


def refused(folder, system, judge=""):
    """Return the lines that say what is wrong with it."""
    text = STUDY.format(system=f"system = {system}", judge=judge)
    with pytest.raises(StudyError) as caught:
        parse_study(text, path=folder / "study.toml")
    return [line.partition("study.toml: ")[2] for line in caught.value.lines]


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (b"You are Max.\nBe kind.\n", "You are Max.\nBe kind."),
        (b"\xef\xbb\xbfYou are Max.\r\n\r\nBe kind.\r\n", "You are Max.\n\nBe kind."),
        ("  Du bist Jörg.".encode(), "  Du bist Jörg."),
    ],
)
def test_the_text_of_the_file_stands_in_place_of_the_table(tmp_path, held, text):
    """Marks and line breaks of another system are not part of it, nor is its last line's end."""
    (tmp_path / "deployed.md").write_bytes(held)
    assert system_of(tmp_path, '{ file = "deployed.md" }') == text


def test_a_relative_path_starts_from_the_study_files_folder(tmp_path, monkeypatch):
    """Wherever the program runs; an absolute one is taken as it is."""
    folder = tmp_path / "studies"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "a.md").write_text("You are Max.")
    system = 'system = { file = "prompts/a.md" }'
    (folder / "study.toml").write_text(STUDY.format(system=system, judge=""))
    monkeypatch.chdir(tmp_path)
    assert load_study(folder / "study.toml").models["alpha"].system == "You are Max."
    assert system_of(tmp_path, f"{{ file = '{folder / 'prompts' / 'a.md'}' }}") == "You are Max."


def test_an_empty_text_is_none():
    """So that a prompt can be taken out without removing the key."""
    text = STUDY.format(system='system = ""', judge="")
    bare = STUDY.format(system="", judge="")
    assert parse_study(text).models["alpha"] == parse_study(bare).models["alpha"]


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("{ file = 'none.md' }", ["file = 'none.md'", "No such file", "name a text file"]),
        ("{ file = 'folder' }", ["file = 'folder'", "Is a directory", "name a text file"]),
        ("{ file = 'empty.md' }", ["file = 'empty.md' is empty", "leave system out"]),
        ("{ file = 'latin.md' }", ["file = 'latin.md'", "not UTF-8 text (byte 1)", "save it"]),
        ("{ file = 'wide.md' }", ["file = 'wide.md'", "not UTF-8 text (byte 1 is 0)", "save it"]),
        ("{ file = 3 }", ["file = 3", "expected the path of a text file"]),
        ("{ file = '' }", ["file = ''", "expected the path of a text file"]),
        ('{ file = "a\\u0000b" }', ["file = 'a\\x00b'", "null byte"]),
        ('{ file = "a\\nb" }', ["file = 'a\\nb'", "a path is one line"]),
        ("{}", ["[models.alpha.system] needs the key 'file'", "write system = { file ="]),
        ("{ fiel = 'x' }", ["'fiel' in [models.alpha.system]", "did you mean 'file'", "allowed"]),
        ("{ file = 'latin.md', text = 'x' }", ["unknown key 'text'", "allowed: file"]),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, system, said):
    """With its key, its value and what to do."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.md").write_text(" \n\n")
    (tmp_path / "latin.md").write_bytes("gün".encode("latin-1"))
    (tmp_path / "wide.md").write_bytes("You".encode("utf-16-le"))
    (line,) = refused(tmp_path, system)
    for part in said:
        assert part in line


def test_it_is_said_with_everything_else_that_is_wrong(tmp_path):
    """A missing file hides no other problem, in the same table or elsewhere."""
    said = refused(tmp_path, "{ file = 'none.md' }\ntemperature = 9", "verdict = 'guess'")
    assert [line.split(" = ")[0] for line in said] == [
        "[models.alpha.system] file",
        "[models.alpha] temperature",
        "[judges.judge] verdict",
    ]


@pytest.mark.parametrize("text", ["'   '", '"\\n\\t"', '"\\u00a0"'])
def test_a_blank_text_is_refused_as_a_blank_file_is(tmp_path, text):
    """Blanks would be sent as a system prompt that no one sees."""
    (line,) = refused(tmp_path, text)
    assert line.startswith("[models.alpha.system] is blank: write the system prompt")


@pytest.mark.parametrize("line", ["system = 'x'", "system = { file = 'x' }", "instruct = 'user'"])
def test_a_judge_has_none(tmp_path, line):
    """Its words are a template, and the line names it, beside what else is wrong."""
    key = line.split(" = ", maxsplit=1)[0]
    own, other = refused(tmp_path, "''", f"{line}\ntop_p = 7")
    assert own.startswith(f"[judges.judge.{key}] is a tested model's")
    assert "judge_system in [templates]" in own
    assert other.startswith("[judges.judge] top_p = 7")


def test_a_file_that_was_changed_after_answers_is_refused(tmp_path):
    """The store keeps the text, not the name: other words are another model."""
    (tmp_path / "deployed.md").write_text("You are Max.\n")
    with serve(Config(traits=("warm", "blunt", "poetic"))) as server:
        text = study_text(
            server.base_url,
            traits=["warm", "blunt", "poetic"],
            models={"alpha": {"system": {"file": "deployed.md"}}},
        )
        run_text(text, tmp_path / "s.db", folder=tmp_path)
        (kept,) = rows(
            tmp_path / "s.db",
            "SELECT json_extract(settings, '$.system') FROM party WHERE name = 'alpha'",
        )
        assert kept == ("You are Max.",)
        (tmp_path / "deployed.md").write_text("You are Max, and you are brief.\n")
        with pytest.raises(StoreError) as caught:
            run_text(text, tmp_path / "s.db", folder=tmp_path)
    (line,) = caught.value.lines
    assert "system was You are Max., is You are Max, and you are brief." in line
    assert "give it another name in the study file" in line
