"""A difference in the forms that other programs read: JSON, JUnit XML, a pull request comment."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as xml

from ethogram.ratings.differences import Difference
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gate_runs import row_plain
from ethogram.ratings.gates import OVERALL, UNMOVED, Row, Verdict
from ethogram.ratings.numbers import count_words, say_number, say_p

MOST_LISTED = 40
"""Rows of a comment, beyond which rows that passed, and then others, are counted only."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = re.compile(r"""[!"#$&'()*+:<>@\[\\\]^_`{|}~-]""")


def interval_words(row: Row) -> str:
    """Both ends of a row's interval; a distance has no sign."""
    return row.interval.words if row.trait else row.interval.unsigned


def estimate_words(row: Row) -> str:
    """A row's estimate."""
    return say_number(row.interval.estimate, row.interval.digits, sign=bool(row.trait))


def further_words(row: Row) -> str:
    """What would settle a bound that is undecided; "" of others."""
    if row.verdict is not Verdict.UNDECIDED:
        return ""
    if row.further is None:
        return "cannot be settled: the estimate sits on the edge"
    return f"about {count_words(row.further, 'further comparison')} per side would settle it"


def intervals_words(found: Difference) -> str:
    """How the intervals were made to hold at once."""
    n = found.intervals
    every = "both" if n == 2 else f"all {n:,}"
    of = f"{every} intervals hold at once" if n > 1 else "the interval holds"
    each = f" ({percent(found.level)} each, Bonferroni)" if n > 1 else ""
    return f"With probability {percent(found.joint)} {of}{each}."


def overall_words(found: Difference) -> list[str]:
    """The test of any change, and the distance."""
    one = found.overall
    if one.p is None:
        test = one.reason
    else:
        by = "F" if one.freedom is not None else "chi-squared"
        p = f"= {say_p(one.p)}".replace("= <", "< ")
        test = f"Any change at all: p {p} ({by} test of all {one.traits_free + 1:,} shifts)."
    return [
        test,
        f"Distance, the root mean square shift net of noise: "
        f"{say_number(found.distance.estimate, found.distance.digits)} points "
        f"({percent(one.level)} interval {found.distance.unsigned}).",
    ]


def percent(share: float) -> str:
    """Write a probability near one, such as 95% or 99.9653%."""
    return f"{100 * share:.6g}%"


def verdict_words(found: Difference) -> str:
    """How many bounds failed, are undecided and passed."""
    count = Counter(row.verdict for row in found.rows)
    said = [f"{count[v]:,} {w}" for v, w in _COUNTED if count[v]]
    return f"{count_words(len(found.rows), 'bound')}: {', '.join(said)}."


_COUNTED = (
    (Verdict.FAIL, "failed"),
    (Verdict.UNDECIDED, "undecided"),
    (Verdict.PASS, "passed"),
)


def movement_words(found: Difference) -> str:
    """How many traits are shown to have moved."""
    risen = sum(row.interval.low > 0 for row in found.moved)
    fallen = len(found.moved) - risen
    left = len(found.rows) - len(found.moved)
    rest = f"; {'the other is' if left == 1 else 'the others are'} {UNMOVED}" if left else ""
    return (
        f"{len(found.moved):,} of {count_words(len(found.rows), 'trait')} moved "
        f"({risen:,} risen, {fallen:,} fallen){rest}."
    )


def worst_first(rows: tuple[Row, ...]) -> list[Row]:
    """Return what failed, then what is undecided, then what passed."""
    order = {verdict: i for i, (verdict, _) in enumerate(_COUNTED)}
    return sorted(rows, key=lambda row: order.get(row.verdict or Verdict.PASS, 0))


# -- JSON -----------------------------------------------------------------------------------


def difference_json(found: Difference) -> dict[str, Any]:
    """Return the JSON form of `ethogram diff`; shifts and distances in rating points."""
    whole = found.overall
    return {
        "before": found.before,
        "after": found.after,
        "judge": found.judge,
        "condition": found.condition,
        "verdict": None if found.verdict is None else str(found.verdict),
        "gate": None
        if found.gate is None
        else {"name": found.gate.name, "digest": found.gate.digest},
        "rows": [row_plain(row) for row in found.rows],
        "overall": {
            "statistic": whole.statistic,
            "traits_free": whole.traits_free,
            "freedom": whole.freedom,
            "p": whole.p,
            "reason": whole.reason,
            "distance": whole.distance,
            "distance_low": found.distance.low,
            "distance_high": found.distance.high,
            "level": whole.level,
        },
        "level": found.level,
        "joint_level": found.joint,
        "intervals": found.intervals,
        "paired": found.shift.paired,
        "n_shared": found.shift.n_shared,
        "corrected": found.corrected,
        "accepted": list(found.accepted),
        "notes": list(found.notes),
    }


def drift_json(found: Drift) -> dict[str, Any]:
    """Return the JSON form of `ethogram diff --since`."""
    return {
        "since": found.since,
        "joint_level": found.joint,
        "releases": [difference_json(one) for one in found.differences],
    }


