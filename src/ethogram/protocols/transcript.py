"""A conversation as a judge reads it: who said what, up to the message that was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def transcript(turns: Sequence[dict[str, Any]], prompt: str) -> str:
    """Return a prompt with what was said before it; the prompt alone where nothing was."""
    if not turns:
        return prompt
    said = [f"[{turn['role']}] {turn['content']}" for turn in turns]
    return "\n\n".join([*said, f"[user] {prompt}"])
