"""The known services, one line each. Facts from their own documentation, read in 2026.

Every service speaks OpenAI-compatible chat completions; a line holds only what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Service:
    """Where a service is and how it departs from plain chat completions.

    Attributes
    ----------
    base_url : str
    api_key_env : str
        The environment variable that holds the key; "" where none is needed.
    max_tokens_key : str
        What the service calls the limit on new tokens.
    reasoning : str
        How an effort is said, a name in `STYLES`; "" where no one way suits all of its models.
    reasoning_hint : str
        The style that its newest models take, where there is no one way.
    extra : mapping
        Always sent.
    prices : str
        The service's name in genai-prices; "" for one that runs at home and costs nothing.
    batch_discount : float
        Share of the price that is taken off in batches.
    """

    base_url: str
    api_key_env: str = ""
    max_tokens_key: str = "max_tokens"
    reasoning: str = "reasoning_effort"
    reasoning_hint: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    prices: str = ""
    batch_discount: float = 0.0


SERVICES: dict[str, Service] = {
    "openrouter": Service(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        reasoning="reasoning",
        extra={"usage": {"include": True}},
        prices="openrouter",
        batch_discount=0.5,
    ),
    "openai": Service(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        max_tokens_key="max_completion_tokens",
        prices="openai",
        batch_discount=0.5,
    ),
    "anthropic": Service(
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        reasoning="budget",
        prices="anthropic",
        batch_discount=0.5,
    ),
    "gemini": Service(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        prices="google",
        batch_discount=0.5,
    ),
    "xai": Service("https://api.x.ai/v1", "XAI_API_KEY", prices="x-ai"),
    "mistral": Service(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        reasoning="",
        reasoning_hint="reasoning_effort",
        prices="mistral",
        batch_discount=0.5,
    ),
    "deepseek": Service(
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        reasoning="",
        reasoning_hint="thinking",
        prices="deepseek",
    ),
    "moonshot": Service(
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        reasoning="",
        reasoning_hint="thinking",
        prices="moonshotai",
    ),
    "together": Service("https://api.together.xyz/v1", "TOGETHER_API_KEY", prices="together"),
    "vllm": Service("http://localhost:8000/v1"),
    "sglang": Service("http://localhost:30000/v1"),
    "ollama": Service("http://localhost:11434/v1"),
    "lmstudio": Service("http://localhost:1234/v1"),
    "local": Service(""),
    "inspect": Service(""),  # Inspect's own providers: `ethogram.engine.inspect_models`
}

THINKING_BUDGET = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}

_OFF = {"thinking": {"type": "disabled"}}


def _effort(effort: str) -> dict[str, Any]:
    return {"reasoning_effort": effort}


def _object(effort: str) -> dict[str, Any]:
    return {"reasoning": {"enabled": False} if effort == "none" else {"effort": effort}}


def _budget(effort: str) -> dict[str, Any]:
    """Say a budget; an effort above the budgets is one that only adaptive thinking has."""
    if effort not in THINKING_BUDGET:
        return _adaptive(effort)
    return {"thinking": {"type": "enabled", "budget_tokens": THINKING_BUDGET[effort]}}


def _adaptive(effort: str) -> dict[str, Any]:
    if effort == "none":
        return _OFF
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


def _template(effort: str) -> dict[str, Any]:
    return {"chat_template_kwargs": {"enable_thinking": effort != "none"}}


def _think(effort: str) -> dict[str, Any]:
    return {"think": effort != "none"}


def _toggle(effort: str) -> dict[str, Any]:
    return {"thinking": {"type": "enabled"}} if effort != "none" else _OFF


STYLES: dict[str, Callable[[str], dict[str, Any]]] = {
    "reasoning_effort": _effort,  # OpenAI, Gemini, xAI, Together, vLLM, Ollama's /v1
    "reasoning": _object,  # OpenRouter; Ollama's /v1 reads it too
    "budget": _budget,  # Anthropic: Claude 4.5 and earlier
    "adaptive": _adaptive,  # Anthropic: required from Claude Opus 4.7 on
    "chat_template_kwargs": _template,  # vLLM, SGLang: Qwen3 and other templates; on or off
    "think": _think,  # Ollama's own API and proxies to it; on or off. Its /v1 ignores it
    "thinking": _toggle,  # Zhipu (GLM), DeepSeek, Moonshot (Kimi K2.5, K2.6); on or off
}
"""How an effort is said, by the name of the way."""


def reasoning_params(service: Service, effort: str | None, style: str = "") -> dict[str, Any]:
    """Say a reasoning effort in a service's own words, or a style's; {} where none was set."""
    style = style or service.reasoning
    return STYLES[style](effort) if effort is not None and style else {}


_VARIANT = re.compile(r"(?:[-:@]latest|:(?:free|beta|nitro|floor|online|extended|exacto))$")
_DAY = r"\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{3,8}"
_DATE = re.compile(rf"[-_@:.]v?(?:{_DAY})(?:-v\d+(?::\d+)?)?$")


def is_same_model(asked: str, said: str) -> bool:
    """Whether the name that a service answers by is the one that was asked for.

    In any case, without the maker before a slash, the ending of a file and a route such as
    ":free". A date behind one of the two names makes no other model; two dates that differ do, and
    so does a version such as "4.1" beside "4".
    """
    one, other = _bare_name(asked), _bare_name(said)
    return (
        "" in (one, other)
        or one == other
        or other == _DATE.sub("", one)
        or one == _DATE.sub("", other)
    )


def _bare_name(model: str) -> str:
    """Return a model's name without its maker, a file's ending and a route, in lower case."""
    name = model.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower().removesuffix(".gguf")
    while (shorter := _VARIANT.sub("", name)) != name:
        name = shorter
    return name