# -- JUnit ----------------------------------------------------------------------------------


def junit_xml(found: Difference, *, seconds: float = 0.0) -> bytes:
    """Return a gate's verdicts as JUnit XML: a test case per bound.

    A bound that failed is a failure; one that is undecided is skipped, with what would settle it.
    """
    assert found.gate is not None  # only then are there bounds
    count = Counter(row.verdict for row in found.rows)
    numbers = {
        "tests": str(len(found.rows)),
        "failures": str(count[Verdict.FAIL]),
        "errors": "0",
        "skipped": str(count[Verdict.UNDECIDED]),
        "time": f"{seconds:.3f}",
    }
    root = xml.Element("testsuites", {"name": "ethogram", **numbers})
    when = datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    suite = xml.SubElement(
        root, "testsuite", {"name": _text(found.gate.name), **numbers, "timestamp": when}
    )
    for row in found.rows:
        _add_case(suite, row, found.gate.name)
    lines = [*_accepted(found), *overall_words(found), intervals_words(found), *found.notes]
    xml.SubElement(suite, "system-out").text = _text("\n".join([_who(found), *lines]))
    xml.indent(root)
    body: bytes = xml.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _add_case(suite: xml.Element, row: Row, gate: str) -> None:
    """Add the test case of a bound."""
    assert row.bound is not None  # a gate has one in each row
    case = xml.SubElement(
        suite,
        "testcase",
        {
            "classname": _text(f"ethogram.{gate}"),
            "name": _text(f"{row.trait or OVERALL} {row.bound.words}"),
            "time": "0",
        },
    )
    said = f"{estimate_words(row)} points ({interval_words(row)})"
    if row.verdict is Verdict.FAIL:
        failure = xml.SubElement(case, "failure", {"type": "fail", "message": _text(said)})
        failure.text = _text(f"{row.trait or OVERALL} {row.bound.words}, but moved by {said}")
    elif row.verdict is Verdict.UNDECIDED:
        more = further_words(row)
        xml.SubElement(case, "skipped", {"message": _text(f"undecided: {said}; {more}")})


def _text(text: str) -> str:
    """Return a text without the few characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _accepted(found: Difference) -> list[str]:
    return [f"Accepted although it differs: {said}." for said in found.accepted]


def _who(found: Difference) -> str:
    return f"{found.after or 'after'} against {found.before or 'before'}, in rating points"


# -- Markdown -------------------------------------------------------------------------------


def difference_markdown(found: Difference) -> str:
    """Return a difference as a short comment on a pull request: verdict first, then a table."""
    who = f"{escape(found.after or 'after')} against {escape(found.before or 'before')}"
    if found.gate is None:
        head = [f"**{movement_words(found)}** {who}, in rating points.", ""]
        rows, more = _listed([*found.moved])
        table = ["| trait | shift | interval |", "|---|--:|--:|"]
        table += [
            f"| {escape(r.trait)} | {estimate_words(r)} | {interval_words(r)} |" for r in rows
        ]
    else:
        head = [
            f"**{str(found.verdict).upper()}: gate {escape(found.gate.name)}.** "
            f"{verdict_words(found)} {who}, in rating points.",
            "",
        ]
        rows, more = _listed(worst_first(found.rows))
        table = ["| verdict | trait | asked | shift | interval | |", "|---|---|---|--:|--:|---|"]
        table += [_line(row) for row in rows]
    end = [*_accepted(found), *overall_words(found), intervals_words(found)]
    end += [" ".join(found.notes)]
    lines = [*head, *(table if rows else []), *([f"\n{more}"] if more else []), ""]
    return "\n".join([*lines, *(f"{escape_sentence(line)}  " for line in end), ""])


def _listed(rows: list[Row]) -> tuple[list[Row], str]:
    """Return as many rows as a comment can hold, and how many more there are."""
    left = len(rows) - MOST_LISTED
    if left <= 0:
        return rows, ""
    passed = sum(row.verdict is Verdict.PASS for row in rows[MOST_LISTED:])
    what = "passed" if passed == left else f"{passed:,} of them passed"
    return rows[:MOST_LISTED], f"And {left:,} more ({what})."


def _line(row: Row) -> str:
    asked = row.bound.words if row.bound else ""
    verdict = f"**{row.verdict}**" if row.verdict is not Verdict.PASS else str(row.verdict)
    cells = (
        verdict,
        escape(row.trait) if row.trait else "the whole profile",
        asked,
        estimate_words(row),
        interval_words(row),
        further_words(row),
    )
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Write a name so that Markdown and HTML show it as it is: no table, tag, link or mention."""
    return _MARKUP.sub(lambda sign: f"&#{ord(sign[0])};", text)


def escape_sentence(text: str) -> str:
    """Write a sentence that may hold names; its brackets, colons and hyphens are harmless."""
    return re.sub(r"[*<>@\[\]_`|~#&\\]", lambda sign: f"&#{ord(sign[0])};", text)
