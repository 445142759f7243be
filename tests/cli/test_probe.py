"""What `ethogram probe` takes, and what it says where it cannot begin."""

from __future__ import annotations

import importlib.util

import pytest
from tests.planted.probed_store import TRAITS, fill_probed_store
from tests.planted.studies import cli

from ethogram.cli.probing import parse_doses, parse_layers
from ethogram.errors import InputError


def test_layers_are_numbers_and_ranges():
    """Ranges and numbers, in any order, each layer once."""
    assert parse_layers("4-6,16, 5") == [4, 5, 6, 16]


@pytest.mark.parametrize("text", ["", "a", "6-4", "-1", "1-99999", "1,,2"])
def test_layers_that_cannot_be_read_are_named(text):
    """What is no list of layers is refused with an example, or with the piece."""
    with pytest.raises(InputError, match="--layers"):
        parse_layers(text)


def test_doses_take_either_minus():
    """The minus of a keyboard and the true one are the same."""
    assert parse_doses("-0.2,0.1") == parse_doses("\N{MINUS SIGN}0.2, 0.1") == (-0.2, 0.1)
    with pytest.raises(InputError, match="--doses"):
        parse_doses("much")


@pytest.fixture
def study(tmp_path):
    """Return a study file beside a store with planted replies."""
    fill_probed_store(tmp_path / "study.db")
    path = tmp_path / "study.toml"
    names = ", ".join(f'"{t}"' for t in TRAITS)
    tables = "".join(
        f'[{kind}]\nmodel = "x"\nbase_url = "http://127.0.0.1:9"\n'
        for kind in ("models.alpha", "judges.judge")
    )
    path.write_text(f'[study]\nname = "probed"\ntraits = [{names}]\n{tables}', "utf-8")
    return path


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="the extra probes is installed"
)
def test_without_the_extra_it_ends_with_one_line(study):
    """Exit code 2, and the command that installs what is missing."""
    done = cli("probe", study, "--model", "alpha", "--weights", study.parent, cwd=study.parent)
    assert done.returncode == 2
    assert done.stderr == (
        "ethogram: probes need torch and transformers: run `pip install 'ethogram[probes]'`\n"
    )


def test_a_model_that_is_not_there_is_guessed(study):
    """The nearest name is offered, before anything is loaded."""
    done = cli("probe", study, "--model", "alpa", cwd=study.parent)
    assert done.returncode == 2
    assert "did you mean 'alpha'" in done.stderr
