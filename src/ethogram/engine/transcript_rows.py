"""A row of a transcript as chats: what was said, and one reply at its end.

Logs spell this in many ways. The tables below name the fields; a reply may be a text, a message, a
list of choices, or a service's whole response, and a row may have several. Knows no files.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ethogram.errors import InputError
from ethogram.stimuli.chats import read_chat

Turn = Mapping[str, Any]


class Said(NamedTuple):
    """One reply with all that was said before it.

    `turns` ends with the reply, where there is one; `finish` is why it ended, in a service's
    word; `lost` is why there is none; `id` is the same in every copy of a log;
    `named` is whether the message named traits to choose from, as ethogram's own do.
    """

    model: str
    turns: Sequence[Turn]
    finish: str = ""
    lost: str = ""
    id: str = ""
    named: bool = False


CHATS = ("messages", "conversation", "conversations", "turns", "contents", "chat")
PROMPTS = ("prompt", "input", "question", "query")
REPLIES = (
    *("reply", "response", "output", "completion"),
    *("choices", "candidates", "responses", "replies", "outputs", "completions"),
    *("answer", "generation", "generated_text"),
)
MODELS = ("model", "model_name", "model_id", "model_slug")
FINISHES = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
WRAPPED = ("request", "body")  # a request as it was sent, beside its response
CONTEXTS = ("input", "context")  # what an `instruction` is about: Alpaca, Dolly
INNER = (  # where a response keeps its reply, the first that is there
    *("choices", "candidates", "message", "body", "output"),  # OpenAI, Gemini, Ollama, batches
    *("content", "text", "parts", "value"),
)
_ROLES = ("role", "from", "author", "speaker", "type")
_SIDES = "ab"  # of an arena: model_a, conversation_a, response_a
_BEGINS_A_CHAT = re.compile(r"\s*\[\s*\{")
_LEGACY = re.compile(r"(?:\A|\n\n)\s*(Human|Assistant):[ ]?")  # Anthropic's text completions


def read_row(cells: Mapping[str, Any], *, name: str, where: str) -> Iterator[Said]:
    """Yield each reply of a row.

    Parameters
    ----------
    cells : mapping
    name : str
        Whose the reply is if the row does not say.
    where : str
        The file and line, for errors.

    Raises
    ------
    InputError
        The row has nothing that is known to be a chat, or a prompt.
    """
    sides = [side for side in _SIDES if cells.get(f"model_{side}")]
    for side in sides:
        own = {k.removesuffix(f"_{side}"): v for k, v in cells.items() if k.endswith(f"_{side}")}
        yield from _read({**cells, **own}, name, where)
    if not sides:
        yield from _read(cells, name, where)


def _read(cells: Mapping[str, Any], name: str, where: str) -> Iterator[Said]:
    for key in WRAPPED:
        if isinstance(cells.get(key), Mapping):
            cells = {**cells[key], **cells}
    turns = _turns(cells, where)
    replies = [Reply(None)] if _is_answered(turns) else list(_replies(cells))
    if turns is None or (not replies and not _is_known(cells)):
        raise InputError(
            f"{where} has {', '.join(cells) or 'no columns'}; expected messages (a chat), or "
            "prompt and reply"
        )
    model = _model(cells) or name
    lost = "ended in an error" if _is_error(cells.get("error")) else ""
    for reply in replies or [Reply(None)]:
        own = [] if reply.turn is None else [reply.turn]
        yield Said(model, [*turns, *own], reply.finish or _finish(cells), lost)


# -- what was said before the reply -----------------------------------------------------------


def _turns(cells: Mapping[str, Any], where: str) -> list[Turn] | None:
    """Return a row's chat, or its prompt as one; None: it has neither."""
    for key in CHATS:
        chat = _chat(cells.get(key), where)
        if chat:
            return chat
    prompt = _prompt(cells)
    if isinstance(prompt, str):
        if _BEGINS_A_CHAT.match(prompt) and (chat := _turns_of(_written(prompt))):
            return chat
        return _legacy(prompt) or [{"role": "user", "content": prompt}]
    if isinstance(prompt, Mapping) and not _role(prompt):
        return [{"role": "user", "content": prompt}]
    return _chat(prompt, where) or None


def _prompt(cells: Mapping[str, Any]) -> Any:
    """Return what was asked; an instruction stands above what it is about."""
    instruction = cells.get("instruction")
    if isinstance(instruction, str) and instruction.strip():
        about = (cells.get(key) for key in CONTEXTS)
        texts = [text for text in about if isinstance(text, str) and text.strip()]
        return "\n\n".join([instruction, *texts])
    return next((cells[key] for key in PROMPTS if cells.get(key)), None)


def _chat(value: Any, where: str) -> list[Turn] | None:
    """Return a list of turns, also where it is written as text, as in CSV."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _written(value) or read_chat(value, place=where)
    return _turns_of(value)


def _turns_of(value: Any) -> list[Turn] | None:
    """Return the turns if this is a list of them."""
    if not isinstance(value, list | tuple) or not value:
        return None
    return list(value) if all(isinstance(t, Mapping) and _role(t) for t in value) else None


def _written(text: str) -> Any:
    """Read JSON, or Python's spelling of it; None: it is neither."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _legacy(text: str) -> list[Turn] | None:
    """Part a prompt that says "Human:" and "Assistant:" before its turns, the last left open."""
    marks = list(_LEGACY.finditer(text))
    if not marks or text[: marks[0].start()].strip() or text[marks[-1].end() :].strip():
        return None
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [
        {"role": mark[1].lower(), "content": text[mark.end() : end].strip()}
        for mark, end in zip(marks, ends, strict=True)
    ]


