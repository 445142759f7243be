"""Messages as the tokens that a model is given, by its own chat template."""

from __future__ import annotations

from typing import Any

from ethogram.engine.requests import Messages

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
    """Return messages as one text, with the opening of a reply at the end."""
    asked = [{"role": m["role"], "content": m["content"]} for m in messages]
    if not _has_template(tokenizer):
        return "".join(PLAIN.format(**m) for m in asked) + "assistant:"
    try:
        text: str = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    except Exception:  # templates that take no system text raise what they like
        asked = _without_system(asked)
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    return text


def _without_system(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put a system text before the first message of the user."""
    told = "\n\n".join(m["content"] for m in asked if m["role"] == "system")
    rest = [dict(m) for m in asked if m["role"] != "system"]
    if told and rest:
        rest[0]["content"] = f"{told}\n\n{rest[0]['content']}"
    return rest


def _has_template(tokenizer: Any) -> bool:
    return getattr(tokenizer, "chat_template", None) is not None
