"""Thoughts in a reply's text: parted from it in every spelling, and never taken from a mention."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.engine.reading import read_response
from ethogram.engine.requests import Status
from ethogram.engine.thoughts import split_reasoning, split_thoughts, strip_tokens

THOUGHT = "Two words to choose from. I pick warm.\n\nSo write that way."
REPLY = "Dear guest,\n\nthank you."

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</THINK>"),
    ("<Thought>", "</Thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<ant_thinking>", "</ant_thinking>"),
    ("<antThinking>", "</antThinking>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ('<think lang="en">', "</think>"),
    ("< think >", "</ think >"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|thinking|>", "</|thinking|>"),
    ("<|think|>", "<|/think|>"),
    ("[unused16]", "[unused17]"),
    ("<unused94>thought\n", "<unused95>"),
    ("<|channel>thought\n", "<channel|>"),
    ('<details type="reasoning" done="true">', "</details>"),
    ("Here is my thought process:", "Here is my response:"),
    ("Here's my thought process:", "Here's my response:"),
    ("＜think＞", "＜/think＞"),
    ("\\<think\\>", "\\</think\\>"),
    ("<seed:cot_budget_reflect>", "</seed:cot_budget_reflect>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<｜begin▁of▁thinking｜>", "<｜end▁of▁thinking｜>"),
    ("[THOUGHT]", "[/THOUGHT]"),
    ("[thinking]", "[/thinking]"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
    ("Thinking...\n", "\n...done thinking.\n"),
]
TAGS = [pair for pair in PAIRS if pair[0][0] in "<[◁＜"]
HEADS = [
    ("<analysis>", "</analysis>"),
    ("<Internal>", "</Internal>"),
    ("<cot>", "</cot>"),
    ("<rationale>", "</rationale>"),
    ("<reflect>", "</reflect>"),
    ("<|im_start|>think\n", "<|im_end|><|im_start|>assistant\n"),
    ("<details><summary>Thinking</summary>", "</details>"),
    ("<details>\n<summary>💭 Reasoning</summary>\n", "</details>"),
    ("<details><summary>Thought for 5 seconds</summary>", "</details>"),
    ("analysiswe need it. ", "assistantfinal"),
    ("assistantanalysis", "assistantcommentary to=f {}assistantfinal"),
]


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_a_block_at_the_start_is_thoughts_in_every_spelling(opening, closing):
    """With blanks around it or without; what is found is told."""
    for text in (
        f"{opening}{THOUGHT}{closing}{REPLY}",
        f"\n {opening}\n{THOUGHT}\n{closing}\n\n{REPLY}",
    ):
        split = split_thoughts(text)
        assert (split.reply, split.reasoning, split.found) == (REPLY, THOUGHT, True)
        assert split_reasoning(text) == (REPLY, THOUGHT)


@pytest.mark.parametrize(("opening", "closing"), TAGS[:-1])
def test_blocks_may_stand_anywhere_that_a_line_starts_and_be_many(opening, closing):
    """Between paragraphs, after one another, at the end."""
    block = f"{opening}{THOUGHT}{closing}"
    for text, reply in [
        (f"{block}{block}{REPLY}", REPLY),
        (f"{block}\n\n{block}\n{REPLY}", REPLY),
        (f"{block}Dear guest,\n\n{block}thank you.", REPLY),
        (f"{REPLY}\n{block}", f"{REPLY}\n"),
        (f"Hello. {opening}\n{THOUGHT}\n{closing} Bye.", "Hello.  Bye."),
    ]:
        found, reasoning = split_reasoning(text)
        assert found == reply
        assert reasoning == "\n".join([THOUGHT] * text.count(THOUGHT))


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_a_block_that_is_never_closed_is_all_thoughts(opening, closing):
    """A reply that was cut while its model thought is none."""
    assert split_reasoning(f"{opening}{THOUGHT}")[0] == ""
    assert "warm" in split_reasoning(f"{opening}{THOUGHT}")[1]
    sent = {"choices": [{"message": {"content": opening + THOUGHT}, "finish_reason": "length"}]}
    reading = read_response(200, orjson.dumps(sent))
    assert (reading.status, reading.retry, reading.split) == (Status.EMPTY, False, True)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [pair for pair in TAGS if "details" not in pair[0] and "|end|" not in pair[1]],
)
def test_all_before_a_closing_mark_without_an_opening_is_thoughts(opening, closing):
    """Some chat templates write the opening themselves."""
    assert split_reasoning(f"{THOUGHT}{closing}{REPLY}") == (REPLY, THOUGHT)
    assert split_reasoning(f"{THOUGHT}\n{closing}\n\n{REPLY}") == (REPLY, THOUGHT)
    twice = f"I use {opening} and {closing} here.\n{THOUGHT}\n{closing}\n{REPLY}"
    assert split_reasoning(twice)[0] == REPLY


@pytest.mark.parametrize(
    "text",
    [
        "The <think> tag is not HTML.",
        "Use <think>x</think> here.",
        "In HTML, <think> is no tag.",
        "<think> is a tag that some models write.",
        "<think> and </think> are the marks.",
        "<think>...</think> blocks hold what a model thinks.",
        "Close it by </think> and go on.",
        "Models write `<think>` first.\n`</think>` comes last.",
        'They call it "<think>" and "</think>".',
        "Some (<thinking>) do so.",
        "```xml\n<think>\nHm.\n</think>\n```\nThat is how.",
        "Like so:\n\n~~~\n<think>Hm.</think>\n~~~",
        "- <think> opens it\n- </think> is its end",
        "`<|channel|>analysis<|message|>` is harmony.",
        "Magistral writes [THINK] and [/THINK].",
        "[Think](http://example.org) about it, and [rethink].",
        "a < thinking b > c",
        "I was thinking: 1 < 2, and thought > word.",
        "Here is my thought: process it.",
        "analysis of the case: none.",
        "<b>Thinking</b> is hard. <reasonable>",
        "<p>Reasoning</p>\n<thinker>Rodin</thinker>",
        "Thinking... is what I do.",
        "<Thought for the day> Be kind.",
        "The flow is plain. <think> → </think> it goes.",
        "Write a block. <reasoning> goes first.",
        "<details><summary>Thinking about cats</summary>Cats.</details>",
        "<Reflection Pond> is in the park.",
        "[THINK] about it before you go.",
        "Here's my thought process: first this, then that.",
        "- <think>: opens it\n- </think>: is its end",
        "| <think> | opens |\n| </think> | closes |",
        "Like so:\n\n    <think>\n    Hm.\n    </think>\n\nThat is how.",
        'They write "<think>Hm.</think>" first.',
    ],
)
def test_a_reply_that_only_mentions_a_mark_keeps_its_text(text):
    """In code, in quotation marks, or as what a sentence is about."""
    split = split_thoughts(text)
    assert (split.reply, split.reasoning, split.found) == (text, "", False)


@pytest.mark.parametrize(("opening", "closing"), HEADS)
def test_some_marks_count_only_where_they_open_the_text_and_close(opening, closing):
    """Elsewhere they are words like others."""
    split = split_thoughts(f"{opening}{THOUGHT}{closing}{REPLY}")
    assert strip_tokens(split.reply) == REPLY
    assert THOUGHT in split.reasoning
    for text in (f"{opening}{THOUGHT}", f"Dear all, {opening}{THOUGHT}{closing}{REPLY}"):
        assert split_reasoning(text) == (text, "")


@pytest.mark.parametrize(
    "text",
    [
        "<think> and so I pick SECRET</think>REPLY",
        "<think> is this SECRET?</think>REPLY",
        "<think> and so I pick the SECRET, the </think>REPLY",
        "<think> and so I pick the SECRET, the </think> REPLY",
        "\ufeff<think>SECRET</think>REPLY",
        "\u200b<think> are they SECRET?</think>REPLY",
        "<|assistant|><think>SECRET</think>REPLY",
        "**<think>**SECRET**</think>**REPLY",
        "<think>Hm.</think><analysis>SECRET</analysis>REPLY",
        "**Thinking:** <think>SECRET</think> REPLY",
        "<think>SECRET</think_>REPLY",
        "<|channel|>analysis<|message|>SECRET<|end|>REPLY",
        "<|channel|>Analysis<|message|>SECRET<|end|><|channel|>Final<|message|>REPLY",
        "<|channel|>analysis<|message|>SECRET<|channel|>final<|message|>REPLY",
        "\ufeffanalysiswe need SECRET.assistantfinalREPLY",
    ],
)
def test_nothing_that_stands_around_a_block_hides_it(text):
    """Whatever follows the mark or stands before it."""
    split = split_thoughts(text)
    assert "SECRET" in split.reasoning
    assert strip_tokens(split.reply) == "REPLY"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("1. <think>SECRET</think> REPLY", "1.  REPLY"),
        ("Okay. <think>SECRET</think> Hello.", "Okay.  Hello."),
        ("Hello! <think>SECRET</think>", "Hello! "),
        ("x" * 200 + " <think>SECRET</think>", "x" * 200 + " "),
        ("REPLY\n\n- <think>SECRET</think>", "REPLY\n\n- "),
        ("REPLY. <think>SECRET, and much more of it", "REPLY. "),
        ("\u200b<think>SECRET", ""),
    ],
)
def test_a_block_within_a_line_is_thoughts_too(text, reply):
    """Closed, or cut off in its midst."""
    split = split_thoughts(text)
    assert (split.reply, "SECRET" in split.reasoning) == (reply, True)


def test_a_thought_may_mention_its_own_marks():
    """The block ends at the mark that is not talked about."""
    thought = "I must not write `</think>` here, nor the </think> tag.\nWell."
    assert split_reasoning(f"<think>{thought}</think>{REPLY}") == (REPLY, thought)
    odd = "An odd ` backtick. </think>"
    assert split_reasoning(f"<think>{odd}{REPLY}") == (REPLY, "An odd ` backtick.")


def test_every_channel_but_the_last_word_is_thoughts():
    """Harmony: analysis and commentary are the model's own, `final` is for the reader."""
    text = (
        "<|channel|>analysis<|message|>First.<|end|><|start|>assistant<|channel|>commentary to=f "
        "<|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>analysis<|message|>Then."
        "<|end|><|start|>assistant<|channel|>final<|message|>Dear guest.<|return|>"
    )
    assert split_reasoning(text) == ("Dear guest.", "First.\n{}\nThen.")
    assert split_reasoning("<|start|>assistant" + text) == ("Dear guest.", "First.\n{}\nThen.")
    assert split_reasoning("First.<|end|>" + text[text.rindex("<|start|>") :])[0] == "Dear guest."
    assert split_reasoning("<|channel|>final<|message|>Dear guest.") == ("Dear guest.", "")
    assert split_reasoning("<|channel|>analysis<|message|>Hm.<|end|>") == ("", "Hm.")


