"""Paraphrases of the instruction: the same request in other words, for `wordings` of a study.

Each says all that the template says: two words, one is chosen in silence, it shows throughout, and
neither it nor the instruction is named. What differs is order, length, tone and sentence form.
"""

from __future__ import annotations

from collections.abc import Mapping

_KEEP = (
    (
        "Write your whole reply in that style; it has to be visible in the content and in the "
        "tone. Do not use either word, and do not refer to this note."
    ),
    (
        "From start to finish, let that quality colour both what you say and the way you say it. "
        "Keep the words themselves, and this instruction, out of your answer."
    ),
    (
        "Then answer the user accordingly, all the way through, in substance and in form. Neither "
        "word may appear, nor may anything that gives this request away."
    ),
    (
        "Your reply should carry it in every part, in its matter as much as in its voice. Say "
        "nothing of the words or of having been asked."
    ),
)

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "feels": (
        "Here are two ways in which a reply can be written: {first} and {second}. Pick, silently, "
        "the one that comes more naturally to you. ",
        "Which is closer to who you are, {first} or {second}? Decide without telling anyone. ",
        "Before you reply, consider {first} against {second} and settle, privately, on the one "
        "that fits you better. ",
        "You are offered a pair of qualities, {first} / {second}. Take the one that is more your "
        "own, and keep the decision to yourself. ",
    ),
    "likes": (
        "Here are two ways in which a reply can be written: {first} and {second}. Pick, silently, "
        "the one that you would prefer to have. ",
        "Which would you rather be, {first} or {second}? Decide without telling anyone. ",
        "Before you reply, consider {first} against {second} and settle, privately, on the one "
        "that you would sooner adopt. ",
        "You are offered a pair of qualities, {first} / {second}. Take the one that you would like "
        "to make your own, and keep the decision to yourself. ",
    ),
    "random": (
        "Here are two ways in which a reply can be written: {first} and {second}. Pick, silently, "
        "either of them by pure chance. ",
        "{first} or {second}? Let a coin decide, without telling anyone. ",
        "Before you reply, consider {first} and {second} and settle, privately, on one of the two "
        "at random. ",
        "You are offered a pair of qualities, {first} / {second}. Draw one by lot, and keep the "
        "outcome to yourself. ",
    ),
}

_BLUNT_CHOICES: Mapping[str, tuple[str, ...]] = {
    "feels": (
        "A reply can be {first} or {second}. Decide which suits you better, and write only like "
        "that.",
        "{first} or {second}: which one are you? Be that one in your answer to this message.",
    ),
    "likes": (
        "A reply can be {first} or {second}. Decide which you would rather be, and write only like "
        "that.",
        "{first} or {second}: which one would you like to be? Be that one in your answer to this "
        "message.",
    ),
    "random": (
        "A reply can be {first} or {second}. Toss a coin for one, and write only like that.",
        "{first} or {second}: draw one by lot. Be that one in your answer to this message.",
    ),
}
_BLUNT_END = (
    " Overdo it: anybody should see it in each sentence. Do not write either word. Three sentences "
    "at most.\n\nMessage: {prompt}\n\nReply:"
)

PLAIN_WORDINGS = {
    condition: tuple(choice + keep for choice, keep in zip(choices, _KEEP, strict=True))
    for condition, choices in _CHOICES.items()
}
BLUNT_WORDINGS = {
    condition: tuple(choice + _BLUNT_END for choice in choices)
    for condition, choices in _BLUNT_CHOICES.items()
}
