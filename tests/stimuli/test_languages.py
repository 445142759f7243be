"""Language names and codes."""

import pytest

from ethogram.stimuli.languages import language_code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("English", "en"),
        ("chinese", "zh"),
        ("EN", "en"),
        ("pt-BR", "pt"),
        ("zh_Hant", "zh"),
        ("Xhosa", "xh"),
        ("Nolang", "nolang"),
        ("", ""),
    ],
)
def test_names_and_tags_become_codes(given, code):
    """A known name or tag becomes its code; anything else stays, in lower case."""
    assert language_code(given) == code