def test_a_study_can_add_a_spelling_of_its_own():
    """Taken literally, in any case; the known ones stay known."""
    added = [("(((", ")))"), ("Überlegung:", "Antwort:")]
    assert split_reasoning(f"((({THOUGHT})))\n{REPLY}", added) == (REPLY, THOUGHT)
    assert split_reasoning(f"überlegung: {THOUGHT} ANTWORT: {REPLY}", added) == (REPLY, THOUGHT)
    assert split_reasoning(f"<think>{THOUGHT}</think>{REPLY}", added) == (REPLY, THOUGHT)
    assert split_reasoning(f"((({THOUGHT})))\n{REPLY}") == (f"((({THOUGHT})))\n{REPLY}", "")
    sent = {"choices": [{"message": {"content": f"((({THOUGHT}))){REPLY}"}}]}
    reading = read_response(200, orjson.dumps(sent), added)
    assert (reading.text, reading.reasoning, reading.split) == (REPLY, THOUGHT, True)


def test_what_was_split_is_told():
    """A count of it says how often the service leaks thoughts; a field of its own is no leak."""
    for content, split in [("<think></think>Hi.", True), ("Hi.", False)]:
        message = {"content": content, "reasoning": "Hm."}
        reading = read_response(200, orjson.dumps({"choices": [{"message": message}]}))
        assert (reading.text, reading.split) == ("Hi.", split)


