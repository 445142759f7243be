"""Bad input of every kind: a result or a named error, never another exception and never a hang.

`fuzz/inputs.py` holds what is called; `make fuzz` drives the same functions by coverage.
"""

from __future__ import annotations

import orjson
import pytest
from fuzz import inputs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ethogram.engine.reading import read_response
from ethogram.engine.requests import Reading, Status

FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,  # the suite gives the same answer twice; `make fuzz` is the one that seeks
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = st.sampled_from(
    ["warm", "blunt", "Warm", "both", "neither", "<answer>", "</answer>", "<think>", "</think>"]
)
TEXT = st.one_of(st.text(max_size=60), st.lists(st.one_of(WORDS, st.text(max_size=5))).map("".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def mostly(known, other=JSON):
    """Draw what is expected more often than anything else."""
    return st.one_of(known, known, known, other)


MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "content": mostly(TEXT),
        "reasoning": mostly(TEXT),
        "refusal": mostly(st.none()),
    },
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "message": mostly(MESSAGE),
        "text": mostly(TEXT),
        "finish_reason": mostly(st.sampled_from(["stop", "length", "content_filter", "error"])),
        "logprobs": JSON,
        "error": JSON,
    },
)
RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "choices": mostly(st.lists(mostly(CHOICE), max_size=2)),
        "usage": mostly(
            st.dictionaries(
                st.sampled_from(
                    ["prompt_tokens", "completion_tokens", "cost", "completion_tokens_details"]
                ),
                JSON,
            )
        ),
        "error": JSON,
        "model": JSON,
        "provider": JSON,
    },
)


def as_json(value):
    """Return JSON as a careless service sends it: what JSON cannot hold becomes null."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"null"


# -- responses and verdicts -------------------------------------------------------------------


@FUZZ
@given(st.one_of(RESPONSE.map(as_json), JSON.map(as_json), st.binary(max_size=200)))
@example(b'{"choices":[{"message":{"content":"\\ud800"}}]}')
@example(b"[" * 100_000)
def test_any_response_is_read(body):
    """Whatever a service sends has one status, and every loss a reason."""
    for http in (200, 500):
        found = inputs.response(body, http)
        assert isinstance(found, Reading)
        assert found.status in Status
        assert found.reason or found.status is Status.OK
        assert bool(found.text.strip()) or found.status not in ("ok", "truncated")
        found.text.encode()  # it can be stored


@FUZZ
@given(RESPONSE.map(as_json), st.floats(0, 1), st.integers(0, 3))
def test_any_part_of_a_response_is_read(body, share, swap):
    """A body cut anywhere, or with a few bytes changed, is read or `malformed`."""
    cut = body[: int(len(body) * share)]
    assert read_response(200, cut).status is Status.MALFORMED or not cut or cut == body
    inputs.response(body.replace(b'"', b"'", swap), 200)


@FUZZ
@given(TEXT, st.sampled_from([("warm", "blunt"), ("a", "A1"), ("self-aware", "down-to-earth")]))
@example("<answer>" * 100_000, ("warm", "blunt"))
@example("</answer>" + "<answer>" * 100_000, ("warm", "blunt"))
@example("<answer>" + "\N{COMBINING ACUTE ACCENT}" * 10_000 + "</answer>", ("warm", "blunt"))
def test_any_judges_text_is_read(text, traits):
    """One of the two traits, a tie, or nothing with the reason; never two of these."""
    for ties in (False, True):
        found = inputs.verdict(text, *traits, ties=ties)
        assert (found.winner is not None) + found.tie + bool(found.reason) == 1
        assert found.winner in (None, *traits)
        assert ties or not found.tie
        if found.winner:
            assert found.winner.casefold() in text.casefold()


@FUZZ
@given(TEXT, TEXT)
def test_a_fence_is_in_no_text_that_it_fences(prompt, reply):
    """And the judge's question holds the reply as it is."""
    inputs.question(prompt, reply)


@FUZZ
@given(JSON)
def test_any_log_probabilities_are_read(value):
    """A probability from 0 to 1, or none."""
    inputs.probabilities(value)


# -- files ------------------------------------------------------------------------------------

SOME_KEYS = """
name seed traits pairs orders repeats model service base_url temperature prices extra_body stop
max_tokens language min_chars near_duplicates feels judge int path
"""
KEYS = st.sampled_from(SOME_KEYS.split())
TABLES = st.sampled_from(
    ["study", "models", "models.a", "judges.b", "prompts", "templates", "models.int", "x", "text"]
)
VALUES = st.one_of(
    st.sampled_from(["1", "-1", "nan", "inf", "1e400", "true", '"x"', "[]", "{}", "{ a = 1 }"]),
    st.sampled_from(["[1, 'x']", "2026-01-01", "07:32:00", "99999999999999999999", '"openrouter"']),
    st.text(max_size=10),
)
LINES = st.one_of(
    TABLES.map("[{}]".format),
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.text(max_size=10),
)


@FUZZ
@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_study_file_is_read_or_refused_in_one_line(text):
    """A study, or a StudyError; never another exception."""
    inputs.study(text)


@FUZZ
@given(st.lists(LINES, max_size=6).map("\n".join))
def test_any_change_to_a_good_study_file_is_read_or_refused(text):
    """More lines after a good study: read, or refused by name; what is read can be planned."""
    inputs.study(f"{inputs.GOOD_STUDY}\n{text}")


CELLS = st.one_of(
    st.sampled_from(["model", "trait_1", "trait_2", "winner", "tie", "warm", "blunt", "trait"]),
    st.sampled_from(["prompt", "id", "language", "description", '"', "''", "", " ", "\r", "#"]),
    st.text(max_size=6),
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=6).map(",".join), max_size=8).map("\n".join)
FILES = st.one_of(
    ROWS,
    ROWS.map(lambda rows: f"model,trait_1,trait_2,winner\n{rows}"),
    ROWS.map(lambda rows: f"trait,description\n{rows}"),
    ROWS.map(lambda rows: f"prompt,id,language\n{rows}"),
    st.lists(st.dictionaries(CELLS, JSON, max_size=3).map(as_json), max_size=4).map(
        lambda lines: b"\n".join(lines).decode()
    ),
).map(lambda text: text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
@FUZZ
@given(data=st.one_of(FILES, st.binary(max_size=80)))
def test_any_trait_file_is_read_or_refused(tmp_path, suffix, data):
    """At least two distinct traits, or a named error."""
    inputs.trait_file(tmp_path / f"any{suffix}", data)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@FUZZ
@given(data=st.one_of(FILES, st.binary(max_size=80)))
def test_any_prompt_file_is_read_or_refused(tmp_path, suffix, data):
    """Prompts with text, or a named error."""
    inputs.prompt_file(tmp_path / f"any{suffix}", data)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@FUZZ
@given(data=st.one_of(FILES, st.binary(max_size=80)))
def test_any_comparison_file_is_read_or_refused(tmp_path, suffix, data):
    """Comparisons, none of them lost, or a named error."""
    inputs.comparison_file(tmp_path / f"any{suffix}", data)
