"""What the verbs print on a terminal: plain tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ethogram.engine.check import Check
from ethogram.engine.services import is_same_model
from ethogram.ratings.profile import Profile, won_number, won_words
from ethogram.ratings.results import Rated, Unrated
from ethogram.ratings.shift import Shift
from ethogram.run.cost import Plan
from ethogram.store.read import StageCount, others_said
from ethogram.validity.measure import Validity

# Whose preference for a place an effect is, by its name in a profile.
POSITION = {"model_position": "tested model", "judge_position": "judge"}


def _table(*columns: tuple[str, str]) -> Table:
    """Return a table of (title, justify) columns, without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title, justify in columns:
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    return table


def _print_title(console: Console, title: str) -> None:
    """Print a line that opens a section."""
    console.print(f"\n{title}", style="bold")


def print_rated(console: Console, rated: Rated) -> None:
    """Print each profile, and what could not be rated."""
    for profile in rated.profiles:
        print_profile(console, profile)
    for unrated in rated.unrated:
        print_unrated(console, unrated)


def print_profile(console: Console, profile: Profile) -> None:
    """Print one profile: ranked traits with intervals, then what it rests on."""
    who = ", ".join(
        part
        for part in (
            profile.model,
            f"judged by {profile.judge}" if profile.judge else "",
            f"condition {profile.condition}" if profile.condition else "",
            profile.method,
        )
        if part
    )
    _print_title(console, who)
    table = _table(
        ("rank", "right"),
        ("range", "right"),
        ("trait", "left"),
        ("rating", "right"),
        ("95% interval", "right"),
        (won_words(profile), "right"),
        ("of", "right"),
        ("", "left"),
    )
    low, high = float(profile.rating_low.min()), float(profile.rating_high.max())
    for row in profile.frame().to_dicts():
        table.add_row(
            f"{row['rank']:g}",
            f"{row['rank_low']}-{row['rank_high']}",
            _cut(row["trait"], 18),
            f"{row['rating']:.0f}",
            f"{row['low']:.0f} to {row['high']:.0f}",
            won_number(row["wins"]),
            f"{row['n']}",
            _bar(row["low"], row["rating"], row["high"], low, high),
        )
    console.print(table)
    lost = f"; {profile.lost} more have no verdict" if profile.lost else ""
    console.print(f"{profile.n} comparisons{lost}. Intervals: {profile.interval}.", style="dim")
    for effect in profile.effects:
        console.print(
            f"Position bias ({POSITION.get(effect.name, effect.name)}): "
            f"{effect.percent:+.1f} points ({effect.percent_low:+.1f} to "
            f"{effect.percent_high:+.1f}) for the trait shown first.",
            style="dim",
        )
    for caveat in profile.caveats:
        console.print(caveat, style="dim")


def _bar(low: float, middle: float, high: float, least: float, most: float) -> str:
    """Draw an interval with its middle, 16 characters wide."""
    width, span = 16, max(most - least, 1e-9)
    at = [round((value - least) / span * (width - 1)) for value in (low, middle, high)]
    cells = [" "] * width
    for i in range(at[0], at[2] + 1):
        cells[i] = "─"
    cells[at[1]] = "●"
    return "".join(cells).rstrip()


def print_unrated(console: Console, unrated: Unrated) -> None:
    """Say why there are no ratings."""
    console.print(
        f"\n{unrated.model}: not rated. {unrated.reason} "
        f"({unrated.n} comparisons, {unrated.lost} lost)"
    )


def print_counts(console: Console, counts: Sequence[StageCount]) -> None:
    """Print planned, done and lost of each stage, and the losses by status."""
    table = _table(
        ("stage", "left"),
        ("model", "left"),
        ("judge", "left"),
        ("part", "left"),
        ("planned", "right"),
        ("done", "right"),
        ("cut", "right"),
        ("named", "right"),
        ("lost", "right"),
        ("pending", "right"),
    )
    for c in counts:
        table.add_row(
            c.stage,
            _cut(c.model, 16),
            _cut(c.judge, 11),
            c.part if c.part != "main" or c.condition == "feels" else c.condition,
            f"{c.planned:,}",
            f"{c.done:,}",
            f"{c.truncated:,}",
            f"{c.named:,}" if c.stage == "elicit" else "",
            f"{c.lost:,}",
            f"{c.pending:,}",
        )
    console.print(table)
    for c in counts:
        if c.losses:
            kinds = ", ".join(f"{n} {status}" for status, n in sorted(c.losses.items()))
            worst = sorted(c.losses_by_trait.items(), key=lambda item: -item[1])[:3]
            traits = ", ".join(f"{trait} {n}" for trait, n in worst)
            part = f", {c.part}" if c.part != "main" else ""
            most = f"; most affected: {traits}" if traits else ""
            console.print(f"lost in {c.stage}, {c.model}{part}: {kinds}{most}")
        _print_reasons(console, c)
    _print_others(console, counts)