@pytest.mark.parametrize(
    "part",
    [
        *(
            {"type": kind, "text": "SECRET"}
            for kind in (
                *("reasoning", "reasoning_content", "reasoning_text", "thoughts", "thought"),
                *("analysis", "Reasoning.Text", "THINKING", "summary_text"),
            )
        ),
        {"type": "reasoning.summary", "summary": "SECRET"},
        {"type": "thinking_delta", "thinking": "SECRET"},
        {"type": "THINKING", "thinking": [{"type": "text", "text": "SECRET"}]},
        {"type": "reasoning_content", "reasoning_content": {"text": "SECRET"}},
        {"thinking": "SECRET"},
        {"reasoning": "SECRET"},
        {"thought": "SECRET"},
        {"summary": [{"text": "SECRET"}]},
        {"reasoningContent": {"reasoningText": {"text": "SECRET"}}},
        {"thought": True, "text": "SECRET"},
        {"thought": "true", "text": "SECRET"},
        {"type": "text", "channel": "analysis", "text": "SECRET"},
        {"type": "text", "content": [{"type": "reasoning", "text": "SECRET"}]},
        {"content": {"thinking": "SECRET"}},
    ],
)
def test_a_part_of_thoughts_is_told_by_its_type_or_its_key(part):
    """In any case, one level deeper too; and the text beside it is the reply."""
    for content in (
        [part, {"type": "text", "text": REPLY}],
        [part, {"text": REPLY}],
        [{"type": "message", "content": [part, {"type": "output_text", "text": REPLY}]}],
    ):
        sent = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
        reading = read_response(200, orjson.dumps(sent))
        assert (reading.text, reading.reasoning, reading.status) == (REPLY, "SECRET", Status.OK)


