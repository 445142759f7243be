"""Whether two sides were asked and judged alike, so that what differs is the model.

Each aspect that both sides know is compared; what differs is refused, unless it was accepted by
name, and is then said wherever the result is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ethogram.errors import InputError, Problems, guess
from ethogram.ratings.numbers import count_words
from ethogram.store.settings import changed_settings
from ethogram.store.setups import Setup
from ethogram.study import JUDGE_DEFAULTS


def check_comparable(before: Setup, after: Setup, despite: Collection[str] = ()) -> tuple[str, ...]:
    """Refuse two sides that differ in more than the model.

    Parameters
    ----------
    before, after : Setup
    despite : of "design", "prompts", "templates", "condition" and "judge"
        Differences that are accepted.

    Returns
    -------
    tuple of str
        The accepted differences that there are, a sentence each.

    Raises
    ------
    InputError
        A line per difference that is not accepted, or an aspect that there is not.
    """
    for name in despite:
        if name not in ASPECTS:
            near = guess(name, ASPECTS)
            raise InputError(f"despite {name!r}{near}: expected some of {', '.join(ASPECTS)}")
    problems, accepted = Problems(), []
    for aspect, compare in ASPECTS.items():
        if not (said := compare(before, after)):
            continue
        if aspect in despite:
            accepted.append(f"{aspect}: {said}")
            continue
        differs = "differ" if aspect.endswith("s") else "differs"
        mend = f"make both sides alike, or accept it with --despite {aspect}"
        problems.add(InputError(f"{aspect} {differs}: {said}; {mend}"))
    problems.raise_any()
    return tuple(accepted)


def say_unknown(*setups: Setup) -> tuple[str, ...]:
    """Say of which sides it is not known how they were asked."""
    sides = [setup.name for setup in setups if not setup.protocol]
    if not sides:
        return ()
    return (
        f"Of {' and of '.join(dict.fromkeys(sides))} it is not known which templates, prompts and "
        "settings of the judge were used: whether they are the same was not checked.",
    )


def _protocol(before: Setup, after: Setup) -> str:
    """Say whose way of asking each side's is, where they are known and differ."""
    if not before.protocol or not after.protocol or before.protocol == after.protocol:
        return ""
    return f"{before.protocol}'s of {before.name}, {after.protocol}'s of {after.name}"


def _design(before: Setup, after: Setup) -> str:
    missing = [set(a.traits) - set(b.traits) for a, b in ((before, after), (after, before))]
    if any(missing):
        parts = [
            f"{count_words(len(names), 'trait')} of {side.name} only ({_some(names)})"
            for side, names in zip((before, after), missing, strict=True)
            if names
        ]
        return "; ".join(parts)
    described = [
        trait
        for trait, text in before.traits.items()
        if None not in (text, after.traits[trait]) and text != after.traits[trait]
    ]
    if described:
        return f"{before.name} and {after.name} describe {_some(described)} in other words"
    trials = _only(before, after, before.trials, after.trials, "trials of a pair in one order")
    return _protocol(before, after) or trials


def _prompts(before: Setup, after: Setup) -> str:
    if before.prompts is None or after.prompts is None:
        return _protocol(before, after)
    one, other = before.prompts - after.prompts, after.prompts - before.prompts
    if one or other:
        return (
            f"{len(one):,} of {len(before.prompts):,} of {before.name} only, "
            f"{len(other):,} of {len(after.prompts):,} of {after.name} only"
        )
    if before.trials != after.trials:  # said of the design
        return ""
    return _only(before, after, before.dealt, after.dealt, "pairs with their prompt")


def _only(
    before: Setup,
    after: Setup,
    one: Mapping[Any, int] | None,
    other: Mapping[Any, int] | None,
    things: str,
) -> str:
    """Say how many planned things are on one side only."""
    if one is None or other is None:
        return ""
    counts = (Counter(one), Counter(other))
    parts = [
        f"{(mine - yours).total():,} of {mine.total():,} {things} of {side.name} only"
        for side, mine, yours in zip((before, after), counts, counts[::-1], strict=True)
        if mine - yours
    ]
    return "; ".join(parts)


def _templates(before: Setup, after: Setup) -> str:
    if before.templates is None or after.templates is None:
        return _protocol(before, after)
    one, other = before.templates, after.templates
    names = sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n))
    # A condition's own template has its name: that difference is said of the condition.
    if before.condition != after.condition:
        names = [n for n in names if not n.startswith("model: ")]
    return f"{', '.join(names)} of {before.name} and of {after.name}" if names else ""


def _condition(before: Setup, after: Setup) -> str:
    if not before.condition or not after.condition or before.condition == after.condition:
        return ""
    return f"{before.condition!r} of {before.name}, {after.condition!r} of {after.name}"


def _judge(before: Setup, after: Setup) -> str:
    one, other = before.judge_settings, after.judge_settings
    if one is not None and other is not None:
        changes = changed_settings(one, other, JUDGE_DEFAULTS)
        if not changes:  # under whatever names
            return ""
        return f"{before.judge!r} of {before.name}, {after.judge!r} of {after.name}: " + "; ".join(
            changes[:3]
        )
    if not before.judge or not after.judge or before.judge == after.judge:
        return ""
    return f"{before.judge!r} of {before.name}, {after.judge!r} of {after.name}"


ASPECTS: dict[str, Callable[[Setup, Setup], str]] = {
    "design": _design,
    "prompts": _prompts,
    "templates": _templates,
    "condition": _condition,
    "judge": _judge,
}
"""What must be alike, each with what says how it differs; "" where it does not, or is unknown."""


def _some(names: Collection[str], most: int = 3) -> str:
    """Name a few."""
    shown = list(_first(sorted(names), most))
    more = len(names) - len(shown)
    return ", ".join(map(repr, shown)) + (f" and {more:,} more" if more > 0 else "")


def _first(names: list[str], most: int) -> Iterator[str]:
    yield from names[: most if len(names) > most + 1 else len(names)]
