"""What fixes a refused call: the settings that can be left out, and a table of words and lines.

The words are those of the services' own errors, each with where it was read; the line is what to
write into the study file. Makes no call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ethogram.engine.endpoints import Endpoint, limit_key, service_of
from ethogram.engine.requests import CUT, Messages, Reading, Status
from ethogram.engine.services import reasoning_params
from ethogram.engine.settings import ModelTable

LOGPROBS = '`verdict = "word"`'


class Setting(NamedTuple):
    """Something of a request that can be left out: its name in a study file, its keys when sent."""

    name: str
    keys: tuple[str, ...] = ()


SYSTEM = Setting("system message")
_SYSTEM_WORDS = re.compile(
    r"(?i)\bsystem\b|\broles?\b|developer instruction|chat template|jinja|template ?error"
)


class _Sends(Protocol):
    """A call, as far as settings go."""

    @property
    def messages(self) -> Messages: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


def settings_of(endpoint: Endpoint, calls: Iterable[_Sends]) -> list[Setting]:
    """Return what can be left out of a model's calls, most telling first."""
    calls, table = list(calls), endpoint.table
    together = _together(table)
    settings = []
    if table.system_role != "user" and any(
        message["role"] == "system" for call in calls for message in call.messages
    ):
        settings.append(SYSTEM)
    extra = {key for call in calls for key in call.extra}
    if asked := tuple(key for key in ("logprobs", "top_logprobs") if key in extra):
        settings.append(Setting("verdict", asked))
    if "grammar" in extra:
        settings.append(Setting("grammar", ("grammar",)))
    if together:
        settings.append(Setting("reasoning", together))
    settings += [Setting(key, (key,)) for key in endpoint.params if key not in together]
    return settings


def _together(table: ModelTable) -> tuple[str, ...]:
    """Return the keys in which a reasoning effort is said."""
    said = reasoning_params(service_of(table), table.effort, table.style)
    return tuple(key for key in said if key not in table.extra_body)


def names(words: str, setting: Setting) -> int | None:
    """Return where a service's words name a setting; None where they do not."""
    if setting == SYSTEM:
        match = _SYSTEM_WORDS.search(words)
    else:
        spelt = "|".join(re.escape(key) for key in (setting.name, *setting.keys))
        match = re.search(rf"(?<![A-Za-z])(?:{spelt})(?![A-Za-z])", words)
    return match.start() if match else None


class Mend(NamedTuple):
    """A setting by its sent key, the words of a refusal, and the line that fixes it."""

    key: str
    words: str
    line: str


# {effort} is the study's effort, or the nearest that the line's style has.
MENDS = (
    # OpenAI and Azure: "Use 'max_completion_tokens' instead."
    Mend("max_tokens", r"max_completion_tokens", '`max_tokens_key = "max_completion_tokens"`'),
    # "Unrecognized request argument supplied: max_completion_tokens" (older servers)
    Mend("max_completion_tokens", r"", '`max_tokens_key = "max_tokens"`'),
    # Anthropic: "`max_tokens` must be greater than `thinking.budget_tokens`."
    Mend("max_tokens", r"budget_tokens|greater than", "raise `max_tokens`, or lower `reasoning`"),
    # "This model's maximum context length is 4096 tokens", "max_tokens is too large"
    Mend("max_tokens", r"(?i)maximum|too large|at most|less than|exceed", "lower `max_tokens`"),
    Mend("max_tokens", r"", "`send_max_tokens = false`, or another `max_tokens_key`"),
    # vLLM with Gemma: "System role not supported"; Gemini: "Developer instruction is not enabled"
    Mend("system message", r"", '`system_role = "user"`'),
    # Anthropic, from Claude Opus 4.7 on: 'Use "thinking.type.adaptive" and "output_config.effort"'
    Mend("reasoning", r"adaptive", '`reasoning = {{ effort = "{effort}", style = "adaptive" }}`'),
    # Anthropic, before Claude 4.6: "adaptive thinking is not supported on this model"
    Mend(
        "reasoning", r"budget_tokens", '`reasoning = {{ effort = "{effort}", style = "budget" }}`'
    ),
    # OpenAI: "Supported values are: 'low', 'medium', and 'high'."
    Mend("reasoning", r"(?i)supported values|one of", "another effort in `reasoning`"),
    Mend("reasoning", r"", "remove `reasoning`, or say it in another `style`"),
    Mend("verdict", r"", LOGPROBS),
    Mend("grammar", r"", "remove `grammar`"),
    # Anthropic: "`temperature` and `top_p` cannot both be specified"
    Mend("temperature", r"top_p. cannot both", "remove `temperature`, or `top_p`"),
)
"""The first whose key and words fit says the line; any other setting is to be removed."""


