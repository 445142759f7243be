"""One of two words in an answer that was to be that word and nothing else."""

from __future__ import annotations

import re

from ethogram.protocols.templates import named_traits, plain_hyphens

_SEGMENT = re.compile(r"[.!;:,…。！；：，、]+(?:\s|$)|\s+[-–—]+\s+|\n+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_LONGEST = 2000  # characters of an answer that was to be one word
_NONE = frozenset({"both", "neither", "either", "none", "equally"})
_SAID = (  # forms of a sentence that gives the word, and nothing but it
    r"(?:i(?:['’]d| would)? (?:say|choose|pick|answer|go with|describe myself as|call myself)|"
    r"i(?:['’]m| am)(?: usually| mostly| more| rather)?|"
    r"my (?:answer|choice|word) (?:is|would be)|the (?:better )?word (?:is|would be))"
    r"[\s:]+(?:more |rather )?[\"'“‘«*]*{word}[\"'”’»*]*(?: of the two)?",
    r"[\"'“‘«*]*{word}[\"'”’»*]* (?:describes|fits|suits) (?:me|my answers|the way i answer|"
    r"how i (?:usually )?answer(?: people)?)(?: (?:better|best|more))?",
)


def find_word(text: str, first: str, second: str) -> str | None:
    """Return the one of two words that a text answers with; None where it names no one of them.

    It opens or ends the text as a sentence or line of its own, or stands in one of a few plain
    forms ("I would say warm"); the other word may stand nowhere.
    """
    if len(text) > _LONGEST:
        return None
    named = named_traits(text, (first, second))
    parts = [_plain(part) for part in _SEGMENT.split(text) if _plain(part)]
    if len(named) != 1 or not parts or _NONE.intersection(" ".join(parts).split()):
        return None
    (word,) = named
    if "?" not in text and _plain(word) in (parts[0], parts[-1]):
        return word
    return word if any(_says(form, word, text) for form in _SAID) else None


def _says(form: str, word: str, text: str) -> bool:
    """Whether a text is nothing but a form with this word in it."""
    pattern = form.replace("{word}", re.escape(plain_hyphens(word.casefold())))
    return re.fullmatch(rf"\W*{pattern}\W*", plain_hyphens(text.casefold())) is not None


def _plain(text: str) -> str:
    """Fold case and hyphens, and take off marks at either end."""
    return _EDGES.sub("", " ".join(plain_hyphens(text.casefold()).split()))