PIECES = st.sampled_from(
    [*(mark for pair in PAIRS for mark in pair), "Hi. ", "\n", "`", "```", '"']
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=12).map("".join))
def test_nothing_is_made_up_and_nothing_without_marks_is_touched(text):
    """Every word of both halves stands in the text, and splitting a reply again is done soon."""
    split = split_thoughts(text)
    assert split.found or (split.reply, split.reasoning) == (text, "")
    assert len(split.reply) <= len(text)
    assert set(split.reply.split("\n")[-1]) <= set(text)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(TAGS), st.text(st.characters(exclude_characters="<>[]◁▷`|&"), max_size=40))
def test_a_block_at_the_start_never_reaches_the_reply(pair, thought):
    """Whatever is thought."""
    opening, closing = pair
    secret = f"I pick warm. {thought}\n"
    assert "I pick warm" not in split_reasoning(f"{opening}{secret}{closing}{REPLY}")[0]


@pytest.mark.parametrize(
    "text",
    [
        "Thinking...\n" + "\n" * 60_000 + "x",
        "analysis A" + "assistantcommentary" * 3_000,
        "analysis " + "assistant commentary" * 3_000,
        "<analysis>" * 6_000,
        "<analysis>a</analysis>" * 3_000,
        "<details><summary>Thinking</summary>" * 2_000,
        "<think " * 9_000,
        "<think " + "=" * 60_000,
        "< " * 30_000 + "think",
        "**" * 30_000 + "<think>",
        "Hm.\n\n" + "    <think> is\n" * 4_000,
        "Hm.\n\n" + "\n    \t" * 10_000 + "<think>",
        "1. <think> is\n" * 4_000,
        "A. <think>a</think>" * 3_000,
        " " * 60_000 + "<think>",
        "Thinking: " * 6_000 + "<think>",
        "<s>" * 20_000,
        "<s>" * 20_000 + "</s>" * 20_000,
        "<|im_end|>" * 6_000,
        "<|begin_of_box|>" * 3_000 + "<|end_of_box|>" * 3_000,
    ],
)
def test_sixty_thousand_characters_of_anything_come_to_an_end(text):
    """Nothing is searched twice over: the CPU time stays far below what a second search costs."""
    import time

    start = time.process_time()
    split = split_thoughts(text)
    assert len(strip_tokens(split.reply)) <= len(text)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "mark",
    [
        "<think>",
        "<think></think>",
        "</think>",
        "a<think>",
        "`<think>`",
        "<|channel|>final<|message|>",
    ],
)
def test_thousands_of_marks_are_read_in_no_time(mark):
    """A model may repeat itself up to its limit; the time is that of the text's length."""
    import time

    start = time.process_time()
    split_thoughts(mark * 20_000)
    assert time.process_time() - start < 5


# -- control tokens ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [
        *(
            "<|im_end|>",
            "</s>",
            "<|eot_id|>",
            "<|end|>",
            "<end_of_turn>",
            "<|endoftext|>",
            "<turn|>",
        ),
        *(
            "<|return|>",
            "<eos>",
            "<|END_OF_TURN_TOKEN|>",
            "<｜end▁of▁sentence｜>",
            "<|end_of_text|>",
        ),
    ],
)
def test_control_tokens_at_a_replys_end_are_no_part_of_it(token):
    """One or several, and a reply of nothing else is empty."""
    assert strip_tokens(f"Dear guest.{token}") == "Dear guest."
    assert strip_tokens(f"Dear guest.\n{token}\n{token}\n") == "Dear guest."
    assert strip_tokens(token) == ""
    assert strip_tokens(f"It ends with `{token}`") == f"It ends with `{token}`"
    assert strip_tokens(f"{token} is a token.") == f"{token} is a token."
    sent = {"choices": [{"message": {"content": token}, "finish_reason": "stop"}]}
    assert read_response(200, orjson.dumps(sent)).status is Status.EMPTY


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<|begin_of_box|>Hi.<|end_of_box|>", "Hi."),
        ("It is <|begin_of_box|>warm<|end_of_box|>", "It is warm"),
        ("<|START_RESPONSE|>Hi.<|END_RESPONSE|>", "Hi."),
        ("<|begin_of_solution|>\nHi.\n<|end_of_solution|>", "Hi."),
        ("<s>Hi.", "Hi."),
        ("<s>Hi.</s>", "Hi."),
        ("Old <s>words</s>", "Old <s>words</s>"),
        ("  Hi. \n", "  Hi. \n"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_what_a_server_puts_around_a_reply_is_taken_off(text, stripped):
    """Boxes and response tokens; strike-through and blanks stay."""
    assert strip_tokens(text) == stripped
