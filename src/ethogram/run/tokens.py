"""How many tokens a text takes, about: good enough for a price, before anything is sent."""

from __future__ import annotations

import numpy as np

from ethogram.engine.requests import Messages
from ethogram.protocols.elicit import elicit_messages
from ethogram.protocols.protocol import Judging, Setting
from ethogram.protocols.transcript import transcript
from ethogram.protocols.verdicts import VERDICTS
from ethogram.run.prepare import Prepared
from ethogram.stimuli.prompts import Prompt
from ethogram.study import JudgeTable

PRICED = 500  # prompts by which lengths are estimated
CHARS_A_TOKEN = 4  # English; other scripts take more tokens, see `estimate_tokens`


def trial_tokens(prepared: Prepared, condition: str, model: str) -> float:
    """Estimate what a trial sends on average: system text, instruction, earlier turns, prompt."""
    table = prepared.study.models[model]
    first, second = prepared.traits.names[:2]
    asked = [
        elicit_messages(
            *(prepared.templates, condition, prompt.text, first, second),
            system=table.system,
            turns=prompt.turns,
            instruct=table.instruct,
        )
        for prompt in asked_prompts(prepared)
    ]
    return sum(map(message_tokens, asked)) / len(asked)


def verdict_tokens(prepared: Prepared, table: JudgeTable) -> float:
    """Estimate what all calls of a judging send on average, without its reply."""
    shown = [transcript(prompt.turns, prompt.text) for prompt in asked_prompts(prepared)]
    return sum(judging_tokens(prepared, table, text) for text in shown) / len(shown)


def asked_prompts(prepared: Prepared) -> list[Prompt]:
    """Return the prompts that the design asks; of many, enough to estimate by."""
    used = np.unique(prepared.design.prompt)[:PRICED]
    return [prepared.prompts.prompts[i] for i in used.tolist()]


def judging_tokens(prepared: Prepared, table: JudgeTable, prompt: str) -> float:
    """Estimate the prompt tokens of all calls of a judging, without its reply."""
    first, second = prepared.traits.names[:2]
    judging = Judging(0, 0, first, second, False, 0, prompt, "")
    calls = VERDICTS[table.verdict].calls(judging, Setting(prepared.templates, table))
    return sum(message_tokens(call.messages) for call in calls)


def message_tokens(messages: Messages) -> float:
    """Estimate the tokens of a request's messages."""
    return sum(estimate_tokens(message["content"]) + 4 for message in messages)


def estimate_tokens(text: str) -> float:
    """Estimate a text's tokens: four ASCII characters per token, one each for other characters."""
    ascii_chars = len(text.encode("ascii", "ignore"))
    return ascii_chars / CHARS_A_TOKEN + 0.7 * (len(text) - ascii_chars)
