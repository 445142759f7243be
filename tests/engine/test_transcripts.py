"""Transcripts of other people's: which reply, to what, whose, and what has none."""

from __future__ import annotations

import csv
import json

import pytest

from ethogram.engine.transcripts import read_transcripts
from ethogram.errors import InputError

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "Now we go."},
]


def _write(path, *rows):
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"model": "m", "messages": CHAT},
        {"model": "m", "conversation": CHAT},
        {"model": "m", "conversations": [{"from": t["role"], "value": t["content"]} for t in CHAT]},
        {"model": "m", "prompt": CHAT[:-1], "response": "Now we go."},
        {"model": "m", "input": CHAT[:-1], "output": CHAT[-1:]},
        {"model_name": "m", "messages": CHAT[:-1], "response": "Now we go."},
        {"model_id": "m", "messages": CHAT[:-1], "choices": [{"message": CHAT[-1]}]},
        {
            "request": {"model": "m", "messages": CHAT[:-1]},
            "response": {"choices": [{"message": CHAT[-1]}]},
        },
        {
            "model": "m",
            "messages": CHAT[:-1],
            "response": {"body": {"choices": [{"text": "Now we go."}]}},
        },
        {
            "model": "m",
            "messages": [
                {
                    "type": {"user": "human", "assistant": "ai"}.get(t["role"], "system"),
                    "content": t["content"],
                }
                for t in CHAT
            ],
        },
        {
            "model": "m",
            "conversations": [
                {
                    "from": {"user": "human", "assistant": "chatgpt"}.get(t["role"], "system"),
                    "value": t["content"],
                }
                for t in CHAT
            ],
        },
        {
            "model": "m",
            "contents": [
                {
                    "role": {"assistant": "model"}.get(t["role"], t["role"]),
                    "parts": [{"text": t["content"]}],
                }
                for t in CHAT
            ],
        },
        {
            "model": "m",
            "messages": [
                {"role": t["role"], "content": [{"type": "text", "text": t["content"]}]}
                for t in CHAT
            ],
        },
        {"model": "m", "prompt": json.dumps(CHAT[:-1]), "reply": "Now we go."},
        {
            "model": "m",
            "prompt": "\n\nHuman: Hello?\n\nAssistant: Hello.\n\nHuman: And now?\n\nAssistant:",
            "completion": " Now we go.",
        },
    ],
)
def test_the_last_reply_is_judged_with_what_was_said_before(tmp_path, row):
    """A chat in any spelling: the last message of the user, its reply, the turns before."""
    (one,) = read_transcripts([_write(tmp_path / "a.jsonl", row)]).kept
    assert (one.model, one.prompt, one.reply) == ("m", "And now?", "Now we go.")
    assert [t["content"] for t in one.turns] == ["Hello?", "Hello."]


def _chat(*turns):
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Why?", "reply": "<think>Hm,\nwell.</think>\n\nBecause."},
        {"prompt": "Why?", "reply": "Hm.\n</think>Because."},
        {"prompt": "Why?", "response": {"content": "Because.", "reasoning_content": "Hm."}},
        _chat(
            ("user", "Why?"),
            (
                "assistant",
                [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Because."}],
            ),
        ),
        {
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}],
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "Because."}],
                },
            ],
        },
    ],
)
def test_thoughts_are_no_part_of_a_reply(tmp_path, row):
    """They are left out, whether a tag, a part or a field of their own parts them."""
    (one,) = read_transcripts([_write(tmp_path / "m.jsonl", row)]).kept
    assert (one.prompt, one.reply) == ("Why?", "Because.")


def test_thoughts_of_earlier_turns_are_left_out(tmp_path):
    """What a judge reads before the prompt has none either."""
    row = _chat(
        ("user", "A"), ("assistant", "<think>Hm.</think>B"), ("user", "C"), ("assistant", "D")
    )
    (one,) = read_transcripts([_write(tmp_path / "m.jsonl", row)]).kept
    assert [t["content"] for t in one.turns] == ["A", "B"]


@pytest.mark.parametrize(
    "steps",
    [
        [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "42"},
        ],
        [{"role": "assistant", "tool_calls": [{"id": "1"}]}, {"role": "tool", "content": "42"}],
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "1"},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}],
            },
        ],
        [{"from": "function_call", "value": "look()"}, {"from": "observation", "value": "42"}],
    ],
)
def test_what_tools_give_back_is_no_message_of_the_user(tmp_path, steps):
    """The reply after the tool's answers the user, whoever the tool's answer is filed under."""
    row = {
        "messages": [
            {"role": "user", "content": "Why?"},
            *steps,
            {"role": "assistant", "content": "Because."},
        ]
    }
    (one,) = read_transcripts([_write(tmp_path / "m.jsonl", row)]).kept
    assert (one.prompt, one.reply, one.turns) == ("Why?", "Because.", ())


