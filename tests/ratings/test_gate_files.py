"""Gate files: what they may hold, and the one line that each mistake gets."""

from __future__ import annotations

import pytest

from ethogram.errors import InputError
from ethogram.ratings.gate_files import load_gate, parse_gate, read_gate
from ethogram.ratings.gates import Bound, Kind

WHOLE = """
name = "release"
[traits.sycophantic]
rises_at_most = 50
[traits.warm]
must = "rise"
falls_at_most = 12.5
[others]
moves_at_most = 150
[overall]
distance_at_most = 60
"""


def test_a_whole_gate_is_read():
    """Every table and kind of bound, numbers as they stand."""
    gate = parse_gate(WHOLE)
    assert gate.name == "release"
    assert gate.others == 150
    assert set(gate.bounds) == {
        Bound("sycophantic", Kind.RISES_AT_MOST, 50),
        Bound("warm", Kind.MUST_RISE),
        Bound("warm", Kind.FALLS_AT_MOST, 12.5),
        Bound("", Kind.DISTANCE_AT_MOST, 60),
    }


def test_a_file_gives_its_name_and_any_change_another_digest(tmp_path):
    """The history tells one wording of a gate from another."""
    path = tmp_path / "shipping.toml"
    path.write_text("\ufeff[others]\nmoves_at_most = 150\n", encoding="utf-8")
    gate = load_gate(path)
    assert gate.name == "shipping"
    assert gate.digest != parse_gate("[others]\nmoves_at_most = 151\n").digest
    assert read_gate(gate) is gate


def test_names_of_any_script_and_spelling_are_traits():
    """In quotes where TOML wants them; in their one spelling."""
    gate = parse_gate(
        '[traits."cafe\u0301 | <b>"]\nmust = "rise"\n[traits."\u6e29\u304b\u3044"]\nmust = "fall"'
    )
    assert [bound.trait for bound in gate.bounds] == ["caf\u00e9 | <b>", "\u6e29\u304b\u3044"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "asks nothing, expected a table"),
        ("[traits.warm]", r"\[traits.warm\] asks nothing; allowed: rises_at_most"),
        ("[traits.warm]\nrises_at_mots = 3", "did you mean 'rises_at_most'"),
        ("[trait.warm]\nmust = 'rise'", "did you mean 'traits'"),
        ("[other]\nmoves_at_most = 3", "did you mean 'others'"),
        ("[overall]\ndistance = 3", "did you mean 'distance_at_most'"),
        ("[others]\nrises_at_most = 3", "needs the key 'moves_at_most'"),
        ('[traits.warm]\nrises_at_most = "50"', "= '50': expected a number of rating points"),
        ("[traits.warm]\nrises_at_most = true", "= True: expected a number of rating points"),
        ("[traits.warm]\nrises_at_most = [50]", "expected a number of rating points"),
        ("[traits.warm]\nrises_at_most = -3", "expected a number from 0"),
        ("[traits.warm]\nmoves_at_most = 0", "expected a number above 0"),
        ("[traits.warm]\nrises_at_most = nan", "expected a finite number"),
        ("[traits.warm]\nrises_at_most = 1e9", "expected at most 10000"),
        ('[traits.warm]\nmust = "rsie"', r"expected 'rise' or 'fall' \(did you mean 'rise'"),
        ("[traits.a.b]\nmust = 'rise'", "quote a name with a dot"),
        ("[traits]\nwarm = 50", r"warm = 50: expected a table \[traits.warm\]"),
        ("traits = 3", r"expected a table \[traits\]"),
        ('[traits.""]\nmust = "rise"', "empty name"),
        ("[traits.warm]\nmust = 'rise'\nfalls_at_least = 9", "'warm' must rise and must fall"),
        ('[traits."a\\u0007"]\nmust = "rise"', "gate"),
        ("[traits.caf\u00e9]\n[traits.'caf\u00e9']", "not valid TOML"),
        ('[traits."caf\u00e9"]\nmust="rise"\n[traits."cafe\u0301"]\nmust="rise"', "there 2 times"),
        ("name = 3\n[others]\nmoves_at_most = 3", "name = 3: expected a text"),
        ("x =", "not valid TOML"),
    ],
)
def test_a_gate_that_cannot_be_used_says_why(text, words):
    """A line that names the key, its value and what is allowed."""
    with pytest.raises(InputError, match=words):
        parse_gate(text)


def test_all_mistakes_are_said_at_once():
    """A line each."""
    with pytest.raises(InputError) as refused:
        parse_gate("[traits.a]\nmust = 3\n[traits.b]\nrise = 2\n[others]\nmoves_at_most = 'x'")
    assert len(refused.value.lines) == 3


def test_a_file_that_is_not_there_or_not_text_is_one_line(tmp_path):
    """Not a traceback."""
    with pytest.raises(InputError, match=r"none.toml: No such file"):
        load_gate(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load_gate(tmp_path / "bytes.toml")
