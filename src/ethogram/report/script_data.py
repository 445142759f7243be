"""Data for the page's scripts, as JSON inside script elements: jinja2's `tojson` over orjson.

jinja2 escapes every character to which HTML gives a meaning, so that no text can end the element
it is in. orjson reads numpy arrays and writes NaN, which is no JSON, as null.
"""

from __future__ import annotations

from typing import Any

import orjson
from jinja2.utils import htmlsafe_json_dumps


def dump_json(value: Any) -> str:
    """Return a value as JSON that is also JavaScript: U+2028 and U+2029 end a line there."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


POLICIES: dict[str, Any] = {"json.dumps_function": dump_json, "json.dumps_kwargs": {}}
"""Of a jinja2 environment whose `tojson` is this."""


def size_in_page(value: Any) -> int:
    """Bytes of a value as `tojson` puts it into the page."""
    return len(htmlsafe_json_dumps(value, dumps=dump_json).encode())
