"""Elicitation: two words, one user prompt, and the reply in the manner of one of them."""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.engine.requests import USABLE, Messages, Reading
from ethogram.protocols.protocol import Call, Protocol, Result, Setting, Trial
from ethogram.protocols.templates import Templates, fill, holds_prompt, named_traits


def elicit_messages(
    templates: Templates,
    condition: str,
    prompt: str,
    first: str = "",
    second: str = "",
    *,
    system: str = "",
    turns: Messages = (),
) -> Messages:
    """Return what the tested model is sent.

    Parameters
    ----------
    templates : Templates
    condition : str
        A template's name: "feels", "likes", "random"; "plant", where `first` is the trait to
        show. Under any other, such as "natural", no trait is named and nothing is instructed. A
        template with the slot {prompt} is the user's message, any other the system text.
    prompt, first, second : str
    system : str
        The model's own system text; the instruction follows it.
    turns : messages
        What was said before the prompt.
    """
    template = getattr(templates, condition, "")
    instruction = fill(template, first=first, second=second, prompt=prompt)
    if holds_prompt(template):
        instruction, prompt = "", instruction
    text = "\n\n".join(part for part in (system, instruction) if part)
    opening: Messages = ({"role": "system", "content": text},) if text else ()
    return (*opening, *turns, {"role": "user", "content": prompt})


def names_a_trait(reply: str, *traits: str) -> bool:
    """Whether a reply names one of the traits although it was told not to."""
    return bool(named_traits(reply, traits))


def _calls(trial: Trial, setting: Setting) -> Sequence[Call]:
    """Ask for one reply."""
    first = trial.planted or trial.trait_1 or ""
    messages = elicit_messages(
        setting.templates,
        trial.condition,
        trial.prompt,
        first,
        trial.trait_2 or "",
        system=trial.system,
        turns=trial.turns,
    )
    return (Call(messages),)


def _result(trial: Trial, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the reply as it is."""
    (reading,) = readings
    if reading.status not in USABLE:
        return Result(reading)
    traits = filter(None, (trial.trait_1, trial.trait_2))
    return Result(reading, named=names_a_trait(reading.text, *traits))


ELICIT: Protocol[Trial] = Protocol(_calls, _result)
