"""What the verbs print on a terminal: plain tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from ethogram.cli.tables import Table
from ethogram.engine.services import is_same_model
from ethogram.ratings.marks import explain_marks, with_sign
from ethogram.ratings.numbers import (
    count_words,
    rank_words,
    say_interval,
    say_number,
    say_p,
    say_range,
)
from ethogram.ratings.profile import won_number, won_words
from ethogram.ratings.summaries import name_source, say_unrated

if TYPE_CHECKING:
    from ethogram.cli.wrapping import WrappingConsole
    from ethogram.engine.check import Check
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.results import Rated, Unrated
    from ethogram.ratings.shift import Shift
    from ethogram.run.cost import Plan
    from ethogram.run.foresight import Forecast
    from ethogram.validity.measure import Validity

# Whose preference for a place an effect is, by its name in a profile.
POSITION = {"model_position": "tested model", "judge_position": "judge"}


def _print_title(console: WrappingConsole, title: str) -> None:
    """Print a line that opens a section."""
    console.print(f"\n{title}", style="bold")


def print_rated(console: WrappingConsole, rated: Rated, *, top: int | None = None) -> None:
    """Print each profile, or so many traits of either end, and what could not be rated."""
    for profile in rated.profiles:
        print_profile(console, profile, top=top)
    for unrated in rated.unrated:
        print_unrated(console, unrated)
    for note in rated.notes:
        console.print(note, style="dim")


def print_profile(console: WrappingConsole, profile: Profile, *, top: int | None = None) -> None:
    """Print one profile: ranked traits with intervals, then what it rests on."""
    who = name_source(profile.model, profile.judge, profile.condition)
    _print_title(console, f"{who}, {profile.method}")
    table = Table(
        ("rank", "number"),
        ("range", "number"),
        ("trait", "name"),
        ("rating", "number"),
        ("95% interval", "number"),
        (won_words(profile), "number"),
        ("of", "number"),
        ("", "extra"),
    )
    low, high = float(profile.rating_low.min()), float(profile.rating_high.max())
    rows = profile.frame().to_dicts()
    places = rank_words(profile.frame()["rating"].to_numpy())
    for found in ends([*zip(places, rows, strict=True)], top):
        if found is None:
            table.add_row("...", *[""] * 7)
            continue
        place, row = found
        table.add_row(
            place,
            say_range(row["rank_low"], row["rank_high"]),
            with_sign(row["trait"], row["mark"]),
            say_number(row["rating"]),
            say_interval(row["low"], row["high"]),
            won_number(row["wins"]),
            f"{row['n']}",
            _bar(row["low"], row["rating"], row["high"], low, high),
        )
    table.print(console)
    have = "has" if profile.lost == 1 else "have"
    lost = f"; {profile.lost:,} more {have} no verdict" if profile.lost else ""
    console.print(
        f"{count_words(profile.n, 'comparison')}{lost}. Intervals: {profile.interval}.", style="dim"
    )
    if profile.marks:
        console.print(explain_marks(profile.marks))
    for effect in profile.effects:
        share = say_number(effect.percent, 1, sign=True)
        reach = say_interval(effect.percent_low, effect.percent_high, 1, sign=True)
        console.print(
            f"Position bias ({POSITION.get(effect.name, effect.name)}): {share} points ({reach}) "
            "for the trait shown first.",
            style="dim",
        )
    for caveat in profile.caveats:
        console.print(caveat, style="dim")


def ends(rows: Sequence[Any], top: int | None) -> list[Any]:
    """Return so many rows of either end with None between them; all where no two are left out."""
    if top is None or len(rows) <= 2 * top + 1:
        return [*rows]
    return [*rows[:top], None, *rows[len(rows) - top :]]


def _bar(low: float, middle: float, high: float, least: float, most: float) -> str:
    """Draw an interval with its middle, 16 characters wide."""
    width, span = 16, max(most - least, 1e-9)
    at = [round((value - least) / span * (width - 1)) for value in (low, middle, high)]
    cells = [" "] * width
    for i in range(at[0], at[2] + 1):
        cells[i] = "─"
    cells[at[1]] = "●"
    return "".join(cells).rstrip()


def print_unrated(console: WrappingConsole, unrated: Unrated) -> None:
    """Say why there are no ratings."""
    console.print(f"\n{say_unrated(unrated)}")


def print_plan(console: WrappingConsole, plan: Plan) -> None:
    """Print requests, tokens and cost."""
    from ethogram.run.cost import total_cost

    console.print(f"{plan.study}: {plan.traits} traits, {plan.trials:,} trials per model.")
    console.print(plan.prompts)
    begun = any(r.pending != r.requests for r in plan.rows)
    table = Table(
        ("stage", "word"),
        ("name", "name"),
        ("to ask" if begun else "requests", "number"),
        ("tokens in", "number"),
        ("out", "number"),
        ("about", "number"),
        ("at most", "number"),
    )
    for r in plan.rows:
        table.add_row(
            r.stage,
            r.name,
            f"{r.pending:,}",
            _short(r.prompt_tokens),
            _short(r.completion_tokens),
            _dollars(r.expected),
            _dollars(r.most),
        )
    table.print(console)
    console.print(
        f"About {_dollars(plan.expected)}, at most {_dollars(plan.most)}, excluding retries."
    )
    if plan.in_batches is not None:
        expected, most = plan.in_batches
        cheaper = [r for r in plan.rows if r.in_batches is not None]
        asked = all(r.engine == "batch" for r in cheaper)
        which = "as this study is asked" if asked else 'engine = "batch", answers within a day'
        console.print(
            f"In batches ({which}): about {_dollars(expected)}, at most {_dollars(most)}."
        )
    for name, rows in plan.ways.items():
        pending = sum(r.pending for r in rows)
        costs = (total_cost([r.expected for r in rows]), total_cost([r.most for r in rows]))
        console.print(
            f"ethogram ask --only {name.replace('_', '-')}: {pending:,} calls, about "
            f"{_dollars(costs[0])}, at most {_dollars(costs[1])}."
        )
    checks = ", ".join(f"{name} {calls:,}" for name, calls in plan.checks.items())
    console.print(
        f"ethogram validity adds {sum(plan.checks.values()):,} calls, {100 * plan.extra:.0f}% of "
        f"the study's: {checks}."
    )
    bases = {r.basis for r in plan.rows}
    if "assumed" in bases:
        console.print(
            "Answer lengths are assumed until the store has some; plan again after a few trials.",
            style="dim",
        )
    unknown = sorted({r.model for r in plan.rows if r.price is None})
    if unknown:
        console.print(
            f"Prices unknown: {', '.join(unknown)}. Give prices = {{ input = ..., output = ... }} "
            "in their tables (US dollars per million tokens)."
        )
    if plan.stop_rule:
        rule = " and ".join(f"{key} is at most {v:g}" for key, v in plan.stop_rule.items())
        console.print(f"The run stops earlier if {rule}, for every model.")
    if plan.spend_limit is not None:
        console.print(f"The run stops before it passes {_dollars(plan.spend_limit)}.")


def print_forecast(console: WrappingConsole, told: Forecast) -> None:
    """Print what some numbers of trials will tell."""
    table = Table(
        ("trials per model", "number"),
        ("half-width", "number"),
        ("shift found", "number"),
        ("rank correlation", "number"),
        ("about", "number"),
    )
    for row, cost in zip(told.rows, told.costs, strict=True):
        table.add_row(
            f"{row.comparisons:,}",
            f"\u00b1{say_number(row.half_width)}",
            say_number(row.shift) if isfinite(row.shift) else "-",
            f"{row.rank_correlation:.3f}",
            _dollars(cost),
        )
    table.print(console)
    console.print(
        "Expected, in points: half a rating's 95% interval; the smallest move of a trait between "
        "two models that is found in 80% of cases after correction for all traits; correlation "
        f"of ranks with the truth. Strengths are taken to spread {told.basis} (standard deviation "
        f"{say_number(told.spread)}).",
        style="dim",
    )
    if told.adaptive:
        console.print(
            "This is what balanced pairs tell; adaptive ones tell more of what they aim at.",
            style="dim",
        )


def _short(tokens: int) -> str:
    """Return 12,345 as it is and larger numbers in millions."""
    return f"{tokens / 1e6:,.2f}M" if tokens >= 1e5 else f"{tokens:,}"


def _dollars(amount: float | None) -> str:
    """Return US dollars, or the word for not knowing."""
    if amount is None:
        return "unknown"
    return "$0" if amount == 0 else f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.4f}"


def print_checks(console: WrappingConsole, checks: Sequence[Check]) -> None:
    """Print what one call to each model showed."""
    table = Table(
        ("name", "name"),
        ("model", "name"),
        ("answer", "word"),
        ("seconds", "number"),
        ("tokens in/out", "number"),
    )
    for c in checks:
        usage = c.reading.usage
        tokens = f"{_count(usage.prompt_tokens)}/{_count(usage.completion_tokens)}"
        table.add_row(c.name, c.model, str(c.reading.status), f"{c.seconds:.2f}", tokens)
    table.print(console)
    for c in checks:
        for found in c.findings:
            console.print(f"{c.name}: {found.kind}: {found.setting}: {found.words}")
            console.print(f"{c.name}: to fix it: {found.mend}")
        if c.problem:
            console.print(f"{c.name}: {c.problem}")
        if c.mend:
            console.print(f"{c.name}: to fix it: {c.mend}")
        if c.unseen:
            console.print(
                f"{c.name}: accepted; effect not verifiable: {', '.join(c.unseen)}", style="dim"
            )
        said = c.reading.model_said
        if not is_same_model(c.model, said):
            console.print(f"{c.name}: the service says it is {said}")


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens}"


def print_shift(console: WrappingConsole, moved: Shift, *, most: int = 20) -> None:
    """Print the traits that moved, largest first, and how sure that is."""
    _print_title(console, f"{moved.after} minus {moved.before}, in rating points")
    table = Table(
        ("trait", "name"),
        ("shift", "number"),
        ("95% interval", "number"),
        ("p, corrected", "number"),
        ("on one scale", "number"),
    )
    rows = moved.frame().to_dicts()
    clear = [row for row in rows if row["p_adjusted"] <= 0.05]
    for row in sorted(clear, key=lambda r: -abs(r["shift"]))[:most]:
        table.add_row(
            row["trait"],
            say_number(row["shift"], sign=True),
            say_interval(row["low"], row["high"], sign=True),
            say_p(row["p_adjusted"]),
            say_number(row["scaled_shift"], sign=True),
        )
    if clear:
        table.print(console)
    console.print(
        f"{len(clear):,} of {count_words(len(rows), 'trait')} moved (p at most 0.05 after "
        f"Benjamini-Hochberg over {count_words(len(rows), 'test')})."
    )
    for caveat in moved.caveats:
        console.print(caveat, style="dim")


def print_validity(console: WrappingConsole, found: Validity) -> None:
    """Print what the checks say, in sentences."""
    for judge in found.judges:
        _print_title(console, judge.judge)
        console.print(judge.sentence.removeprefix(f"{judge.judge}: "))
        for sentence in judge.findings():
            console.print(sentence)
    if found.agreement is not None:
        _print_title(console, "judges against each other")
        for sentence in found.agreement.findings():
            console.print(sentence)
    for net in found.nets:
        _print_title(console, f"{net.profile.model}, {net.profile.condition}")
        console.print(net.sentence)
    for unrated in found.unrated:
        print_unrated(console, unrated)
    for note in found.notes:
        console.print(note, style="dim")
