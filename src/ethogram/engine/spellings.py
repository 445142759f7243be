"""How services spell what they say: one line per spelling, with its source.

Tables only. `fold` makes spellings comparable: "MAX_TOKENS", "max-tokens" and "MaxTokens" are one.
A new spelling is a new line here; nothing else changes.
"""

from __future__ import annotations

import re
from enum import StrEnum

from ethogram.engine.requests import Status

_NO_LETTER = re.compile(r"[\W_]+")


def fold(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return _NO_LETTER.sub("", name.casefold())


# -- why a text ended -----------------------------------------------------------------------


class Ending(StrEnum):
    """Why a model stopped."""

    STOPPED = "stopped"  # by itself, or at a stop sequence
    CUT = "cut"  # at the token limit
    FILTERED = "filtered"  # by the service's content filter
    REFUSED = "refused"
    BROKEN = "broken"  # something failed: asking again may help
    UNSAID = "unsaid"


_FINISHES: tuple[tuple[str, Ending, str], ...] = (
    ("stop", Ending.STOPPED, "OpenAI API reference, chat completions; Gemini FinishReason"),
    ("tool_calls", Ending.STOPPED, "OpenAI API reference, chat completions"),
    ("function_call", Ending.STOPPED, "OpenAI API reference, chat completions (deprecated)"),
    ("tool_use", Ending.STOPPED, "Anthropic docs, handling stop reasons"),
    ("end_turn", Ending.STOPPED, "Anthropic docs, handling stop reasons"),
    ("stop_sequence", Ending.STOPPED, "Anthropic docs, handling stop reasons; Cohere"),
    ("eos", Ending.STOPPED, "Together AI, in LiteLLM's map of finish reasons"),
    ("eos_token", Ending.STOPPED, "Hugging Face TGI, in LiteLLM's map of finish reasons"),
    ("complete", Ending.STOPPED, "Cohere, in LiteLLM's map of finish reasons"),
    ("completed", Ending.STOPPED, "OpenAI API reference, responses; NVIDIA NeMo Relay docs"),
    ("finish", Ending.STOPPED, "Amazon Titan, AWS Bedrock docs, completionReason"),
    ("finished", Ending.STOPPED, "Amazon Titan, AWS Bedrock docs, completionReason"),
    ("eos_token_id", Ending.STOPPED, "Hugging Face transformers, name of the token"),
    ("eosFound", Ending.STOPPED, "LM Studio docs, stop reasons"),
    ("end_of_turn", Ending.STOPPED, "Gemma, name of its token"),
    ("<|im_end|>", Ending.STOPPED, "ChatML's token as a reason"),
    ("eot", Ending.STOPPED, "Llama 3, name of its token"),
    ("stop_token", Ending.STOPPED, "servers that name the token's kind"),
    ("stop_str", Ending.STOPPED, "FastChat and servers after it"),
    ("length", Ending.CUT, "OpenAI API reference, chat completions"),
    ("max_tokens", Ending.CUT, "Anthropic docs, handling stop reasons; Gemini FinishReason"),
    ("max_output_tokens", Ending.CUT, "OpenAI API reference, responses, incomplete_details"),
    ("max_completion_tokens", Ending.CUT, "OpenAI API reference, name of the limit"),
    ("max_length", Ending.CUT, "Hugging Face transformers, name of the limit"),
    ("model_length", Ending.CUT, "Mistral, in Portkey's gateway source"),
    ("model_context_window_exceeded", Ending.CUT, "Anthropic docs, handling stop reasons"),
    ("token_limit", Ending.CUT, "IBM watsonx docs, stop_reason"),
    ("token_limit_reached", Ending.CUT, "relays: token_limit as a participle"),
    ("max_tokens_reached", Ending.CUT, "relays: max_tokens as a participle"),
    ("max_tokens_exceeded", Ending.CUT, "relays: max_tokens as a participle"),
    ("max_new_tokens", Ending.CUT, "Hugging Face transformers, name of the limit"),
    ("length_limit", Ending.CUT, "relays: length with a noun"),
    ("context_length_exceeded", Ending.CUT, "OpenAI error code, as a finish reason"),
    ("error_limit", Ending.CUT, "Cohere, name of its FinishReason enum"),
    ("compaction", Ending.CUT, "Anthropic, in LiteLLM's map of finish reasons"),
    ("incomplete", Ending.CUT, "OpenAI API reference, responses, status"),
    ("content_filter", Ending.FILTERED, "OpenAI API reference, chat completions"),
    ("content_filtered", Ending.FILTERED, "AWS Bedrock docs, Converse stopReason"),
    ("guardrail_intervened", Ending.FILTERED, "AWS Bedrock docs, Converse stopReason"),
    ("sensitive", Ending.FILTERED, "Zhipu API docs, chat completion"),
    ("error_toxic", Ending.FILTERED, "Cohere, name of its FinishReason enum"),
    ("safety", Ending.FILTERED, "Gemini FinishReason"),
    ("recitation", Ending.FILTERED, "Gemini FinishReason"),
    ("language", Ending.FILTERED, "Gemini FinishReason: flagged for its language"),
    ("blocklist", Ending.FILTERED, "Gemini FinishReason"),
    ("prohibited_content", Ending.FILTERED, "Gemini FinishReason"),
    ("spii", Ending.FILTERED, "Gemini FinishReason"),
    ("image_safety", Ending.FILTERED, "Gemini FinishReason"),
    ("image_prohibited_content", Ending.FILTERED, "Gemini FinishReason"),
    ("image_recitation", Ending.FILTERED, "Gemini FinishReason"),
    ("model_armor", Ending.FILTERED, "Vertex AI FinishReason"),
    ("escalation", Ending.FILTERED, "LiteLLM's map of finish reasons"),
    ("content_policy_violation", Ending.FILTERED, "OpenAI error code, as a finish reason"),
    ("content_policy", Ending.FILTERED, "relays: OpenAI's error code, shortened"),
    ("risk", Ending.FILTERED, "DeepSeek's error words, as a finish reason"),
    ("moderation", Ending.FILTERED, "OpenRouter docs, name of the step"),
    ("refusal", Ending.REFUSED, "Anthropic docs, handling stop reasons"),
    ("error", Ending.BROKEN, "OpenRouter docs, errors; Mistral; vLLM source"),
    ("network_error", Ending.BROKEN, "Zhipu API docs, chat completion"),
    ("insufficient_system_resource", Ending.BROKEN, "DeepSeek API docs, chat completion"),
    ("abort", Ending.BROKEN, "vLLM source, finish reasons; SGLang source"),
    ("aborted", Ending.BROKEN, "the same, as a participle"),
    ("cancel", Ending.BROKEN, "Cohere USER_CANCEL, without the prefix"),
    ("cancelled", Ending.BROKEN, "OpenAI API reference, responses, status"),
    ("canceled", Ending.BROKEN, "the same in American spelling"),
    ("user_cancel", Ending.BROKEN, "Cohere, name of its FinishReason enum"),
    ("failed", Ending.BROKEN, "OpenAI API reference, responses, status"),
    ("timeout", Ending.BROKEN, "lllms source, finish reasons"),
    ("load", Ending.BROKEN, "Ollama API docs, done_reason: the model was only loaded"),
    ("unload", Ending.BROKEN, "Ollama API docs, done_reason"),
    ("malformed_function_call", Ending.BROKEN, "Gemini FinishReason"),
    ("unexpected_tool_call", Ending.BROKEN, "Gemini FinishReason"),
    ("too_many_tool_calls", Ending.BROKEN, "Gemini FinishReason"),
    ("malformed_response", Ending.BROKEN, "Gemini FinishReason"),
    ("missing_thought_signature", Ending.BROKEN, "Gemini FinishReason"),
    ("", Ending.UNSAID, "null, or nothing"),
    ("null", Ending.UNSAID, "DashScope docs: the word null in a stream"),
    ("none", Ending.UNSAID, "the same in Python"),
    ("unspecified", Ending.UNSAID, "Gemini FINISH_REASON_UNSPECIFIED"),
)
FINISHES = {fold(name): ending for name, ending, _ in _FINISHES}


def ending_of(finish: str) -> Ending | None:
    """Return why a text ended, None where the name is not known."""
    folded = fold(finish)
    return FINISHES.get(folded.removeprefix("finishreason")) or FINISHES.get(folded)


# -- what went wrong ------------------------------------------------------------------------


class Cause(StrEnum):
    """What an error is about; of several, the first in this order decides."""

    KEY = "key"
    CREDIT = "credit"
    QUOTA = "quota"  # credit, unless the service says that it refills in a while
    RATE = "rate"
    MADE = "made"  # the model made something that the service could not use
    CONTENT = "content"
    LENGTH = "length"
    MODEL = "model"  # or the address
    PARAMETER = "parameter"
    TIMEOUT = "timeout"
    BUSY = "busy"
    ACCESS = "access"


OUTCOMES: dict[Cause, tuple[Status, bool]] = {  # and whether it is surely about this one request
    Cause.KEY: (Status.UNAUTHORIZED, False),
    Cause.CREDIT: (Status.NO_CREDIT, False),
    Cause.QUOTA: (Status.NO_CREDIT, False),
    Cause.RATE: (Status.RATE_LIMITED, False),
    Cause.MADE: (Status.SERVER_ERROR, False),
    Cause.CONTENT: (Status.FILTERED, True),
    Cause.LENGTH: (Status.INVALID_REQUEST, True),
    Cause.MODEL: (Status.NOT_FOUND, False),
    Cause.PARAMETER: (Status.INVALID_REQUEST, False),
    Cause.TIMEOUT: (Status.TIMEOUT, False),
    Cause.BUSY: (Status.SERVER_ERROR, False),
    Cause.ACCESS: (Status.FORBIDDEN, False),
}

_CODES: tuple[tuple[str, Cause, str], ...] = (
    ("invalid_api_key", Cause.KEY, "OpenAI docs, error codes; DashScope InvalidApiKey"),
    ("API_KEY_INVALID", Cause.KEY, "Gemini, google.rpc.ErrorInfo"),
    ("authentication_error", Cause.KEY, "Anthropic docs, errors"),
    ("AuthenticationError", Cause.KEY, "Volcengine Ark docs, error codes"),
    ("invalid_authentication_error", Cause.KEY, "Moonshot docs, error codes"),
    ("UNAUTHENTICATED", Cause.KEY, "Google, google.rpc.Code"),
    ("unauthorized", Cause.KEY, "the name of HTTP 401"),
    ("missing_api_key", Cause.KEY, "Novita docs, error codes"),
    ("account_deactivated", Cause.KEY, "OpenAI docs, error codes"),
    ("UnrecognizedClientException", Cause.KEY, "AWS docs, common errors"),
    ("ExpiredTokenException", Cause.KEY, "AWS docs, common errors"),
    ("ExpiredToken", Cause.KEY, "AWS docs, common errors"),
    ("InvalidSignatureException", Cause.KEY, "AWS docs, common errors"),
    ("IncompleteSignature", Cause.KEY, "AWS docs, common errors"),
    ("MissingAuthenticationTokenException", Cause.KEY, "AWS docs, common errors"),
    ("InvalidClientTokenId", Cause.KEY, "AWS docs, common errors"),
    ("invalid_iam_token", Cause.KEY, "Baidu Qianfan docs, error codes"),
    ("AuthFailure", Cause.KEY, "Tencent Cloud docs, common error codes"),
    ("AuthFailure.SecretIdNotFound", Cause.KEY, "Tencent Cloud docs, common error codes"),
    ("AuthFailure.SignatureFailure", Cause.KEY, "Tencent Cloud docs, common error codes"),
    ("AuthFailure.SignatureExpire", Cause.KEY, "Tencent Cloud docs, common error codes"),
    ("AuthFailure.InvalidSecretId", Cause.KEY, "Tencent Cloud docs, common error codes"),
    ("1000", Cause.KEY, "Zhipu docs, error codes: authentication failed"),
    ("1001", Cause.KEY, "Zhipu docs, error codes: no authentication header"),
    ("1002", Cause.KEY, "Zhipu docs, error codes: token not valid"),
    ("1003", Cause.KEY, "Zhipu docs, error codes: token expired"),
    ("1004", Cause.KEY, "Zhipu docs, error codes: token not verified"),
    ("credit_balance_exhausted", Cause.CREDIT, "OpenAI docs, error codes"),
    ("billing_hard_limit_reached", Cause.CREDIT, "OpenAI docs, error codes"),
    ("billing_not_active", Cause.CREDIT, "OpenAI docs, error codes"),
    ("billing_error", Cause.CREDIT, "Anthropic SDK source, shared types"),
    ("Arrearage", Cause.CREDIT, "DashScope docs, error codes"),
    ("AccountOverdueError", Cause.CREDIT, "Volcengine Ark docs, error codes"),
    ("insufficient_balance", Cause.CREDIT, "name used by relays of OpenAI's API"),
    ("insufficient_balance_error", Cause.CREDIT, "Portkey, error library"),
    ("insufficient_credits", Cause.CREDIT, "RocketReach docs, error codes; relays of OpenAI's API"),
    ("insufficient_credit", Cause.CREDIT, "ZenMux docs, error codes"),
    ("reject_no_credit", Cause.CREDIT, "ZenMux docs, error codes"),
    ("insufficient_user_quota", Cause.CREDIT, "One API source; New API source"),
    ("pre_consume_token_quota_failed", Cause.CREDIT, "One API source; New API source"),
    ("free_model_blocked_no_quota", Cause.CREDIT, "New API source"),
    ("balance_not_enough", Cause.CREDIT, "name used by relays of OpenAI's API"),
    ("NOT_ENOUGH_BALANCE", Cause.CREDIT, "Novita docs, LLM error codes"),
    ("BILLING_BALANCE_NOT_ENOUGH", Cause.CREDIT, "Novita docs, error codes"),
    ("BILLING_AUTH_FAILED", Cause.CREDIT, "Novita docs, error codes"),
    ("payment_required", Cause.CREDIT, "the name of HTTP 402"),
    ("30001", Cause.CREDIT, "SiliconFlow: account balance is insufficient"),
    ("1110", Cause.CREDIT, "Zhipu docs, error codes: account not active"),
    ("1112", Cause.CREDIT, "Zhipu docs, error codes: account locked"),
    ("1113", Cause.CREDIT, "Zhipu docs, error codes: account in arrears"),
    ("1121", Cause.CREDIT, "Zhipu docs, error codes: account locked"),
    ("1309", Cause.CREDIT, "Zhipu docs, error codes: plan has ended"),
    ("BudgetExceededError", Cause.CREDIT, "LiteLLM source"),
    ("budget_exceeded", Cause.CREDIT, "LiteLLM source"),
    ("organization_restricted", Cause.CREDIT, "Groq, HTTP 400: restricted until it pays"),
    ("ExceededBudget", Cause.CREDIT, "LiteLLM source"),
    ("ExceededTokenBudget", Cause.CREDIT, "LiteLLM source"),
    ("ServiceQuotaExceededException", Cause.QUOTA, "AWS Bedrock docs, errors"),
    ("insufficient_quota", Cause.QUOTA, "OpenAI docs, error codes; DashScope docs"),
    ("exceeded_current_quota_error", Cause.QUOTA, "Moonshot docs, error codes"),
    ("quota_exceeded", Cause.QUOTA, "name used by relays of OpenAI's API"),
    ("quote_exceeded", Cause.QUOTA, "ZenMux docs, error codes, in its spelling"),
    ("quota_exhausted", Cause.QUOTA, "New API source"),
    ("QuotaExceeded", Cause.QUOTA, "Volcengine Ark docs, error codes"),
    ("usage_limit_reached", Cause.QUOTA, "OpenAI Codex, and relays of it"),
    ("AllocationQuota.FreeTierOnly", Cause.CREDIT, "DashScope docs, error codes"),
    ("1308", Cause.QUOTA, "Zhipu docs, error codes: usage limit"),
    ("1310", Cause.QUOTA, "Zhipu docs, error codes: weekly or monthly limit"),
    ("rate_limit_exceeded", Cause.RATE, "OpenAI docs, error codes"),
    ("RateLimitExceeded", Cause.RATE, "Volcengine Ark docs, error codes; Google"),
    ("rate_limit_error", Cause.RATE, "Anthropic docs, errors"),
    ("rate_limit_reached_error", Cause.RATE, "Moonshot docs, error codes"),
    ("rate_limit", Cause.RATE, "ZenMux docs, error codes"),
    ("rate_limited", Cause.RATE, "Mistral, error type; RocketReach docs"),
    ("RateLimitError", Cause.RATE, "OpenAI SDK source; LiteLLM source"),
    ("RateLimitReached", Cause.RATE, "Azure AI inference"),
    ("too_many_requests", Cause.RATE, "the name of HTTP 429"),
    ("ThrottlingException", Cause.RATE, "AWS Bedrock docs, errors"),
    ("Throttling", Cause.RATE, "DashScope docs, error codes"),
    ("Throttling.RateQuota", Cause.RATE, "DashScope docs, error codes"),
    ("Throttling.BurstRate", Cause.RATE, "DashScope docs, error codes"),
    ("Throttling.User", Cause.RATE, "Alibaba Cloud docs, common error codes"),
    ("Throttling.AllocationQuota", Cause.RATE, "DashScope docs, error codes: tokens per minute"),
    ("limit_requests", Cause.RATE, "DashScope, OpenAI-compatible mode"),
    ("limit_burst_rate", Cause.RATE, "DashScope, OpenAI-compatible mode"),
    ("slow_down", Cause.RATE, "OpenAI docs, error codes"),
    ("1302", Cause.RATE, "Zhipu docs, error codes: too many at once"),
    ("1303", Cause.RATE, "Zhipu docs, error codes: too often"),
    ("1305", Cause.RATE, "Zhipu docs, error codes: traffic limit"),
    ("1312", Cause.RATE, "Zhipu docs, error codes: model in too much demand"),
    ("1313", Cause.RATE, "Zhipu docs, error codes: fair use"),
    ("RequestLimitExceeded", Cause.RATE, "Tencent Cloud docs, common error codes"),
    ("tool_use_failed", Cause.MADE, "Groq docs, errors"),
    ("output_parse_failed", Cause.MADE, "Groq docs, errors"),
    ("ModelErrorException", Cause.MADE, "AWS Bedrock docs, errors, HTTP 424"),
    ("content_policy_violation", Cause.CONTENT, "OpenAI docs, error codes"),
    ("content_filter", Cause.CONTENT, "Azure OpenAI docs, content filtering; Moonshot docs"),
    ("content_filter_policy", Cause.CONTENT, "Azure OpenAI, in LiteLLM's exception mapping"),
    ("ResponsibleAIPolicyViolation", Cause.CONTENT, "Azure OpenAI docs, innererror"),
    ("invalid_prompt", Cause.CONTENT, "OpenAI docs, error codes: flagged by the usage policy"),
    ("ContentPolicyViolationError", Cause.CONTENT, "LiteLLM docs, exception mapping"),
    ("moderation_blocked", Cause.CONTENT, "OpenAI docs, error codes"),
    ("cyber_policy_violation", Cause.CONTENT, "OpenAI docs, error codes"),
    ("DataInspectionFailed", Cause.CONTENT, "DashScope docs, error codes"),
    ("data_inspection_failed", Cause.CONTENT, "DashScope, OpenAI-compatible mode"),
    ("SensitiveContentDetected", Cause.CONTENT, "Volcengine Ark docs, error codes"),
    ("InputTextSensitiveContentDetected", Cause.CONTENT, "Volcengine Ark docs, error codes"),
    ("OutputTextSensitiveContentDetected", Cause.CONTENT, "Volcengine Ark docs, error codes"),
    ("InputTextRiskDetection", Cause.CONTENT, "Volcengine Ark docs, error codes"),
    ("OutputTextRiskDetection", Cause.CONTENT, "Volcengine Ark docs, error codes"),
    ("ILLEGAL_PROMPT", Cause.CONTENT, "Novita docs, error codes"),
    ("safety_check_failed", Cause.CONTENT, "ZenMux docs, error codes"),
    ("PROHIBITED_CONTENT", Cause.CONTENT, "Gemini BlockedReason"),
    ("SAFETY", Cause.CONTENT, "Gemini BlockedReason"),
    ("1301", Cause.CONTENT, "Zhipu docs, error codes: unsafe or sensitive"),
    ("context_length_exceeded", Cause.LENGTH, "OpenAI docs, error codes"),
    ("context_window_exceeded", Cause.LENGTH, "relays of OpenAI's API"),
    ("ContextWindowExceededError", Cause.LENGTH, "LiteLLM docs, exception mapping"),
    ("exceed_context_size_error", Cause.LENGTH, "llama.cpp server source"),
    ("string_above_max_length", Cause.LENGTH, "OpenAI docs, error codes"),
    ("request_too_large", Cause.LENGTH, "Anthropic docs, errors"),
    ("1261", Cause.LENGTH, "Zhipu docs, error codes: prompt too long"),
    ("model_not_found", Cause.MODEL, "OpenAI docs, error codes"),
    ("ModelNotFound", Cause.MODEL, "DashScope docs, error codes"),
    ("model_not_available", Cause.MODEL, "ZenMux docs, error codes"),
    ("invalid_model", Cause.MODEL, "ZenMux docs, error codes; Mistral"),
    ("DeploymentNotFound", Cause.MODEL, "Azure OpenAI docs, errors"),
    ("not_found_error", Cause.MODEL, "Anthropic docs, errors"),
    ("NotFoundError", Cause.MODEL, "vLLM source; OpenAI SDK source"),
    ("resource_not_found_error", Cause.MODEL, "Moonshot docs, error codes"),
    ("InvalidEndpointOrModel.NotFound", Cause.MODEL, "Volcengine Ark docs, error codes"),
    ("InvalidEndpoint.NotFound", Cause.MODEL, "Volcengine Ark docs, error codes"),
    ("ModelNotOpen", Cause.MODEL, "Volcengine Ark docs, error codes"),
    ("unknown_model", Cause.MODEL, "GitHub Models"),
    ("API_NOT_FOUND", Cause.MODEL, "Novita docs, error codes"),
    ("20012", Cause.MODEL, "SiliconFlow docs, error codes: model does not exist"),
    ("1211", Cause.MODEL, "Zhipu docs, error codes: no such model"),
    ("1221", Cause.MODEL, "Zhipu docs, error codes: API no longer offered"),
    ("1222", Cause.MODEL, "Zhipu docs, error codes: no such API"),
    ("unsupported_parameter", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("unsupported_value", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("unknown_parameter", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("invalid_value", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("invalid_type", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("missing_required_parameter", Cause.PARAMETER, "OpenAI docs, error codes"),
    ("UnsupportedParamsError", Cause.PARAMETER, "LiteLLM docs, exception mapping"),
)
CODES = {fold(code): cause for code, cause, _ in _CODES}

_WEAK_CODES: tuple[tuple[str, Cause, str], ...] = (  # the words of a message say it better
    ("RESOURCE_EXHAUSTED", Cause.RATE, "Google, google.rpc.Code: a rate or a quota"),
    ("PERMISSION_DENIED", Cause.ACCESS, "Google, google.rpc.Code"),
    ("permission_error", Cause.ACCESS, "Anthropic docs, errors"),
    ("permission_denied_error", Cause.ACCESS, "Moonshot docs, error codes"),
    ("AccessDenied", Cause.ACCESS, "Volcengine Ark docs, error codes; DashScope docs"),
    ("AccessDeniedException", Cause.ACCESS, "AWS Bedrock docs, errors"),
    ("forbidden", Cause.ACCESS, "the name of HTTP 403"),
    ("NOT_FOUND", Cause.MODEL, "Google, google.rpc.Code"),
    ("invalid_request_error", Cause.PARAMETER, "OpenAI docs, error codes; Anthropic docs, errors"),
    ("BadRequestError", Cause.PARAMETER, "vLLM source; OpenAI SDK source"),
    ("INVALID_ARGUMENT", Cause.PARAMETER, "Google, google.rpc.Code"),
    ("InvalidParameter", Cause.PARAMETER, "DashScope docs, error codes"),
    ("DEADLINE_EXCEEDED", Cause.TIMEOUT, "Google, google.rpc.Code"),
    ("timeout_error", Cause.TIMEOUT, "Anthropic SDK source, shared types"),
    ("overloaded_error", Cause.BUSY, "Anthropic docs, errors"),
    ("engine_overloaded_error", Cause.BUSY, "Moonshot docs, error codes"),
    ("server_is_overloaded", Cause.BUSY, "OpenAI docs, error codes"),
    ("ServerOverloaded", Cause.BUSY, "Volcengine Ark docs, error codes"),
    ("UNAVAILABLE", Cause.BUSY, "Google, google.rpc.Code"),
    ("INTERNAL", Cause.BUSY, "Google, google.rpc.Code"),
    ("api_error", Cause.BUSY, "Anthropic docs, errors"),
    ("server_error", Cause.BUSY, "OpenAI docs, error codes"),
    ("internal_server_error", Cause.BUSY, "the name of HTTP 500"),
)
WEAK_CODES = {fold(code): cause for code, cause, _ in _WEAK_CODES}

_MINIMAX: tuple[tuple[int, Cause, str], ...] = (  # its base_resp.status_code
    (1000, Cause.BUSY, "MiniMax docs, error codes: unknown error"),
    (1001, Cause.TIMEOUT, "MiniMax docs, error codes: request timeout"),
    (1002, Cause.RATE, "MiniMax docs, error codes: rate limit"),
    (1004, Cause.KEY, "MiniMax docs, error codes: not authorized"),
    (1008, Cause.CREDIT, "MiniMax docs, error codes: insufficient balance"),
    (1024, Cause.BUSY, "MiniMax docs, error codes: internal error"),
    (1026, Cause.CONTENT, "MiniMax docs, error codes: input sensitive"),
    (1027, Cause.CONTENT, "MiniMax docs, error codes: output sensitive"),
    (1033, Cause.BUSY, "MiniMax docs, error codes: system error"),
    (1039, Cause.LENGTH, "MiniMax docs, error codes: token limit"),
    (1041, Cause.RATE, "MiniMax docs, error codes: connection limit"),
    (2013, Cause.PARAMETER, "MiniMax docs, error codes: invalid parameters"),
    (2049, Cause.KEY, "MiniMax docs, error codes: invalid api key"),
    (2056, Cause.QUOTA, "MiniMax docs, error codes: usage limit exceeded"),
)
MINIMAX = {code: cause for code, cause, _ in _MINIMAX}

_BAIDU: tuple[tuple[int, Cause, str], ...] = (  # its error_code beside error_msg
    (4, Cause.RATE, "Baidu Qianfan docs, error codes: cluster limit"),
    (6, Cause.ACCESS, "Baidu Qianfan docs, error codes: no permission"),
    (17, Cause.RATE, "Baidu Qianfan docs, error codes: daily limit"),
    (18, Cause.RATE, "Baidu Qianfan docs, error codes: requests per second"),
    (19, Cause.RATE, "Baidu Qianfan docs, error codes: total limit"),
    (110, Cause.KEY, "Baidu Qianfan docs, error codes: access token invalid"),
    (111, Cause.KEY, "Baidu Qianfan docs, error codes: access token expired"),
    (336501, Cause.RATE, "Baidu Qianfan docs, error codes: requests per minute"),
    (336502, Cause.RATE, "Baidu Qianfan docs, error codes: tokens per minute"),
)
BAIDU = {code: cause for code, cause, _ in _BAIDU}

# Regular expressions, whole words, any case. The first that matches decides.
_PHRASES: tuple[tuple[str, Cause, str], ...] = (
    (
        r"(?:invalid|incorrect|wrong|bad|unknown|expired) (?:x-)?{key}",
        Cause.KEY,
        "OpenAI; Anthropic",
    ),
    (r"(?:missing|revoked|no|without an?|valid) (?:x-)?{key}", Cause.KEY, "Gemini; Cohere; relays"),
    (
        r"{key}{gap} (?:is|was|has|appears to be) (?:\w+ ){{0,3}}{unusable}",
        Cause.KEY,
        "DeepSeek; Kimi",
    ),
    (r"{key} (?:is )?(?:not (?:valid|found|provided)|required|{unusable})", Cause.KEY, "Gemini"),
    (r"{key} (?:to be |may have )(?:\w+ )?{unusable}", Cause.KEY, "Kimi docs, error reference"),
    (r"(?:didn't|did not) provide an {key}", Cause.KEY, "OpenAI docs, error codes"),
    (r"(?:use|pass|provide|supply) an? (?:valid )?{key}", Cause.KEY, "Gemini; OpenRouter"),
    (r"unregistered callers", Cause.KEY, "Gemini without a key"),
    (r"not authenticated", Cause.KEY, "FastAPI source, security"),
    (
        r"(?:no|invalid|missing|bad) (?:\w+ )?(?:auth|authentication|authorization)",
        Cause.KEY,
        "OpenAI",
    ),
    (
        r"(?:no|invalid|missing|incorrect) (?:\w+ )?credentials?",
        Cause.KEY,
        "OpenRouter docs, errors",
    ),
    (r"authentication (?:fails|failed|failure|required|error)", Cause.KEY, "DeepSeek; Cloudflare"),
    (r"(?:invalid|incorrect|expired) (?:\w+ )?token{no_token}", Cause.KEY, "Cohere; GitHub Models"),
    (r"{key} was reported as leaked", Cause.KEY, "Gemini, HTTP 403"),
    (r"(?:invalid|wrong|missing) subscription key", Cause.KEY, "Azure, HTTP 401"),
    (r"security token(?: \w+){{0,5}} (?:invalid|expired)", Cause.KEY, "AWS docs, common errors"),
    (r"request signature we calculated", Cause.KEY, "AWS docs, common errors"),
    (
        r"\A(?:(?:your|the|this|access|bearer|auth) )*token (?:is |has )?(?:{unusable}|malformed)",
        Cause.KEY,
        "relays of OpenAI's API",
    ),
    (r"access token (?:is |has )?(?:{unusable}|malformed)", Cause.KEY, "Baidu Qianfan docs"),
    (r"no connected db", Cause.KEY, "LiteLLM 1.108, called: no database, and not its master key"),
    (r"user not found", Cause.KEY, "OpenRouter: a key that was deleted"),
    (r"unauthori[sz]ed", Cause.KEY, "the name of HTTP 401; Mistral; vLLM source"),
    (r"无效的令牌|令牌已过期|身份验证失败|鉴权失败", Cause.KEY, "One API source; Zhipu docs"),
    (r"令牌无效|令牌状态不可用|令牌验证失败|认证失败", Cause.KEY, "One API source; New API source"),
    (
        r"api.?key.?(?:无效|错误|不存在|已过期)|无效的.?api.?key|密钥",
        Cause.KEY,
        "relays of OpenAI's API",
    ),
    (
        r"余额不足|余额不够|余额已用完|欠费|充值|資金不足|资金不足",
        Cause.CREDIT,
        "DeepSeek docs; Zhipu docs; relays",
    ),
    (
        r"(?<!每分钟)额度(?:不足|(?:已|已经)?(?:用尽|用完|耗尽))|预扣费额度失败",
        Cause.CREDIT,
        "One API source",
    ),
    (
        r"(?:账号|账户|用户)(?:已|已被|被)(?:停用|封禁|禁用|冻结)",
        Cause.CREDIT,
        "One API source; New API source",
    ),
    (
        r"(?:credits?|funds|balance|money)(?: \w+)? (?:ran|run) out",
        Cause.CREDIT,
        "relays of OpenAI's API",
    ),
    (
        r"(?:run|ran|running) out of (?:\w+ )?(?:credits?|funds|money|balance)",
        Cause.CREDIT,
        "relays",
    ),
    (
        r"(?:used|exceeded|exhausted|spent)(?: \w+){{0,2}} (?:your|the)(?: \w+){{0,3}} credits",
        Cause.CREDIT,
        "Hugging Face, HTTP 402",
    ),
    (r"used (?:up )?all (?:of )?your (?:\w+ )?credits", Cause.CREDIT, "relays of OpenAI's API"),
    (
        r"{lacking} (?:\w+ )?balance|balance (?:is |of )?(?:\w+ )?(?:{lacking}|empty|below zero)",
        Cause.CREDIT,
        "relays of OpenAI's API",
    ),
    (
        r"(?:trial|subscription)(?: \w+){{0,2}} (?:expired|ended|over)",
        Cause.CREDIT,
        "relays; Hugging Face",
    ),
    (
        r"no active (?:subscription|plan)",
        Cause.CREDIT,
        "relays of OpenAI's API",
    ),
    (r"requires billing|enable billing", Cause.CREDIT, "Google, HTTP 403"),
    (
        r"billing account{gap} (?:is |was )?(?:not found|disabled|closed)",
        Cause.CREDIT,
        "Google Cloud docs, billing",
    ),
    (
        r"past due|unpaid (?:invoices?|bills?|balance)|not enough money",
        Cause.CREDIT,
        "Fireworks; DeepInfra",
    ),
    (r"(?:enter|add|provide) (?:a )?payment method", Cause.CREDIT, "DeepInfra, HTTP 402"),
    (r"organi[sz]ation has been restricted", Cause.CREDIT, "Groq, HTTP 400"),
    (
        r"over (?:its |their |the )?budget|exceeded(?:token)?budget|max budget",
        Cause.CREDIT,
        "LiteLLM source",
    ),
    (
        r"trial (?:key|tokens?)[^.]{{0,40}} limited to [\d,]+ (?:api )?calls (?:/|per|a) month",
        Cause.CREDIT,
        "Cohere docs, rate limits",
    ),
    (r"credit balance is too low", Cause.CREDIT, "Anthropic, billing error as HTTP 400"),
    (
        r"insufficient (?:\w+ )?(?:balance|credits?|funds)",
        Cause.CREDIT,
        "DeepSeek docs; OpenRouter",
    ),
    (r"(?:balance|credits?){gap} {spent}", Cause.CREDIT, "SiliconFlow; Novita docs"),
    (r"not enough (?:balance|credits?|funds)", Cause.CREDIT, "Novita docs"),
    (r"(?:out of|no|all available|any|more|purchase|buy) credits", Cause.CREDIT, "xAI; OpenRouter"),
    (r"add (?:more )?credits", Cause.CREDIT, "xAI; OpenRouter docs"),
    (r"can only afford|key limit exceeded", Cause.CREDIT, "OpenRouter, HTTP 402 and 403"),
    (r"payment (?:is )?required", Cause.CREDIT, "the name of HTTP 402"),
    (
        r"(?:billing|payment) (?:hard limit|method)",
        Cause.CREDIT,
        "OpenAI docs, error codes; Fireworks",
    ),
    (r"billing (?:is not active|has been disabled|is disabled)", Cause.CREDIT, "OpenAI; Google"),
    (r"account (?:is )?not active|account suspended", Cause.CREDIT, "OpenAI, billing not active"),
    (
        r"{account}{gap} (?:is|was|has been) (?:\w+ )?{closed}",
        Cause.CREDIT,
        "Moonshot docs",
    ),
    (
        r"(?:overdue|outstanding) (?:balance|payment|bill)|in arrears",
        Cause.CREDIT,
        "Volcengine Ark docs",
    ),
    (r"account is in good standing", Cause.CREDIT, "DashScope docs, Arrearage"),
    (r"spend(?:ing)? (?:limit|cap)|monthly spend", Cause.CREDIT, "xAI; Together docs, error codes"),
    (
        r"budget (?:has been )?exceeded|exceeded (?:\w+ ){{0,2}}budget",
        Cause.CREDIT,
        "LiteLLM source",
    ),
    (
        r"(?:monthly|weekly) (?:\w+ ){{0,2}}(?:limit|quota|cap)",
        Cause.QUOTA,
        "Zhipu docs, error codes",
    ),
    (r"usage limit for this", Cause.QUOTA, "Kimi docs, error reference"),
    (r"reached your (?:specified )?(?:api )?usage limits?", Cause.QUOTA, "Anthropic; Kimi docs"),
    (
        r"free (?:allocated )?(?:quota|tier){gap} {spent}",
        Cause.CREDIT,
        "DashScope docs, error codes",
    ),
    (r"allocated quota exceeded", Cause.RATE, "DashScope docs, error codes: tokens per minute"),
    (r"exceeded your current (?:\w+ )?quota", Cause.QUOTA, "OpenAI docs, error codes; Gemini"),
    (r"billing details", Cause.QUOTA, "OpenAI docs, error codes"),
    (
        r"(?:exceeded|exhausted|reached|over|used up)(?: \w+){{0,3}} quota",
        Cause.QUOTA,
        "relays; Google",
    ),
    (r"quota{gap} {spent}|insufficient (?:\w+ )?quota", Cause.QUOTA, "One API source; Google"),
    (r"tool choice is none, but model called a tool", Cause.MADE, "Groq, gpt-oss"),
    (r"failed to call a function|failed to parse tool call", Cause.MADE, "Groq docs, errors"),
    (r"too many tokens, please wait", Cause.RATE, "AWS Bedrock, throttling"),
    (r"tokens? per (?:minute|min|day|second|hour)", Cause.RATE, "OpenAI and Groq, messages"),
    (
        r"rate[- _]?limit(?:s|ed|ing)?|ratelimiterror",
        Cause.RATE,
        "OpenAI docs; OpenRouter; LiteLLM",
    ),
    (
        r"too many (?:\w+ )?(?:requests?|calls|connections)",
        Cause.RATE,
        "name of HTTP 429; Zhipu docs",
    ),
    (r"requests? per (?:minute|min|second|hour|day)", Cause.RATE, "OpenAI docs, rate limits"),
    (r"throttl(?:ed|ing)", Cause.RATE, "AWS Bedrock docs; DashScope docs"),
    (
        r"concurren(?:cy|t requests?) (?:\w+ )?(?:limit|quota)",
        Cause.RATE,
        "CoreWeave docs, rate limits",
    ),
    (r"capacity exceeded", Cause.RATE, "Mistral: 'Service tier capacity exceeded'"),
    (
        r"(?:at|over|out of|exceeded) (?:\w+ )?capacity",
        Cause.RATE,
        "Together docs; Fireworks docs",
    ),
    (
        r"过于频繁|频率(?!惩罚)|并发数过高|速率限制|请求过快|qps|请求数限制|负载已饱和",
        Cause.RATE,
        "Zhipu docs, error codes; New API source",
    ),
    (r"quota limit per (?:minute|second)|enhance your calm", Cause.RATE, "Google; HTTP 420"),
    (
        r"(?:please|to|and|must|or) (?:top[- ]?up|recharge)|top[- ]?up your",
        Cause.QUOTA,
        "relays of OpenAI's API",
    ),
    (r"upgrade your (?:plan|subscription)", Cause.QUOTA, "relays of OpenAI's API"),
    # Settings, accounts and networks, whose messages may hold a word on contents or lengths.
    (
        r"(?:location|country|region|territory)(?:[\w ,]{{0,40}}) not (?:supported|available)",
        Cause.ACCESS,
        "Gemini; OpenAI",
    ),
    (
        r"{filter}(?: \w+){{0,3}} {down}|{filter} {system}(?: \w+){{0,3}} (?:failed|error)",
        Cause.BUSY,
        "gateways' messages",
    ),
    (
        r"(?:failed|unable|could not|error) (?:\w+ )?{call}(?: \w+){{0,5}} {filter}",
        Cause.BUSY,
        "gateways' messages",
    ),
    (r"input token count failed", Cause.BUSY, "gateways' messages"),
    (
        r"not (?:a |an )?(?:\w+ )?supported(?! by any)|not a (?:valid|known) {setting}",
        Cause.PARAMETER,
        "services' messages on settings",
    ),
    (
        r"(?:does|do) not support|doesn't support|unsupported",
        Cause.PARAMETER,
        "services' messages on settings",
    ),
    (
        r"(?:unknown|unrecognized|invalid|\w+_\w+) {setting}(?!=)",
        Cause.PARAMETER,
        "services' messages on settings",
    ),
    (
        r"\w+_\w+ (?:is )?not (?:allowed|permitted)",
        Cause.PARAMETER,
        "services' messages on settings",
    ),
    (
        r"(?<!and )max_(?:\w+_)?tokens (?:value )?(?:exceeds?|is too|must|cannot|should)",
        Cause.PARAMETER,
        "services' messages on max_tokens",
    ),
    (
        r"\A\W*(?:your |the |this )?request (?:was|is|has been) blocked\W*\Z",
        Cause.ACCESS,
        "OpenAI's firewall, HTTP 403",
    ),
    (
        r"(?:ip|network|firewall|waf|vpc)(?:[- ]\w+){{0,3}} {rule}",
        Cause.ACCESS,
        "gateways' messages",
    ),
    (
        r"{no_prompt}{owner}(?! (?:may|might|could|will|can) )(?:[^.!?\n]{{0,60}})? {banned}",
        Cause.ACCESS,
        "OpenAI; Google: on an account",
    ),
    (
        r"(?:organi[sz]ation|account|project|access)(?: \w+)? (?:disabled|blocked|denied|revoked)",
        Cause.ACCESS,
        "OpenAI; Google: on an account",
    ),
    (
        r"(?:disabled|not (?:enabled|available|licensed)) for (?:this|your) {owner}",
        Cause.ACCESS,
        "Google, on a project",
    ),
    (r"(?:账号|账户|实名|资质).{{0,6}}审核", Cause.ACCESS, "Zhipu docs, on an account"),
    (r"violat\w+(?: \w+){{0,4}} (?:polic(?:y|ies)|guidelines|terms)", Cause.CONTENT, "xAI; OpenAI"),
    (r"content (?:management|safety|moderation|usage) policy", Cause.CONTENT, "Azure OpenAI docs"),
    (r"content[- _]filter(?:ed|ing|s)?", Cause.CONTENT, "Azure OpenAI docs, content filtering"),
    (r"contentpolicyviolationerror", Cause.CONTENT, "LiteLLM docs, exception mapping"),
    (r"responsibleaipolicyviolation", Cause.CONTENT, "Azure OpenAI docs, innererror"),
    (r"{input}(?: \w+){{0,3}} (?:flagged|filtered)", Cause.CONTENT, "OpenRouter docs; OpenAI"),
    (
        r"{input}(?: \w+){{0,3}} (?:blocked|rejected)(?: \w+){{0,6}} {unwanted}",
        Cause.CONTENT,
        "Gemini",
    ),
    (
        r"(?:flagged|blocked) (?:by|for|as|due to)(?: \w+){{0,4}} {unwanted}",
        Cause.CONTENT,
        "OpenRouter",
    ),
    (r"{material} was blocked|was flagged as", Cause.CONTENT, "Gemini; OpenAI, invalid_prompt"),
    (
        r"{unwanted} (?:\w+ )?(?:content(?! type)|words?)",
        Cause.CONTENT,
        "DashScope docs; Volcengine Ark docs",
    ),
    (r"safety (?:system|filters?|settings|reasons)|safety[- _]check", Cause.CONTENT, "OpenAI; xAI"),
    (
        r"guardrail (?:\w+ )?(?:intervened|raised|blocked)",
        Cause.CONTENT,
        "AWS Bedrock docs; LiteLLM source",
    ),
    (r"jailbreak|nsfw|content (?:was |is )?blocked", Cause.CONTENT, "Azure OpenAI docs; relays"),
    (r"content exists risk", Cause.CONTENT, "DeepSeek, HTTP 400"),
    (r"considered high risk", Cause.CONTENT, "Moonshot docs, error codes"),
    (
        r"敏感内容|敏感词|不安全|内容安全|违规内容|违法违规|审核",
        Cause.CONTENT,
        "Zhipu docs, error 1301",
    ),
    (
        r"maximum (?:context|input|prompt|sequence) (?:length|limit|size)",
        Cause.LENGTH,
        "OpenAI; vLLM",
    ),
    (r"context[- _](?:length|window|limit|size)", Cause.LENGTH, "OpenAI docs; llama.cpp source"),
    (r"contextwindowexceedederror", Cause.LENGTH, "LiteLLM docs, exception mapping"),
    (
        r"{input}(?: \w+){{0,4}} too (?:long|large|big)",
        Cause.LENGTH,
        "Anthropic docs; Mistral; OpenAI",
    ),
    (r"too many (?:\w+ )?tokens|tokens? exceeds?", Cause.LENGTH, "Cohere docs; OpenAI"),
    (r"exceeds? the (?:\w+ )?number of tokens", Cause.LENGTH, "Gemini"),
    (r"input token count|maximum (?:\w+ )?tokens allowed", Cause.LENGTH, "Together docs; Gemini"),
    (r"reduce the length|string too long", Cause.LENGTH, "OpenAI, messages; DeepSeek"),
    (r"(?:entity|payload) too large", Cause.LENGTH, "the name of HTTP 413"),
    (r"temporarily (?:\w+ )?(?:unavailable|available|down)", Cause.BUSY, "gateways' messages"),
    (
        r"currently (?:loading|unavailable)|loading model",
        Cause.BUSY,
        "Hugging Face; llama.cpp source",
    ),
    (r"overloaded", Cause.BUSY, "Anthropic docs, errors; OpenAI docs, error codes"),
    (
        r"model{gap} (?:does not|doesn't|do not) exist",
        Cause.MODEL,
        "OpenAI; vLLM source; SiliconFlow",
    ),
    (
        r"model{gap} (?:is |was |could )?not (?:be )?(?:found|loaded)",
        Cause.MODEL,
        "Ollama; LM Studio",
    ),
    (r"model{gap} is not (?:available|activated|supported by any)", Cause.MODEL, "OpenRouter; HF"),
    (
        r"no such (?:model|deployment|path|route)|no models? loaded",
        Cause.MODEL,
        "LM Studio; gateways",
    ),
    (r"(?:unknown|invalid|unrecognized) model{no_model}", Cause.MODEL, "Mistral; ZenMux docs"),
    (r"not a valid model(?: id)?", Cause.MODEL, "OpenRouter, HTTP 400"),
    (
        r"no (?:allowed providers|endpoints?)(?: are)? (?:found|available)",
        Cause.MODEL,
        "OpenRouter",
    ),
    (
        r"model_not_found|has not activated the model",
        Cause.MODEL,
        "OpenAI docs; Volcengine Ark docs",
    ),
    (
        r"{address}{gap} (?:not found|does not exist|doesn't exist)",
        Cause.MODEL,
        "Azure OpenAI; Ollama",
    ),
    (r"unexpected endpoint|invalid url", Cause.MODEL, "LM Studio; OpenAI"),
    (r"unknown (?:request )?{address}", Cause.MODEL, "OpenAI: 'Unknown request URL'; gateways"),
    (r"\A\W*not found\W*\Z", Cause.MODEL, "FastAPI source; the name of HTTP 404"),
    (r"模型不存在|无可用渠道", Cause.MODEL, "Zhipu docs, error codes; One API source"),
    (r"timed? ?out|deadline exceeded", Cause.TIMEOUT, "gateways' messages; Google"),
    (r"server is busy|try again later", Cause.BUSY, "DeepSeek docs, error codes"),
)
_PARTS = {
    "key": r"(?:api|access|secret)[- _]?key",
    "unusable": r"(?:not valid|invalid|incorrect|expired|revoked|disabled|missing|deleted)",
    "gap": r"(?: \S{1,100}){0,4}",
    "spent": r"(?:exceeded|exhausted|insufficient|not enough|depleted|too low|reached|used up)",
    "account": r"(?:account|organi[sz]ation|project|user|team)",
    "closed": r"(?:suspended|frozen|disabled|deactivated|locked)",
    "input": r"(?:prompt|input|request|content|messages?|text|response|output)",
    "material": r"(?:prompt|input|content|messages?|text|response|output)",
    "unwanted": (
        r"(?:moderation|safety|filters?|polic(?:y|ies)|guardrails?|harmful|unsafe|violence|sexual|"
        r"hate|inappropriate|sensitive|prohibited|disallowed|forbidden|illegal|violation|content)"
    ),
    "lacking": r"(?:negative|low|zero|no)",
    "filter": r"(?:safety|content[- _]?filter\w*|filter\w*|moderation|guardrails?)",
    "down": r"(?:unavailable|outage|timed out|down)",
    "system": r"(?:service|system|server|api|backend)",
    "call": r"(?:call(?:ing)?|reach(?:ing)?|connect(?:ing)?)",
    "setting": r"(?:parameter|argument|field|setting|option)s?",
    "no_prompt": r"\A(?:(?!\b(?:prompt|input|content)\b)[\s\S])*?\b",  # nothing of one before it
    "rule": r"(?:polic(?:y|ies)|restrictions?|rules?|(?:allow|white|block|black)list)",
    "owner": r"(?:account|organi[sz]ation|project|workspace|tenant|access)",
    "banned": r"(?:violat\w+|banned|flagged|terminated|suspended|restricted)",
    "address": r"(?:deployment|endpoint|route|path|url|page|resource)",
    "no_token": r"(?! (?:count|limit|ids?|range|sequence|in|at)\b)",
    "no_model": r"(?! (?:output|parameter|response)\b)",
}


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a phrase to match whole words; Chinese writes its words without gaps."""
    whole = pattern.format(**_PARTS)
    return re.compile(rf"(?<!\w)(?:{whole})(?!\w)" if pattern.isascii() else whole, re.IGNORECASE)


PHRASES = tuple((_compiled(pattern), cause) for pattern, cause, _ in _PHRASES)

REQUEST_WORDS = re.compile(  # words on the request itself: an HTTP 500 is then a wrong name for it
    r"\b(?:parameters?|arguments?|fields?|roles?|template|temperature|top_[pk]|max_\w*tokens|"
    r"unsupported|not supported|must be|is required|validation)\b",
    re.IGNORECASE,
)

REFILLS = re.compile(  # a quota of which this is said is a rate limit
    r"per[- _]?minute|per[- _]?second|allocated quota|token-limit|"
    r"(?:try again|retry) (?:in|after) \d",
    re.IGNORECASE,
)
RATE_FIRST = re.compile(  # OpenAI: "... try again in 6s. ... by adding a payment method"
    r"rate limit (?:reached|exceeded|hit)|(?:requests|tokens) per (?:min|day)", re.IGNORECASE
)
NONE_GRANTED = re.compile(r"\blimit: 0\b")  # Gemini: a model that the free tier does not have

# Wrappers that say nothing: what stands inside them is the reason.
EMPTY_WRAPPERS = frozenset(
    fold(words)
    for words in (
        "Provider returned error",  # OpenRouter docs, errors
        "Upstream error",  # relays of OpenAI's API
        "error",
        "Bad Request",
    )
)

# -- thoughts in the text -------------------------------------------------------------------

# Names of XML tags. Another word may stand before or after one: `seed:think`, `ant_thinking`.
_TAGS: tuple[tuple[str, str], ...] = (
    ("think", "DeepSeek R1, Qwen, GLM, MiniMax: vLLM source, reasoning parsers"),
    ("thinking", "Anthropic prompts; Open WebUI source, default reasoning tags"),
    ("thought", "Open WebUI source, default reasoning tags; Gemini"),
    ("thoughts", "Gemini, in prompts"),
    ("reasoning", "Open WebUI source, default reasoning tags"),
    ("reason", "Open WebUI source, default reasoning tags"),
    ("cot_budget_reflect", "Seed-OSS: its chat template"),
    ("reflection", "Reflection 70B; source of tools that strip it"),
    ("scratchpad", "Anthropic docs, prompting"),
    ("monologue", "inner_monologue: prompts for agents"),
)
_NAMES = "|".join(sorted((name for name, _ in _TAGS), key=len, reverse=True))
_TAG = rf"(?:[a-z][\w.]{{0,15}}[:_-]|ant)?(?:{_NAMES})(?:[:_-]\w{{1,40}})?"

# (opening, closing) as regular expressions, any case.
_THOUGHTS: tuple[tuple[str, str, str], ...] = (
    (
        rf"(?:\\?<|&lt;|＜)\s*{_TAG}(?:\s[^<>＞=\n]{{0,80}}=[^<>＞\n]{{0,80}})?\s*(?:\\?>|&gt;|＞)",
        rf"(?:\\?<|&lt;|＜)\s*[/／]\s*{_TAG}_?\s*(?:\\?>|&gt;|＞)",
        "the names above; <seed:think> and <mm:think>: SGLang and vLLM source",
    ),
    (r"\[THINK\](?!\()", r"\[/THINK\]", "Mistral Magistral: vLLM source, reasoning parsers"),
    (r"\[THINKING\](?!\()", r"\[/THINKING\]", "the same, by its longer name"),
    (r"\[THOUGHTS?\](?!\()", r"\[/THOUGHTS?\]", "the same, as prompts ask for it"),
    ("◁think▷", "◁/think▷", "Kimi: SGLang source, reasoning parser"),
    (
        r"<[|｜](?:begin|start)[_▁]of[_▁](?:thought|thinking|think|reasoning)s?[|｜]>",
        r"<[|｜](?:end|stop)[_▁]of[_▁](?:thought|thinking|think|reasoning)s?[|｜]>",
        "Open WebUI source, default reasoning tags",
    ),
    (r"<\|think(?:ing)?_start\|>", r"<\|think(?:ing)?_end\|>", "Cohere's, turned round"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>", "Cohere Command: vLLM source"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>", "Apertus: vLLM source"),
    (
        r"<\|(?:think|thinking|thought|thoughts|reasoning)\|>",
        r"<(?:\|/|/\|)(?:think|thinking|thought|thoughts|reasoning)\|>",
        "GLM, as stripped by public chat clients",
    ),
    (r"\[unused16\]", r"\[unused17\]", "Pangu: vLLM source"),
    (r"<unused94>(?:thought\b)?", r"<unused95>", "MedGemma, as stripped by public clients"),
    (r"<\|channel>(?:thought\b)?", r"<channel\|>", "Gemma 4: vLLM source, gemma4_utils"),
    (
        r"<details\s+type=[\"']reasoning[\"'][^<>\n]{0,200}>",
        r"</details>",
        "Open WebUI source, how it writes reasoning",
    ),
)
THOUGHTS = tuple((opening, closing) for opening, closing, _ in _THOUGHTS)

# The same where they count only at the start of a text, and only where they are closed: elsewhere
# they are words and elements like others.
_HEAD_THOUGHTS: tuple[tuple[str, str, str], ...] = (
    (r"(?i:<analysis>)", r"(?i:</analysis>)", "prompts that ask for an analysis first"),
    (r"(?i:<internal>)", r"(?i:</internal>)", "prompts for agents"),
    (r"(?i:<cot>)", r"(?i:</cot>)", "chain of thought, in prompts"),
    (r"(?i:<rationale>)", r"(?i:</rationale>)", "chain of thought, in prompts"),
    (r"(?i:<reflect>)", r"(?i:</reflect>)", "chain of thought, in prompts"),
    (
        r"<\|im_start\|>\s*(?i:think|thinking|thought|reasoning|analysis)\b",
        r"<\|im_end\|>",
        "ChatML, with a role for thoughts",
    ),
    (
        r"(?i:<details[^<>\n]{0,80}>)\s{0,20}(?i:<summary>[^\w<>]{0,20}"
        r"(?:thinking|thoughts?|reasoning)(?: process| for [^<>\n]{1,40})?[^\w<>]{0,20}</summary>)",
        r"(?i:</details>)",
        "Open WebUI and other clients, how they fold reasoning",
    ),
    (
        r"(?i:here(?:['’]s| is) my thought process:)",
        r"(?i:here(?:['’]s| is) my response:)",
        "IBM Granite 3: vLLM source, reasoning parsers",
    ),
    (r"Thinking\.\.\.[ \t]{0,20}\r?\n", r"\.\.\.done thinking\.", "Ollama's command line"),
    (
        r"(?:assistant)?analysis(?=[\w\s\"'(])",
        r"assistantfinal|(?<![a-z] )assistant\s?final\b(?! [a-z])",
        "harmony of which a server dropped the tokens and kept the words",
    ),
)
HEAD_THOUGHTS = tuple((opening, closing) for opening, closing, _ in _HEAD_THOUGHTS)

_TOKENS: tuple[tuple[str, str], ...] = (
    ("<|im_end|>", "ChatML: Qwen and others"),
    ("<|im_start|>", "ChatML"),
    ("</s>", "Llama 2, Mistral"),
    ("<|eot_id|>", "Llama 3"),
    ("<|eom_id|>", "Llama 3"),
    ("<|end_of_text|>", "Llama 3; IBM Granite"),
    ("<|eot|>", "Llama 4"),
    ("<|end|>", "Phi 3; harmony"),
    ("<|return|>", "harmony"),
    ("<|call|>", "harmony"),
    ("<|endoftext|>", "GPT-2 and Qwen"),
    ("<|end_of_turn|>", "OpenChat"),
    ("<end_of_turn>", "Gemma"),
    ("<turn|>", "Gemma 4: vLLM source, gemma4_utils"),
    ("<eos>", "Gemma"),
    ("<|user|>", "GLM 4: its stop token"),
    ("<|observation|>", "GLM 4: its stop token"),
    ("<|end_of_sentence|>", "ERNIE"),
    ("<｜end▁of▁sentence｜>", "DeepSeek"),
    ("<|END_OF_TURN_TOKEN|>", "Cohere Command"),
    ("<|END_RESPONSE|>", "Cohere Command: vLLM source"),
    ("<|END_TEXT|>", "Cohere Command 4: SGLang source"),
    ("<|end_of_box|>", "GLM 4.5V, around its answer"),
    ("<|end_of_solution|>", "Open WebUI source, default solution tags"),
    ("[EOS]", "Kimi: SGLang source"),
    ("[e~[", "MiniMax M2: its end of message"),
)
END_TOKENS = tuple(token for token, _ in _TOKENS)

_OPENERS: tuple[tuple[str, str], ...] = (
    ("<|begin_of_box|>", "GLM 4.5V, around its answer"),
    ("<|begin_of_solution|>", "Open WebUI source, default solution tags"),
    ("<|START_RESPONSE|>", "Cohere Command: vLLM source"),
    ("<|START_TEXT|>", "Cohere Command 4: SGLang source"),
    ("<|start|>assistant", "harmony"),
    ("<|im_start|>assistant", "ChatML"),
    ("<|assistant|>", "GLM 4, Phi 3"),
    ("<s>", "Llama 2, Mistral"),
)
START_TOKENS = tuple(token for token, _ in _OPENERS)
