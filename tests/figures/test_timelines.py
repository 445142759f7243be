"""Figures over time: a gate's runs and drift, what they draw, say and leave out."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import vl_convert
from tests.ratings.test_differences import two

from ethogram.figures.theme import COLUMN
from ethogram.figures.timelines import MOST_BOUNDS, MOST_RUNS, drift_lines, gate_history
from ethogram.ratings.differences import find_difference
from ethogram.ratings.drifts import Drift, spend
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import Bound, Interval, Kind, Row, Verdict

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED


def run(day, verdict=PASS, bounds=2, gate="release"):
    """A run of a gate on some day, whose last bound has its verdict."""
    rows = tuple(
        Row(
            f"trait {i}",
            Interval(10.0 * i, 10.0 * i - 40, 10.0 * i + 40, 0),
            Bound(f"trait {i}", Kind.MOVES_AT_MOST, 100.0),
            verdict if i == bounds - 1 else PASS,
        )
        for i in range(bounds)
    )
    time = 1.8e9 + 86_400 * day
    return GateRun(
        time, gate, "sha256:1", "old in a.db", f"new {day}", "owl", "feels", verdict, rows
    )


def drawn(figure):
    """Return a figure's rows of data and its picture."""
    spec = figure.titled().to_dict()
    svg = vl_convert.vegalite_to_svg(spec)
    width = float(re.search(r'<svg[^>]* width="([\d.]+)"', svg)[1])
    assert width < 1.041 * COLUMN  # as test_legibility allows for labels at an edge
    return [row for rows in spec["datasets"].values() for row in rows], svg


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("runs", [1, 2, 3])
def test_a_gate_is_drawn_from_its_first_run_on(runs, theme):
    """A sign per run, and an interval per run and bound; the words of each bound are there."""
    verdicts = (PASS, UNDECIDED, FAIL)[:runs]
    history = [run(day, verdict) for day, verdict in enumerate(verdicts)]
    rows, svg = drawn(gate_history(history, theme=theme))
    assert [row["verdict"] for row in rows if "verdict" in row] == list(map(str, verdicts))
    assert sum("low" in row for row in rows) == 2 * runs
    assert "trait 1 may move at most 100" in svg
    assert all(word in svg for word in ("pass", "undecided", "fail"))


def test_only_the_gate_that_ran_last_is_drawn():
    """Gates of different names are different questions."""
    figure = gate_history([run(0, gate="other"), run(1), run(2)])
    assert "2 runs" in figure.caption
    assert "new 2 against old in a.db" in figure.caption


def test_failed_bounds_are_drawn_before_others_are_left_out():
    """And what is left out is counted."""
    history = [run(day, FAIL, bounds=30) for day in range(MOST_RUNS + 5)]
    figure = gate_history(history)
    rows, _ = drawn(figure)
    titles = json.dumps(figure.spec(), ensure_ascii=False)
    assert "trait 29 may move at most 100" in titles
    assert f"{30 - MOST_BOUNDS} more bounds" in figure.caption
    assert "5 earlier runs" in figure.caption
    assert sum("verdict" in row for row in rows) == MOST_RUNS


def test_a_bound_that_a_gate_asked_only_later_has_a_gap():
    """A changed bound is another bound."""
    rows, _ = drawn(gate_history([run(0, bounds=1), run(1, bounds=2)]))
    assert sum("low" in row for row in rows) == 3


def drift(traits=()):
    """Two releases, the second of which moved one trait."""
    moved = np.zeros(12)
    moved[4] = 3.0
    one, other = two(moved=moved)
    found = tuple(
        find_difference(one, c, joint=1 - spend(0.05, n)) for n, c in ((1, one), (2, other))
    )
    return Drift("v1 <b>'\"", found, traits, 0.95)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drift_is_drawn_from_the_release_before_all(theme):
    """The named traits: zero at first, then a shift with its interval for each release."""
    figure = drift_lines(drift(("trait 4", "trait 1")), theme=theme)
    rows, svg = drawn(figure)
    values = [row for row in rows if "low" in row]
    assert len(values) == 6
    assert [row["value"] for row in values if row["place"] == 0] == [0, 0]
    assert {row["side"] for row in values if row["place"] == 2} == {"above", "unclear"}
    assert "trait 4" in svg
    assert "95%" in figure.caption


def test_without_names_the_traits_furthest_from_before_are_drawn():
    """And the caption says that they were chosen so."""
    figure = drift_lines(drift())
    assert "The 8 traits furthest" in figure.caption
    assert "trait 4" in json.dumps(figure.spec())
