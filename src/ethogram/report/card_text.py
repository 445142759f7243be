"""Texts in the metadata of a card: YAML that any reader takes."""

from __future__ import annotations

import re

import orjson

_NOT_IN_YAML = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
"""What JSON leaves as it is and YAML has only as an escape (YAML 1.2.2, 5.1)."""


def yaml_text(text: str) -> str:
    """Return a text on one line as a scalar in quotes: JSON, which YAML includes."""
    quoted = orjson.dumps(" ".join(text.split())).decode()
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
