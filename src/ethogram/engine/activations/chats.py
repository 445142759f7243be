"""Messages as the tokens that a model is given, by its own chat template."""

from __future__ import annotations

from typing import Any

from ethogram.engine.requests import Messages
from ethogram.errors import InputError

THINK, THOUGHT = "<think>", "</think>"
PLAIN = "{role}: {content}\n\n"
"""For models without a chat template."""


def prompt_tokens(tokenizer: Any, messages: Messages) -> list[int]:
    """Return the tokens up to where the reply begins."""
    text = render(tokenizer, messages)
    ids: list[int] = tokenizer(text, add_special_tokens=not _has_template(tokenizer))["input_ids"]
    return ids


def reply_tokens(tokenizer: Any, reply: str) -> list[int]:
    """Return the tokens of a reply: tokenised apart, as a model that writes it goes on."""
    ids: list[int] = tokenizer(reply, add_special_tokens=False)["input_ids"]
    return ids


def render(tokenizer: Any, messages: Messages) -> str:
    """Return messages as one text, with the opening of a reply at the end.

    Raises
    ------
    InputError
        The model's chat template does not take them.
    """
    asked = [{"role": m["role"], "content": m["content"]} for m in messages]
    if not _has_template(tokenizer):
        return "".join(PLAIN.format(**m) for m in asked) + "assistant:"
    try:
        return _fill(tokenizer, asked)
    except Exception:  # templates that take no system text raise what they like
        asked = _without_system(asked)
    try:
        return _fill(tokenizer, asked)
    except Exception as error:
        roles = ", ".join(m["role"] for m in asked)
        raise InputError(
            f"the chat template takes no such conversation ({roles}): {error}"
        ) from error


def _fill(tokenizer: Any, asked: list[dict[str, Any]]) -> str:
    """Fill the chat template; of a model that thinks first, its thoughts are over."""
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    text: str = tokenizer.apply_chat_template(asked, **options)
    return f"{text.rstrip()}\n\n{THOUGHT}\n\n" if text.rstrip().endswith(THINK) else text


def _without_system(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put a system text before the first message of the user."""
    told = "\n\n".join(m["content"] for m in asked if m["role"] == "system")
    rest = [dict(m) for m in asked if m["role"] != "system"]
    first = next((m for m in rest if m["role"] == "user"), None)
    if told and first is not None:
        first["content"] = f"{told}\n\n{first['content']}"
    return rest


def _has_template(tokenizer: Any) -> bool:
    return getattr(tokenizer, "chat_template", None) is not None