def test_each_choice_and_each_side_is_a_reply(tmp_path):
    """Several choices of one question, and the two models of an arena, are judged apart."""
    said = {
        m: [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": m}] for m in "xy"
    }
    path = _write(
        tmp_path / "m.jsonl",
        {
            "model": "m",
            "prompt": "Why?",
            "choices": [{"text": "One"}, {"text": "Two", "finish_reason": "length"}],
        },
        {"model": "m", "prompt": "Why?", "responses": ["Three", "Four"]},
        {"model_a": "x", "model_b": "y", "conversation_a": said["x"], "conversation_b": said["y"]},
    )
    kept = read_transcripts([path]).kept
    assert [(one.model, one.reply, one.truncated) for one in kept] == [
        ("m", "One", False), ("m", "Two", True), ("m", "Three", False), ("m", "Four", False),
        ("x", "x", False), ("y", "y", False),
    ]  # fmt: skip


def test_an_instruction_is_asked_with_what_it_is_about(tmp_path):
    """Not its input alone, as in Alpaca's and Dolly's rows."""
    rows = [
        {"instruction": "Sum up.", key: text, "output": "So."}
        for key, text in (("input", "A tale."), ("context", "A tale."), ("input", ""))
    ]
    kept = read_transcripts([_write(tmp_path / "m.jsonl", *rows)]).kept
    assert [one.prompt for one in kept] == ["Sum up.\n\nA tale."] * 2 + ["Sum up."]


def test_a_column_of_numbers_called_error_is_no_error(tmp_path):
    """Only a text, an object or true tells of one."""
    rows = [{"prompt": "Why?", "reply": "So.", "error": e} for e in (0.2, None, "", False, {})]
    assert len(read_transcripts([_write(tmp_path / "m.jsonl", *rows)]).kept) == len(rows)


def test_a_chat_in_a_cell_of_csv_is_read(tmp_path):
    """As JSON, and as pandas writes it; calls of tools without content among its turns."""
    chat = [*CHAT[:-1], {"role": "assistant", "tool_calls": []}, CHAT[-1]]
    path = tmp_path / "m.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["messages"], [json.dumps(chat)], [repr(chat)]])
    kept = read_transcripts([path]).kept
    assert [(one.prompt, one.reply) for one in kept] == [("And now?", "Now we go.")] * 2


def test_replies_that_are_none_are_left_out_with_the_reason(tmp_path):
    """An error, a filter, a refusal and thoughts alone are counted apart, as in a run."""
    path = _write(
        tmp_path / "m.jsonl",
        {"prompt": "Why?", "reply": "Because."},
        {"prompt": "Why?", "reply": "timeout", "error": "timeout"},
        {"prompt": "Why?", "reply": "I", "finish_reason": "content_filter"},
        {"prompt": "Why?", "response": {"role": "assistant", "content": None, "refusal": "No."}},
        {"prompt": "Why?", "reply": "<think>Hm"},
        {"prompt": " ", "reply": "Because."},
    )
    assert read_transcripts([path]).left_out == {
        "ended in an error": 1,
        "stopped by a content filter": 1,
        "refused": 1,
        "without a reply": 1,
        "without a message of the user": 1,
    }


@pytest.mark.parametrize("reply", ["reply", "response", "output", "completion"])
def test_a_prompt_and_a_reply_are_enough(tmp_path, reply):
    """Without a chat and without a model, the file's name is the model's."""
    path = _write(tmp_path / "gpt.jsonl", {"prompt": "Why?", reply: "Because."})
    (one,) = read_transcripts([path]).kept
    assert (one.model, one.prompt, one.reply, one.turns) == ("gpt", "Why?", "Because.", ())


def test_what_has_no_reply_is_counted_by_reason(tmp_path):
    """An empty reply, and one without a question, are left out, and said."""
    path = _write(
        tmp_path / "m.jsonl",
        {"prompt": "Why?", "reply": "Because."},
        {"prompt": "Why?", "reply": ""},
        {"prompt": "Why?", "reply": None},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"messages": [*CHAT, {"role": "user", "content": "Still there?"}]},
    )
    found = read_transcripts([path])
    assert len(found.kept) == 1
    assert found.left_out == {"without a reply": 3, "without a message of the user": 1}
    assert "1 replies: 1 of m. Left out: 3 without a reply" in found.describe()


def test_a_reply_that_was_cut_says_so(tmp_path):
    """What a service calls its limit marks the reply as truncated."""
    rows = [{"prompt": p, "reply": "So", "finish_reason": why} for p, why in
            (("a", "length"), ("b", "stop"), ("c", "MAX_TOKENS"))]  # fmt: skip
    found = read_transcripts([_write(tmp_path / "m.jsonl", *rows)])
    assert [one.truncated for one in found.kept] == [True, False, True]


def test_the_same_question_has_one_key_whoever_answers(tmp_path):
    """Two models are compared on the questions that both were asked, turns before included."""
    rows = [
        {"model": m, "messages": [*CHAT[:-1], {"role": "assistant", "content": m}]} for m in "ab"
    ]
    other = {"model": "a", "messages": CHAT[3:]}
    keys = [one.key for one in read_transcripts([_write(tmp_path / "m.jsonl", *rows, other)]).kept]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "x"}, "expected messages"),
        ({"prompt": "x", "reply": 5}, "expected messages"),
        ({"prompt": "x", "reply": ""}, "without a reply"),
        ({"messages": '[{"role": "user", '}, "cannot be read as one"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, row, said):
    """The error names the file and what was expected."""
    path = _write(tmp_path / "m.jsonl", row)
    with pytest.raises(InputError, match=said) as raised:
        read_transcripts([path])
    assert str(path) in str(raised.value)
    assert len(raised.value.lines) == 1


def test_a_folder_without_logs_is_named(tmp_path):
    """A folder is one of Inspect's logs."""
    with pytest.raises(InputError, match=r"without logs of Inspect"):
        read_transcripts([tmp_path])
