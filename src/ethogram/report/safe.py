"""JSON that can stand in an HTML page: no text in it can end the script element it is in."""

from __future__ import annotations

from typing import Any

import orjson

_ESCAPES = (
    (b"<", b"\\u003c"),  # </script>, <!--
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def embed(value: Any) -> bytes:
    """Return a value as JSON without a character that HTML gives a meaning."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    for sign, escape in _ESCAPES:
        text = text.replace(sign, escape)
    return text
