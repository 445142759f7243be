"""`ethogram show`: one trial in full on the terminal."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console


def print_trial(console: Console, record: dict[str, Any]) -> None:
    """Print a trial: what was asked, the reply, the verdicts, every attempt."""
    traits = " or ".join(filter(None, (record["trait_1"], record["trait_2"]))) or "no trait"
    planted = f", told to be {record['planted']}" if record["planted"] else ""
    console.print(
        f"trial {record['id']}: {record['model']}, {record['condition']}, "
        f"{traits}{planted}, "
        f"prompt {record['prompt_id']} ({record['language'] or '?'}), "
        f"sample {record['sample']}"
    )
    if record["protocol"] != "elicit":
        console.print(
            f"protocol {record['protocol']}: choice {record['choice'] or 'none'}, "
            f"value {'none' if record['value'] is None else record['value']}"
        )
    _block(console, "system text", record["system"])
    _block(console, "earlier turns", _turns(record["turns"]))
    _block(console, "prompt", record["prompt"])
    if not record["reply"]:
        console.print(f"\nno reply ({_state(record, 'reply_status', 'reply_reason')})")
    _block(console, f"reply ({_state(record, 'reply_status', 'reply_reason')})", record["reply"])
    _block(console, "reasoning", record["reasoning"])
    _attempts(console, record["attempts"])
    for verdict in record["verdicts"]:
        order = "trait 2 first" if verdict["swapped"] else "trait 1 first"
        said = verdict["winner"] or "no winner"
        console.print(
            f"\nverdict of {verdict['judge']} ({verdict['part']}, {order}): "
            f"{said} ({_state(verdict, 'status', 'reason') if record['reply'] else 'no reply'})"
        )
        _block(console, "judge's words", verdict["text"])
        _attempts(console, verdict["attempts"])


def _turns(turns: str | None) -> str:
    """Return earlier turns as text, a paragraph each."""
    said = json.loads(turns or "[]")
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in said)


def _state(record: dict[str, Any], status: str, reason: str) -> str:
    """Return a status with its reason, or that it is pending."""
    found = record[status] or "pending"
    return f"{found}: {record[reason]}" if record[reason] else str(found)


def _block(console: Console, title: str, text: str | None) -> None:
    """Print a text under its title; nothing where there is none."""
    if text:
        console.print(f"\n{title}", style="bold")
        console.out(text, highlight=False)  # as it is, to be copied


def _attempts(console: Console, attempts: list[dict[str, Any]]) -> None:
    """Print one line per attempt."""
    for attempt in attempts:
        tokens = f"{attempt['prompt_tokens'] or '?'}/{attempt['completion_tokens'] or '?'} tokens"
        cost = "cost unknown" if attempt["cost"] is None else f"${attempt['cost']:.6f}"
        who = " ".join(filter(None, (attempt["provider"], attempt["model_said"])))
        why = f" ({attempt['reason']})" if attempt["reason"] else ""
        console.print(
            f"attempt {attempt['number']}: {attempt['status']}{why}, "
            f"{attempt['seconds']:.2f} s, {tokens}, {cost} {who}".rstrip(),
            style="dim",
        )
