"""What is fuzzed: each function takes anything, and fails on all but a result or a named error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ethogram.engine.reading import read_response
from ethogram.engine.requests import Reading
from ethogram.errors import EthogramError, InputError
from ethogram.protocols.judge import Verdict, fence, judge_messages, parse_verdict
from ethogram.protocols.probability import chat_probability, completion_choice
from ethogram.protocols.templates import Templates
from ethogram.ratings.comparison_files import read_table
from ethogram.ratings.results import rate_all
from ethogram.run.prepare import prepare
from ethogram.stimuli.prompts import load_prompts
from ethogram.stimuli.traits import load_traits
from ethogram.study import parse_study

GOOD_STUDY = """
[study]
name = "good"
traits = "quickstart"
[models.a]
service = "vllm"
model = "a"
[judges.b]
service = "vllm"
model = "b"
"""
LARGE = 10_000  # trials; a study of more is not laid out here
MOST_LINES = 100  # of an error: a file of rows names the first few, a study file its every key


def check_message(error: EthogramError) -> None:
    """An error's text is there, one line per problem, and not endless."""
    lines = str(error).split("\n")
    clear = all(0 < len(line.strip()) <= 2000 for line in lines)
    if len(lines) != len(error.lines) or len(lines) > MOST_LINES or not clear:
        raise AssertionError(f"not one clear line per problem: {lines!r}") from error


def response(body: bytes, http: int = 200) -> Reading:
    """Read a service's response."""
    return read_response(http, body)


def verdict(text: str, first: str, second: str, *, ties: bool = False) -> Verdict:
    """Read a judge's text."""
    return parse_verdict(text, first, second, ties=ties)


def question(prompt: str, reply: str) -> None:
    """Put a reply before the judge; it stays inside its fence."""
    mark = fence(prompt, reply)
    asked = judge_messages(Templates(), prompt, reply, "warm", "blunt")[-1]["content"]
    if mark in reply or mark in prompt or f"\n{reply}\n{mark}" not in asked:
        raise AssertionError(f"{reply!r} is not fenced by {mark}")


def probabilities(value: Any) -> None:
    """Read a judge's log-probabilities, whatever their shape."""
    for found in (
        chat_probability(value, "warm", "blunt"),
        completion_choice(value, value, "warm", "blunt"),
    ):
        if found is not None and not 0 <= found <= 1:
            raise AssertionError(f"{value!r} gives a probability of {found}")


def study(text: str) -> None:
    """Read a study file, and lay out what it asks for if that is no more than a test can hold."""
    try:
        made = parse_study(text)
        table = made.study
        plain = table.prompts == "bundled" and "/" not in table.traits
        if plain and table.repeats <= 2 and (table.max_trials or 0) <= LARGE:
            prepare(made)
    except EthogramError as error:
        check_message(error)


def trait_file(path: Path, data: bytes) -> None:
    """Read a file of traits."""
    path.write_bytes(data)
    try:
        found = load_traits(path)
    except InputError as error:
        check_message(error)
    else:
        if len(set(found.names)) < 2:
            raise AssertionError(f"{data!r} gives {found.names}")


def prompt_file(path: Path, data: bytes) -> None:
    """Read a file of prompts."""
    path.write_bytes(data)
    try:
        found = load_prompts(str(path))
    except InputError as error:
        check_message(error)
    else:
        if not len(found) or not all(prompt.text.strip() for prompt in found.prompts):
            raise AssertionError(f"{data!r} gives prompts without text")
        for prompt in found.prompts:
            prompt.text.encode()  # it can be sent


def comparison_file(path: Path, data: bytes) -> None:
    """Read a file of comparisons, and rate what is in it."""
    path.write_bytes(data)
    try:
        found = read_table(path)
    except InputError as error:
        check_message(error)
    else:
        if not sum(len(comparisons) for comparisons in found):
            raise AssertionError(f"{data!r} gives no comparisons and no error")
        rate_all(found)
