"""The known services, one line each. Facts from their own documentation, read in 2026.

Every service speaks OpenAI-compatible chat completions; a line holds only what differs.
"""

from __future__ import annotations

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
        How an effort is said: "reasoning_effort" (a key of its own), "reasoning" (OpenRouter's
        object), "thinking" (Anthropic's budget) or "" (it takes none).
    extra : mapping
        Always sent.
    prices : str
        The service's name in genai-prices; "" for one that runs at home and costs nothing.
    """

    base_url: str
    api_key_env: str = ""
    max_tokens_key: str = "max_tokens"
    reasoning: str = "reasoning_effort"
    extra: dict[str, Any] = field(default_factory=dict)
    prices: str = ""


SERVICES: dict[str, Service] = {
    "openrouter": Service(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        reasoning="reasoning",
        extra={"usage": {"include": True}},
        prices="openrouter",
    ),
    "openai": Service(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        max_tokens_key="max_completion_tokens",
        prices="openai",
    ),
    "anthropic": Service(
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        reasoning="thinking",
        prices="anthropic",
    ),
    "gemini": Service(
        "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", prices="google"
    ),
    "xai": Service("https://api.x.ai/v1", "XAI_API_KEY", prices="x-ai"),
    "mistral": Service(
        "https://api.mistral.ai/v1", "MISTRAL_API_KEY", reasoning="", prices="mistral"
    ),
    "deepseek": Service(
        "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", reasoning="", prices="deepseek"
    ),
    "moonshot": Service(
        "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", reasoning="", prices="moonshotai"
    ),
    "together": Service("https://api.together.xyz/v1", "TOGETHER_API_KEY", prices="together"),
    "vllm": Service("http://localhost:8000/v1"),
    "sglang": Service("http://localhost:30000/v1"),
    "ollama": Service("http://localhost:11434/v1"),
    "lmstudio": Service("http://localhost:1234/v1"),
    "local": Service(""),
}

THINKING_BUDGET = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}


def reasoning_params(service: Service, effort: str | None) -> dict[str, Any]:
    """Say a reasoning effort in a service's own words; {} where none was asked for."""
    if effort is None or not service.reasoning:
        return {}
    if service.reasoning == "reasoning":
        return {"reasoning": {"enabled": False} if effort == "none" else {"effort": effort}}
    if service.reasoning == "thinking":
        if effort == "none":
            return {"thinking": {"type": "disabled"}}
        return {"thinking": {"type": "enabled", "budget_tokens": THINKING_BUDGET[effort]}}
    return {"reasoning_effort": effort}
