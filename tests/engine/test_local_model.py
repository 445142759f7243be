"""The embedded model itself: three traits, both stages, no key and no network."""

from __future__ import annotations

from importlib import util

import pytest
from tests.planted.studies import rows, run_text

from ethogram.engine.local import local_file
from ethogram.engine.requests import USABLE
from ethogram.errors import EndpointError
from ethogram.store.read import count_stages, read_comparisons
from ethogram.store.store import Store

TEXT = """
[study]
name = "local"
traits = "traits.txt"
prompts = "prompts.csv"
[models.smollm2]
model = "local/smollm2"
temperature = 0.7
seed = 1
max_tokens = 16
concurrency = 2
[judges.smollm2]
model = "local/smollm2"
temperature = 0.1
seed = 1
max_tokens = 24
concurrency = 2
examples = true
grammar = true
"""


@pytest.fixture
def study(tmp_path):
    """A folder with three traits and three short prompts."""
    (tmp_path / "traits.txt").write_text("warm\nblunt\npoetic\n")
    (tmp_path / "prompts.csv").write_text(
        "prompt\nHow do I boil an egg?\nTell me about the sea.\nI am tired today.\n"
    )
    return tmp_path


def weights_or_skip():
    """Return the model's file, or skip with what is not installed."""
    if util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: pip install 'ethogram[local]'")
    try:
        return local_file("local/smollm2")
    except EndpointError as error:
        pytest.skip(str(error))


def test_the_local_model_answers_and_judges_a_small_study(study):
    """Three trials, elicited and judged by SmolLM2: all accounted for, and none asked again."""
    weights_or_skip()
    path = study / "local.db"
    run = run_text(TEXT, path, folder=study)
    assert run.stopped is None
    with Store.read(path) as opened:
        elicited, judged = count_stages(opened)
        (found,) = read_comparisons(opened)
    assert (elicited.planned, elicited.pending) == (3, 0)
    assert elicited.done == 3
    assert (judged.planned, judged.pending) == (3, 0)
    # The grammar allows nothing but one of the two words.
    assert (judged.done, len(found)) == (3, 3)
    kept = rows(path, "SELECT status, prompt_tokens, completion_tokens, cost FROM attempt")
    for status, asked, said, cost in kept:
        assert status in USABLE
        assert asked > 10
        assert 0 < said <= 24
        assert cost == 0.0
    assert run_text(TEXT, path, folder=study).calls == 0


@pytest.mark.parametrize("name", ["local/nowhere.gguf", "local/traits.txt"])
def test_a_file_that_is_no_model_is_refused_in_one_line(study, name):
    """A missing file, and a file that llama.cpp cannot load, are named."""
    weights_or_skip()
    with pytest.raises(EndpointError, match=name.removeprefix("local/")) as caught:
        run_text(TEXT.replace("local/smollm2", name), study / "local.db", folder=study)
    assert "\n" not in str(caught.value)
