"""A gate's verdicts as JUnit XML, Markdown and JSON: whole, and safe with names of any kind."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from xml.etree import ElementTree as xml

import numpy as np
import pytest
from markdown_it import MarkdownIt
from tests.ratings.test_shifts import answers

from ethogram.ratings.differences import find_difference
from ethogram.ratings.gate_forms import (
    MOST_LISTED,
    difference_json,
    difference_markdown,
    escape,
    intervals_words,
    junit_xml,
    movement_words,
)
from ethogram.ratings.gate_runs import read_rows, row_plain
from ethogram.ratings.gates import Bound, Gate, Kind, Verdict

NAMES = (
    "warm",
    "a|b",
    "<script>alert(1)</script>",
    'say "hi" & <b>',
    "[link](http://127.0.0.1)",
    "@everyone #12",
    "`code` *bold* _it_",
    "-- > ]]> -->",
    "\u6e29\u304b\u3044",
    "\u0634\u062c\u0627\u0639",
    "a\\|b",
    "\U0001f600",
)


def sides(traits=NAMES, *, moved=2.5, seed=1):
    """Two models, between which the first trait rose and the second fell."""
    rng, k = np.random.default_rng(seed), len(traits)
    strengths, move = rng.normal(0, 0.5, k), np.zeros(k)
    move[:2] = moved, -moved
    both = (answers(rng, s, n_prompts=10**6, times=20) for s in (strengths, strengths + move))
    return [dataclasses.replace(c, traits=tuple(traits), model="m<1>|") for c in both]


def compared(*, traits=NAMES, gate=None, moved=2.5):
    """Their difference."""
    return find_difference(*sides(traits, moved=moved), gate=gate)


@pytest.fixture(scope="module")
def judged():
    """A gate with every verdict, on traits of all those names."""
    rises = (Bound(NAMES[0], Kind.RISES_AT_MOST, 50), Bound(NAMES[1], Kind.MUST_FALL))
    found = compared(gate=Gate(rises, others=40.0, name='rel<ease> & "co" | x'))
    assert {row.verdict for row in found.rows} == set(Verdict)
    return found


def test_junit_has_a_case_per_bound_with_its_verdict(judged):
    """Failed is a failure, undecided is skipped, passed is bare; the counts are theirs."""
    root = xml.fromstring(junit_xml(judged))
    assert root.tag == "testsuites"
    (suite,) = root
    cases = suite.findall("testcase")
    assert len(cases) == len(judged.rows)
    for case, row in zip(cases, judged.rows, strict=True):
        assert case.get("name") == f"{row.trait} {row.bound.words}"
        kinds = {Verdict.FAIL: ["failure"], Verdict.UNDECIDED: ["skipped"], Verdict.PASS: []}
        assert [child.tag for child in case] == kinds[row.verdict]
        for child in case:
            assert row.interval.words in child.get("message")
    for node in (root, suite):
        counted = {key: int(node.get(key)) for key in ("tests", "failures", "errors", "skipped")}
        assert counted == {
            "tests": len(cases),
            "failures": len(suite.findall("testcase/failure")),
            "errors": 0,
            "skipped": len(suite.findall("testcase/skipped")),
        }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))


def test_junit_holds_no_character_that_xml_cannot(judged):
    """Such characters are no part of names, but a sentence may hold what a file had."""
    odd = dataclasses.replace(judged, notes=("a \x0b \ufffe \ud800 b",))
    text = xml.fromstring(junit_xml(odd)).find("testsuite/system-out").text
    assert "a \ufffd \ufffd \ufffd b" in text


def rendered(text):
    """Return a comment as HTML, tables included, raw HTML let through as a host would see it."""
    return MarkdownIt("commonmark").enable("table").render(text)


def cells(page):
    """Return the table's body as rows of plain texts."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    return [
        [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in rows
    ]


def test_markdown_shows_names_as_they_are(judged):
    """One cell each: no tag, link, mention or second column comes of a name."""
    text = difference_markdown(judged)
    page = rendered(text)
    rows = cells(page)
    assert sorted(row[1] for row in rows) == sorted(NAMES)
    assert {len(row) for row in rows} == {6}
    assert "<script" not in page
    assert "<a " not in page
    assert "<code>" not in page
    assert "@everyone" not in text
    assert text.startswith("**FAIL: gate rel")


def test_markdown_says_the_verdict_first_and_worst_rows_first(judged):
    """As many of each as there are."""
    rows = cells(rendered(difference_markdown(judged)))
    said = [re.sub("<.*?>", "", row[0]) for row in rows]
    order = ["fail", "undecided", "pass"]
    assert said == sorted(said, key=order.index)
    assert set(said) == set(order)


def test_a_long_comment_counts_what_it_leaves_out():
    """A comment of thousands of rows is refused by hosts, and read by nobody."""
    many = compared(traits=[f"t{i}" for i in range(60)], gate=Gate((), others=3000.0), moved=0.5)
    text = difference_markdown(many)
    assert len(cells(rendered(text))) == MOST_LISTED
    assert f"And {60 - MOST_LISTED} more (passed)." in text


def test_sentences_fit_their_numbers():
    """One, two, all or none of the others."""
    assert "all 12 intervals hold at once (99.5833% each" in intervals_words(compared())
    for asked, moved, interval in (
        (NAMES[:1], "1 of 1 trait moved (1 risen, 0 fallen).", "the interval holds."),
        (
            NAMES[:2],
            "2 of 2 traits moved (1 risen, 1 fallen).",
            "both intervals hold at once (97.5%",
        ),
    ):
        found = find_difference(*sides(), traits=asked)
        assert movement_words(found) == moved
        assert interval in intervals_words(found)


def test_without_a_gate_the_comment_lists_what_moved():
    """And says how many did not."""
    found = compared()
    rows = cells(rendered(difference_markdown(found)))
    assert [row[0] for row in rows] == [row.trait for row in found.moved]
    assert {NAMES[0], NAMES[1]} <= {row[0] for row in rows}


@pytest.mark.parametrize("name", NAMES)
def test_an_escaped_name_is_the_name(name):
    """What a host shows is what the study called it."""
    assert html.unescape(re.sub("</?p>", "", rendered(escape(name))).strip()) == name


def test_json_is_plain_and_its_rows_come_back(judged):
    """What is kept in a store is read back as it was."""
    value = json.loads(json.dumps(difference_json(judged)))
    assert value["verdict"] == "fail"
    assert read_rows(value["rows"]) == judged.rows
    assert row_plain(judged.rows[0])["further_comparisons"] == 0
