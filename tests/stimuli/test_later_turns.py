"""Prompts that are later messages of a chat, with what was said before them."""

import json

import polars as pl
import pytest

from ethogram.errors import InputError
from ethogram.stimuli.prompts import PromptFilter, load_prompts


def chat(*texts, system="", roles=("user", "assistant")):
    """Return turns of alternating speakers."""
    turns = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *turns] if system else turns


def write(path, *chats):
    """Write chats as JSON lines."""
    lines = (json.dumps({"id": f"c{i}", "messages": turns}) for i, turns in enumerate(chats))
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("turn", "text", "before"),
    [(1, "a", 0), (2, "c", 2), ("last", "e", 4), (3, "e", 4)],
)
def test_a_message_is_answered_after_what_was_said(tmp_path, turn, text, before):
    """The n-th of the user's, or the last; system texts of the log are left out."""
    path = write(tmp_path / "p.jsonl", chat(*"abcde", system="You are a log."))
    (prompt,) = load_prompts(path, filter=PromptFilter(turn=turn)).prompts
    assert prompt.text == text
    assert [t["content"] for t in prompt.turns] == list("abcd")[:before]
    assert [t["role"] for t in prompt.turns] == ["user", "assistant", "user", "assistant"][:before]


@pytest.mark.parametrize("roles", [("human", "gpt"), ("User", "Assistant"), ("prompter", "bot")])
def test_speakers_are_known_by_any_name(tmp_path, roles):
    """They are sent as user and assistant."""
    path = write(tmp_path / "p.jsonl", chat(*"abc", roles=roles))
    (prompt,) = load_prompts(path, filter=PromptFilter(turn=2)).prompts
    assert [t["role"] for t in prompt.turns] == ["user", "assistant"]


def test_chats_that_are_too_short_are_counted(tmp_path):
    """They are dropped, and the sentence says so."""
    path = write(tmp_path / "p.jsonl", chat(*"abc"), chat("x"), chat(*"xyz"))
    found = load_prompts(path, filter=PromptFilter(turn=2))
    assert len(found) == 2
    assert found.counts["no_text"] == 1
    assert "2 are answered after the turns that stood before them" in found.describe()


def test_the_same_message_after_other_turns_is_another_prompt(tmp_path):
    """Only chats that are equal throughout are duplicates."""
    path = write(tmp_path / "p.jsonl", *(chat(*t) for t in ("abz", "cdz", "abz")))
    found = load_prompts(path, filter=PromptFilter(turn=2))
    assert [p.turns[0]["content"] for p in found.prompts] == ["a", "c"]
    assert found.counts["exact_duplicate"] == 1


def test_wildchats_later_turns(tmp_path):
    """From Parquet with its schema, with language and flags of the conversation."""
    rows = [
        {
            "conversation_hash": "h1",
            "conversation": chat(*"abc"),
            "language": "English",
            "toxic": False,
            "redacted": False,
        }
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "w.parquet")
    for source in (str(tmp_path / "w.parquet"), f"wildchat:{tmp_path}"):
        (prompt,) = load_prompts(source, filter=PromptFilter(turn="last")).prompts
        assert (prompt.text, len(prompt.turns), prompt.language) == ("c", 2, "en")


@pytest.mark.parametrize("written", [json.dumps, repr])
def test_chats_in_cells_of_csv_are_chats(tmp_path, written):
    """As JSON, or as pandas writes a list; a cell that only begins so is refused, not sent."""
    path = tmp_path / "p.csv"
    pl.DataFrame({"id": ["a"], "messages": [written(chat(*"abc"))]}).write_csv(path)
    (prompt,) = load_prompts(str(path), filter=PromptFilter(turn="last")).prompts
    assert (prompt.text, [t["content"] for t in prompt.turns]) == ("c", ["a", "b"])
    pl.DataFrame({"messages": [written(chat(*"abc"))[:-3]]}).write_csv(path)
    with pytest.raises(InputError, match="line 2: messages begins as a chat"):
        load_prompts(str(path))


@pytest.mark.parametrize("source", ["bundled", ["One text.", "Another one."], "p.jsonl"])
def test_texts_have_no_second_message(tmp_path, source):
    """They are counted as chats that are too short; the last message of a text is the text."""
    (tmp_path / "p.jsonl").write_text('{"text": "One."}\n', encoding="utf-8")
    with pytest.raises(InputError, match="with fewer than asked"):
        load_prompts(source, filter=PromptFilter(turn=2), base=tmp_path)
    assert len(load_prompts(source, filter=PromptFilter(turn="last"), base=tmp_path))


@pytest.mark.parametrize("turn", [True, "2", 0, 1.5, "first"])
def test_a_turn_that_is_no_number_is_refused(turn):
    """A whole number from 1, or the last."""
    with pytest.raises(ValueError, match="turn"):
        PromptFilter(turn=turn)
