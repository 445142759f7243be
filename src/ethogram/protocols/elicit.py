"""Elicitation: two words, one user prompt, and the reply in the manner of one of them."""

from __future__ import annotations

from ethogram.engine.requests import Messages
from ethogram.protocols.templates import Templates, fill, named_traits


def elicit_messages(
    templates: Templates, condition: str, prompt: str, first: str, second: str = ""
) -> Messages:
    """Return what the tested model is sent.

    Parameters
    ----------
    templates : Templates
    condition : str
        "feels", "likes", "random"; "plant", where `first` is the trait to show; or
        "natural", where no trait is named and there is no system prompt.
    prompt, first, second : str
    """
    user = {"role": "user", "content": prompt}
    if condition == "natural":
        return (user,)
    system = fill(getattr(templates, condition), first=first, second=second)
    return ({"role": "system", "content": system}, user)


def names_a_trait(reply: str, first: str, second: str) -> bool:
    """Whether a reply names either trait although it was told not to."""
    return bool(named_traits(reply, (first, second)))
