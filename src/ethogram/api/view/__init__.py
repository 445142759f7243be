"""`ethogram view`: stores in a browser, people's labels, and the same as a static site."""

from __future__ import annotations

from ethogram.api.view.bundle import write_bundle
from ethogram.api.view.server import serve_view

__all__ = ["serve_view", "write_bundle"]