def role_of(turn: Turn) -> str:
    """Return who speaks, in lower case; of a message without a role, its type."""
    return _role(turn).strip().casefold()


def _role(turn: Turn) -> str:
    for key in _ROLES:
        said = turn.get(key)
        if isinstance(said, Mapping):
            said = said.get("role") or said.get("name")
        if isinstance(said, str) and said.strip() and (key, said) != ("type", "message"):
            return said
    return ""


# -- replies ----------------------------------------------------------------------------------


class Reply(NamedTuple):
    """A reply as a turn, and why it ended; no turn: it stands in the chat already."""

    turn: Turn | None
    finish: str = ""


def _is_answered(turns: Sequence[Turn] | None) -> bool:
    """Whether a chat ends with what its model said."""
    return bool(turns and content_of(turns[-1]) is not None and is_reply(turns[-1]))


def _replies(cells: Mapping[str, Any]) -> Iterator[Reply]:
    """Yield the replies in the first field that has any."""
    for key in REPLIES:
        found = list(_of(cells.get(key)))
        if found:
            yield from found
            return


def _of(value: Any, finish: str = "", depth: int = 0) -> Iterator[Reply]:
    """Yield the replies that a value is, or holds."""
    if isinstance(value, str):
        yield Reply({"role": "assistant", "content": value}, finish)
    elif isinstance(value, list | tuple) and depth < 8:
        yield from _of_list(value, finish, depth)
    elif isinstance(value, Mapping) and depth < 8:
        yield from _of_object(value, _finish(value) or finish, depth)


def _of_list(value: Sequence[Any], finish: str, depth: int) -> Iterator[Reply]:
    """Yield of turns the last that says something; of choices or texts, each; parts are one."""
    if all(isinstance(item, Mapping) and _is_turn(item) for item in value):
        spoken = [turn for turn in value if is_reply(turn) and content_of(turn) is not None]
        if spoken:
            yield Reply(spoken[-1], finish)
    elif value and all(isinstance(item, Mapping) and item.get("type") for item in value):
        yield Reply({"role": "assistant", "content": list(value)}, finish)
    else:
        for item in value:
            yield from _of(item, finish, depth + 1)


def _of_object(value: Turn, finish: str, depth: int) -> Iterator[Reply]:
    """Yield the replies of a message, a choice, or a response."""
    if value.get("role") and content_of(value) is not None:
        yield Reply(value, finish)
        return
    key = next((key for key in INNER if value.get(key)), None)
    texts = ("text", "parts", "value")
    if key in texts or (key == "content" and isinstance(value[key], str | list)):
        yield Reply({"role": "assistant", "content": value[key]}, finish)
    elif key is not None:
        yield from _of(value[key], finish, depth + 1)


def _is_turn(item: Turn) -> bool:
    """Whether an item of a list is a turn rather than a part of one."""
    return any(item.get(key) for key in _ROLES[:-1]) or item.get("type") in (
        *("message", "reasoning", "function_call", "function_call_output"),  # OpenAI's responses
    )


SILENT = frozenset(  # who says what is neither asked nor answered
    {"system", "developer", "tool", "function", "ipython", "observation", "environment"}
    | {"tool_call", "tool_response", "tool_result", "function_call", "function_response"}
    | {"function_call_output", "reasoning", "context"}
)
USERS = frozenset({"user", "human", "prompter"})


def is_reply(turn: Turn) -> bool:
    """Whether this is the model's own: all is that is not the user's, a tool's or the system's."""
    return role_of(turn) not in SILENT | USERS


def content_of(turn: Turn) -> Any:
    """Return what a turn says: a text, or its parts; None: nothing, as beside a call of a tool."""
    for key in ("content", "value", "text", "parts", "refusal"):
        if turn.get(key):
            value = turn[key]
            inner = isinstance(value, Mapping) and value.get("parts")
            return inner or value
    return None


def _is_known(cells: Mapping[str, Any]) -> bool:
    """Whether what a row lacks is its reply: it has no field for one, or an empty one."""
    values = [cells[key] for key in REPLIES if key in cells]
    return all(value is None or value in ("", [], {}) for value in values)


def _finish(cells: Mapping[str, Any]) -> str:
    """Return why a reply ended, as a service says it."""
    cut = cells.get("incomplete_details")
    if isinstance(cut, Mapping) and isinstance(cut.get("reason"), str):
        return str(cut["reason"])
    found = (cells.get(key) for key in FINISHES)
    return next((value for value in found if isinstance(value, str) and value), "")


def _model(cells: Mapping[str, Any]) -> str:
    """Return whose the reply is: the row says, or the response in it does."""
    for key in MODELS:
        value = cells.get(key)
        if isinstance(value, Mapping):
            value = value.get("name") or value.get("id")
        if value is not None and not isinstance(value, bool | list) and str(value).strip():
            return str(value)
    inner = (cells.get(key) for key in ("response", "body"))
    return next((_model(value) for value in inner if isinstance(value, Mapping)), "")


def _is_error(value: Any) -> bool:
    """Whether a row tells of an error; a number is a measure of something."""
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "null", "none", "false")
    return value is True or (isinstance(value, Mapping | list) and bool(value))
