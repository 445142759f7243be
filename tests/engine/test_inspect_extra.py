"""`service = "inspect"` without Inspect: one line; and prices that nobody may take for nothing."""

from __future__ import annotations

import sys

import pytest

from ethogram.engine.prices import find_price
from ethogram.engine.settings import ModelTable

STUDY = """
[study]
name = "x"
traits = "quickstart"
[models.sonnet]
service = "inspect"
model = "bedrock/sonnet"
[judges.sonnet]
service = "inspect"
model = "bedrock/sonnet"
"""


def test_without_its_extra_a_run_says_how_to_get_it(tmp_path, ethogram, monkeypatch):
    """Nothing is asked; a line names the model, the service and the extra, with exit code 2."""
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.model", None)
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    code, _, said = ethogram("run", "s.toml")
    assert code == 2
    assert 'sonnet: service = "inspect" needs inspect-ai' in said
    assert "pip install ethogram[inspect]" in said


@pytest.mark.parametrize("prices", [None, {"input": 1.0, "output": 2.0}])
def test_its_price_is_unknown_unless_it_is_given(prices):
    """A provider of Inspect's is not free because it has no address."""
    table = ModelTable(service="inspect", model="bedrock/sonnet", prices=prices)
    found = find_price(table)
    assert (found and (found.input, found.output)) == (prices and (1.0, 2.0))