def read_mend(endpoint: Endpoint, setting: Setting, words: str) -> str:
    """Return the study file's line that fixes a refused setting."""
    table = endpoint.table
    key = "max_tokens" if setting.name == limit_key(table) != "max_completion_tokens" else ""
    for mend in MENDS:
        if mend.key in (setting.name, key) and re.search(mend.words, words):
            style_has_it = table.effort not in (None, "none", "minimal")
            return mend.line.format(effort=table.effort if style_has_it else "low")
    if setting.name in table.extra_body:
        return f"remove `{setting.name}` from `extra_body`"
    return f"remove `{setting.name}`"


def answer_mend(table: ModelTable, reading: Reading) -> str:
    """Return what to change where an answer has no text, or none that can be read; else ""."""
    cut = reading.cut or CUT in reading.reason
    if table.asks_one_token:
        return _one_token_mend(table, reading, cut=cut)
    raised = f"raise `max_tokens` (now {table.max_tokens})"
    if reading.status is Status.EMPTY and (reading.reasoning.strip() or cut):
        return f"{raised}, or turn thinking off: {thinking_off(table)}"
    if reading.status is Status.UNPARSED:
        return raised if cut else "`examples = true`, or another judge"
    return ""


def _one_token_mend(table: ModelTable, reading: Reading, *, cut: bool) -> str:
    """Return what to change where a single token was asked for, and it is no verdict.

    One token without a text is the mark, or the beginning, of thoughts: no limit is raised for it.
    """
    if reading.status not in (Status.EMPTY, Status.UNPARSED):
        return ""
    thought = reading.reasoning.strip() or reading.usage.reasoning_tokens
    mark = reading.text.strip()  # one that opens thoughts, or the tag of an answer
    opens = mark.startswith("<") and not "<answer>".startswith(mark.lower())
    if thought or (cut and (opens or not reading.text)):
        return (
            "a judge that thinks first cannot answer in one token: turn thinking off, "
            f"{thinking_off(table)}, or {LOGPROBS}"
        )
    return f"{LOGPROBS}, or another judge"


def thinking_off(table: ModelTable) -> str:
    """Return the line that turns thinking off, in another way than the table has already."""
    service = service_of(table)
    if service.reasoning and (service.prices or table.service == "ollama"):
        if table.effort != "none":
            return '`reasoning = "none"`'
        return "another `style`, or another model"
    style = service.reasoning_hint or "chat_template_kwargs"
    return f'`reasoning = {{ effort = "none", style = "{style}" }}`'


_PLAIN: dict[Status, str] = {
    Status.UNAUTHORIZED: "the key{key} was not accepted by {url}: check it",
    Status.NO_CREDIT: "no credit left, or the quota is used up: add some, or name another key{key}",
    Status.FORBIDDEN: "{url} does not allow this call{key}: check the key's permissions",
    Status.NOT_FOUND: "no model {model!r} at {url}, or no such address: check model and base_url",
    Status.RATE_LIMITED: "too many calls just now: try again later",
    Status.TIMEOUT: "no answer in time from {url}",
    Status.TRANSPORT: "no connection to {url}: is the server there?",
    Status.SERVER_ERROR: "the service failed at {url}",
    Status.MALFORMED: "{url} did not send a chat completion",
    Status.INVALID_REQUEST: "{url} refuses the call",
    Status.EMPTY: "it sent no text",
    Status.UNPARSED: "its answer cannot be read as a verdict",
    Status.REFUSED: "it refused to answer",
    Status.FILTERED: "a content filter stopped it",
}


def plain_words(endpoint: Endpoint, reading: Reading, path: str) -> str:
    """Say why there is no answer: plain words, then the service's own."""
    key = f" in {endpoint.key_name}" if endpoint.key_name else ""
    url = f"{endpoint.base_url}/{path}"
    plain = _PLAIN.get(reading.status, str(reading.status))
    plain = plain.format(key=key, url=url, model=endpoint.table.model)
    return f"{plain} ({reading.reason})" if reading.reason else plain


def unaccepted(key: str, listed: frozenset[str]) -> bool:
    """Whether OpenRouter's list of a model's parameters leaves out one that it acts on itself."""
    own = {"provider", "usage", "models", "route", "transforms", "plugins", "user", "metadata"}
    return key not in listed and key not in own
