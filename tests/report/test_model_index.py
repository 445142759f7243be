"""The Markdown summary opens with metadata of a model card."""

from __future__ import annotations

import json
import re

import numpy as np
from tests.planted.simulated_store import fill_store

from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.report.content import build_report
from ethogram.report.model_index import front_matter
from ethogram.report.summary import ENDS, render_markdown

HOSTILE = 'a: "b" # c'


def _profile(n_traits, *, model="m", judge="", strength=0.4):
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(n_traits, 1)
    first, second = np.tile(first, 6), np.tile(second, 6)
    won = rng.random(len(first)) < 1 / (1 + np.exp(-strength * (first - second) / n_traits))
    names = [f"t{i}" for i in range(n_traits)]
    return rate(compare(names, first, second, won.astype(float), model=model, judge=judge))


def _head(text):
    """Return the metadata's lines."""
    assert text.startswith("---\n")
    return text.split("\n---\n", 1)[0].splitlines()[1:]


def test_the_summary_opens_with_the_ends_of_the_profile():
    """As many traits of each end as in the table, with the table's ratings."""
    profile = _profile(2 * ENDS + 5)
    lines = _head(render_markdown(build_report([profile], title="t"), "t.html"))
    values = [float(line.split(": ")[1]) for line in lines if line.strip().startswith("value")]
    ratings = profile.frame()["rating"].to_list()
    assert values == [round(r, 1) for r in [*ratings[:ENDS], *ratings[-ENDS:]]]


def test_texts_cannot_leave_their_place():
    """A name with YAML's own signs stays one quoted scalar."""
    profile = _profile(4, model=HOSTILE)
    lines = _head(front_matter([profile], ["x"], HOSTILE, ends=2) + "\n")
    named = [line for line in lines if HOSTILE.split(":", maxsplit=1)[0] + ":" in line]
    assert len(named) == 2  # the model and the study
    for line in named:
        assert json.loads(re.split(r"name: ", line)[1]) == HOSTILE


def test_two_judges_of_one_model_are_two_results_of_one_entry():
    """The metadata names each model once, with a configuration per judge."""
    profiles = [_profile(4, judge=judge) for judge in ("one", "two")]
    text = "\n".join(_head(front_matter(profiles, ["m, one", "m, two"], "t", ends=2) + "\n"))
    assert text.count('- name: "m"\n  results:') == 1
    assert re.findall(r'config: "(\w+), feels"', text) == ["one", "two"]


def test_without_a_profile_there_is_no_metadata():
    """A report of nothing rated opens with its title."""
    assert front_matter([], [], "t", ends=2) == ""
    assert render_markdown(build_report([], title="t"), "t.html").startswith("## t")


def test_the_written_summary_is_replaced_like_any_other(tmp_path, store_path, ethogram):
    """A report is written twice over its own files, metadata included."""
    fill_store(store_path, traits=("warm", "blunt", "formal", "bold"))
    for _ in range(2):
        code, _, said = ethogram("report", store_path, "-o", tmp_path / "r.html")
        assert code == 0, said
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith("---\nmodel-index:\n")