def print_losses(console: Console, counts: Sequence[StageCount]) -> None:
    """Print the account of what was lost, in sentences."""
    for c in counts:
        who = c.model if c.stage == "elicit" else f"{c.model} by {c.judge}"
        who += f", {c.part}" if c.part != "main" else ""
        kinds = ", ".join(f"{n} {s}" for s, n in sorted(c.losses.items())) or "none"
        more = [f"{c.pending:,} pending"] if c.pending else []
        if c.truncated:
            more.append(f"{c.truncated} truncated, kept")
        if c.other_finish:
            more.append(f"{c.other_finish} ended for an unknown reason (finish_reason), kept")
        if c.named:
            more.append(f"{c.named} naming a trait although told not to")
        if c.split:
            more.append(f"{c.split} with thoughts in the text, parted from it")
        what = "replies" if c.stage == "elicit" else "verdicts"
        tail = f"; {'; '.join(more)}" if more else ""
        console.print(
            f"{what}, {who}: {c.done:,} of {c.planned:,}; lost: {kinds}{tail}.", highlight=False
        )
        _print_reasons(console, c)
    _print_others(console, counts)


def _print_reasons(console: Console, count: StageCount) -> None:
    """Print why rows were lost, in the services' words."""
    for status, reason, n in count.reasons:
        console.print(f"  {n:,} {status}: {_cut(reason, 300)}", highlight=False)


def _print_others(console: Console, counts: Sequence[StageCount]) -> None:
    """Print where a service answered with another model than was asked."""
    for said in others_said(counts):
        console.print(f"{said}.", highlight=False)


def print_plan(console: Console, plan: Plan) -> None:
    """Print requests, tokens and cost."""
    console.print(f"{plan.study}: {plan.traits} traits, {plan.trials:,} trials per model.")
    console.print(plan.prompts)
    begun = any(r.pending != r.requests for r in plan.rows)
    table = _table(
        ("stage", "left"),
        ("name", "left"),
        ("to ask" if begun else "requests", "right"),
        ("tokens in", "right"),
        ("out", "right"),
        ("about", "right"),
        ("at most", "right"),
    )
    for r in plan.rows:
        table.add_row(
            r.stage,
            _cut(r.name, 20),
            f"{r.pending:,}",
            _short(r.prompt_tokens),
            _short(r.completion_tokens),
            _dollars(r.expected),
            _dollars(r.most),
        )
    console.print(table)
    console.print(
        f"About {_dollars(plan.expected)}, at most {_dollars(plan.most)}, excluding retries."
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
    if plan.spend_limit is not None:
        console.print(f"The run stops before it passes {_dollars(plan.spend_limit)}.")


def _cut(name: str, width: int) -> str:
    """Return a name, cut so that a table keeps to 80 columns."""
    return name if len(name) <= width else name[: width - 1] + "…"


def _short(tokens: int) -> str:
    """Return 12,345 as it is and larger numbers in millions."""
    return f"{tokens / 1e6:,.2f}M" if tokens >= 1e5 else f"{tokens:,}"


def _dollars(amount: float | None) -> str:
    """Return US dollars, or the word for not knowing."""
    if amount is None:
        return "unknown"
    return "$0" if amount == 0 else f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.4f}"


def print_checks(console: Console, checks: Sequence[Check]) -> None:
    """Print what one call to each model showed."""
    table = _table(
        ("name", "left"),
        ("model", "left"),
        ("answer", "left"),
        ("seconds", "right"),
        ("tokens in/out", "right"),
    )
    for c in checks:
        usage = c.reading.usage
        tokens = f"{_count(usage.prompt_tokens)}/{_count(usage.completion_tokens)}"
        table.add_row(
            _cut(c.name, 18), _cut(c.model, 26), str(c.reading.status), f"{c.seconds:.2f}", tokens
        )
    console.print(table)
    for c in checks:
        for found in c.findings:
            console.print(f"{c.name}: {found.kind}: {found.setting}: {found.words}")
            console.print(f"{c.name}: to mend it: {found.mend}")
        if c.problem:
            console.print(f"{c.name}: {c.problem}")
        if c.mend:
            console.print(f"{c.name}: to mend it: {c.mend}")
        if c.unseen:
            console.print(
                f"{c.name}: accepted; effect not verifiable: {', '.join(c.unseen)}", style="dim"
            )
        said = c.reading.model_said
        if not is_same_model(c.model, said):
            console.print(f"{c.name}: the service says it is {said}")


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens}"


def print_shift(console: Console, moved: Shift, *, most: int = 20) -> None:
    """Print the traits that moved, largest first, and how sure that is."""
    _print_title(console, f"{moved.after} minus {moved.before}, in rating points")
    table = _table(
        ("trait", "left"),
        ("shift", "right"),
        ("95% interval", "right"),
        ("p, corrected", "right"),
        ("on one scale", "right"),
    )
    rows = moved.frame().to_dicts()
    clear = [row for row in rows if row["p_adjusted"] < 0.05]
    for row in sorted(clear, key=lambda r: -abs(r["shift"]))[:most]:
        table.add_row(
            row["trait"],
            f"{row['shift']:+.0f}",
            f"{row['low']:+.0f} to {row['high']:+.0f}",
            f"{row['p_adjusted']:.3f}",
            f"{row['scaled_shift']:+.0f}",
        )
    if clear:
        console.print(table)
    console.print(
        f"{len(clear)} of {len(rows)} traits moved (p below 0.05 after Benjamini-Hochberg over "
        f"{len(rows)} tests)."
    )
    for caveat in moved.caveats:
        console.print(caveat, style="dim")


def print_validity(console: Console, found: Validity) -> None:
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
