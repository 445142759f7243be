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
    instruct: str = "system",
    wording: int = 0,
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
    instruct : "system" or "user"
        Where the instruction stands: after the system text, or before the prompt.
    wording : int
        Which paraphrase of the template; 0 is the template itself.
    """
    template = templates.worded(condition, wording)
    instruction = fill(template, first=first, second=second, prompt=prompt)
    if holds_prompt(template):
        instruction, prompt = "", instruction
    elif instruction and instruct == "user":
        instruction, prompt = "", f"{instruction}\n\n{prompt}"
    text = "\n\n".join(part for part in (system, instruction) if part)
    opening: Messages = ({"role": "system", "content": text},) if text else ()
    return (*opening, *turns, {"role": "user", "content": prompt})


def names_a_trait(reply: str, *traits: str) -> bool:
    """Whether a reply names one of the traits although it was told not to."""
    return bool(named_traits(reply, traits))


def _calls(trial: Trial, setting: Setting) -> Sequence[Call]:
    """Ask for one reply."""
    first = trial.planted or trial.trait_1 or ""
    if trial.turn > 1:  # the conversation has its instruction already
        return (Call((*trial.turns, {"role": "user", "content": trial.prompt})),)
    messages = elicit_messages(
        setting.templates,
        trial.condition,
        trial.prompt,
        first,
        trial.trait_2 or "",
        system=system_of(trial, setting),
        turns=trial.turns,
        instruct=setting.table.instruct,
        wording=trial.wording,
    )
    return (Call(messages),)


def system_of(trial: Trial, setting: Setting) -> str:
    """Return the system text before any instruction: the model's own, then the trial's."""
    return "\n\n".join(filter(None, (setting.table.system, trial.system)))


def _result(trial: Trial, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the reply as it is."""
    (reading,) = readings
    if reading.status not in USABLE:
        return Result(reading)
    traits = filter(None, (trial.trait_1, trial.trait_2))
    return Result(reading, named=names_a_trait(reading.text, *traits))


ELICIT: Protocol[Trial] = Protocol(_calls, _result)
