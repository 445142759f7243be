"""Simulations behind docs/how-many.md: `python -m bench.design_sim accuracy|coverage|power`.

Each prints a Markdown table; `accuracy --figure FILE.svg` draws it, too. Nothing is asked of any
model: the published profiles, or drawn strengths, are taken for the truth. An adaptive study is
simulated with its allocation: pairs are chosen from the answers so far, as a run does.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from ethogram.design import Design, make_design
from ethogram.ratings.allocation import (
    Belief,
    believe,
    choose_pairs,
    design_of_trials,
    extend_design,
    find_aim,
)
from ethogram.ratings.comparisons import Comparisons, FloatArray, compare
from ethogram.ratings.models import ELO_PER_LOGIT, fit_elo
from ethogram.ratings.power import foresee, reference_spread
from ethogram.ratings.rate import rate, reference_profiles
from ethogram.ratings.shift import shift
from ethogram.ratings.stopping import measure
from ethogram.run.begun import MEETINGS_AT_FIRST, ROUNDS

PROMPTS, POSITION = 670, 0.25  # prompts of a study; logits toward choice 1
MODELS = ("claude-haiku-4.5", "ministral-14b-2512")
SIZES = (1000, 1500, 2000, 2500, 3000, 3400, 4000, 5000, 7000, 10296)
DESIGNS = ("balanced", "ranks", "ratings")


@dataclass
class Simulated:
    """A study that grows as its answers come."""

    truth: FloatArray
    aim: str  # "balanced": no pairs are chosen
    rng: np.random.Generator
    seed: int
    round_size: int

    def __post_init__(self) -> None:
        self.names = [str(i) for i in range(len(self.truth))]
        k = len(self.truth)
        repeats = 1 if k > 60 else 20
        self.fixed = make_design(k, PROMPTS, seed=self.seed, repeats=repeats)
        self.won = np.zeros(0)
        self.design = self._first(k * MEETINGS_AT_FIRST // 2)

    def _first(self, n: int) -> Design:
        fixed = self.fixed
        return design_of_trials(fixed, fixed.first[:n], fixed.second[:n], fixed.prompt[:n])

    def comparisons(self) -> Comparisons:
        """Answer what was asked since; return everything so far."""
        d, done = self.design, len(self.won)
        gap = self.truth[d.first[done:]] - self.truth[d.second[done:]] + POSITION
        won = self.rng.random(len(gap)) < 1 / (1 + np.exp(-gap))
        self.won = np.concatenate([self.won, won])
        adaptive = self.aim != "balanced"
        return compare(self.names, d.first, d.second, self.won, prompt=d.prompt, adaptive=adaptive)

    def grow(self, size: int, given: Comparisons, belief: Belief | None = None) -> None:
        """Ask so many more."""
        n = len(self.design) + size
        if self.aim == "balanced":
            self.design = self._first(n)
            return
        aim = find_aim(self.aim, self.names)
        pairs = choose_pairs([belief or believe(given)], size, aim)
        self.design = design_of_trials(self.fixed, *extend_design(self.design, pairs))

    def up_to(self, sizes: Sequence[int]) -> Iterator[Comparisons]:
        """Yield the comparisons at each size."""
        for size in sizes:
            while (given := self.comparisons()) and len(given) < size:
                self.grow(min(self.round_size, size - len(given)), given)
            yield given


def accuracy(model: str, aim: str, study: int) -> list[dict[str, object]]:
    """Correlation of ranks with the truth, and errors, of one study at each size."""
    truth = reference_profiles()[model].strengths
    rng = np.random.default_rng([7, study])
    made = Simulated(truth, aim, rng, study, 10296 // ROUNDS)
    rows = []
    for given in made.up_to(SIZES):
        found = believe(given).strengths
        rows.append(_row(model, aim, len(given), found, truth))
        if aim == "balanced":
            order = rng.permutation(len(given))
            games = (given.first[order], given.second[order], given.outcome[order])
            elo = fit_elo(*games, len(truth)) / ELO_PER_LOGIT
            rows.append(_row(model, "balanced, Elo", len(given), elo - elo.mean(), truth))
    return rows


def _row(model: str, aim: str, n: int, found: FloatArray, truth: FloatArray) -> dict[str, object]:
    return {
        "model": model,
        "design": aim,
        "calls": n,
        "rank correlation": float(spearmanr(found, truth).statistic),
        "error": ELO_PER_LOGIT * float(np.sqrt(np.mean((found - truth) ** 2))),
    }


def coverage(k: int, most: int, aim: str, rule: tuple[str, float] | None, study: int) -> list:
    """How often 95% intervals hold the truth, of one study that grows, and stops by a rule."""
    rng = np.random.default_rng([8, k, study])
    truth = rng.normal(0, reference_spread(), k)
    truth -= truth.mean()
    made = Simulated(truth, aim, rng, study, max(k, most // ROUNDS))
    while True:
        given = made.comparisons()
        profile = rate(given, splits=0) if rule or len(given) >= most else None
        done = len(given) >= most
        if profile and (done or (rule and measure(profile, rule[0]) <= rule[1])):
            break
        made.grow(min(made.round_size, most - len(given)), given)
    held = (profile.low <= truth) & (truth <= profile.high)
    name = f"{rule[0]} = {rule[1]:g}" if rule else "none"
    return [
        {
            "traits": k,
            "design": aim,
            "stop_when": name,
            "calls": len(given),
            "covered": float(held.mean()),
            "half-width": ELO_PER_LOGIT * float((profile.high - profile.low).mean() / 2),
            "error": ELO_PER_LOGIT * float(np.sqrt(np.mean((profile.strengths - truth) ** 2))),
        }
    ]


def power(k: int, n: int, prompts: int, promised: float, study: int) -> list[dict[str, object]]:
    """Two studies, five traits moved by the promised size: which simultaneous intervals see it?"""
    rng = np.random.default_rng([9, k, study])
    design = make_design(k, prompts, max_trials=n, repeats=1 if n <= k * (k - 1) // 2 else 4)
    truth = rng.normal(0, reference_spread(), k)
    m = min(5, k // 2)
    who, signs = rng.permutation(k)[:m], np.where(np.arange(m) % 2, -1.0, 1.0)
    moved = truth.copy()
    moved[who] += signs * promised / ELO_PER_LOGIT
    sides = []
    for strengths in (truth, moved):
        gap = strengths[design.first] - strengths[design.second] + POSITION
        won = rng.random(n) < 1 / (1 + np.exp(-gap))
        names = [str(i) for i in range(k)]
        sides.append(compare(names, design.first, design.second, won + 0.0, prompt=design.prompt))
    change = shift(*sides).raw
    called = change.p < 0.05 / k
    right = called[who] & (np.sign(change.estimate[who]) == signs)
    profile = rate(sides[0], splits=0)
    still = np.setdiff1d(np.arange(k), who)
    return [
        {
            "found": float(right.mean()),
            "half-width": ELO_PER_LOGIT * float((profile.high - profile.low).mean() / 2),
            "any false": float(called[still].any()),
        }
    ]


def _job(job: tuple) -> list[dict[str, object]]:
    function, *arguments = job
    return globals()[function](*arguments)


def _all(jobs: Sequence[tuple], workers: int) -> pl.DataFrame:
    with ProcessPoolExecutor(workers) as pool:
        return pl.DataFrame([row for rows in pool.map(_job, jobs) for row in rows])


def _mean(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    values = [c for c in table.columns if c not in by]
    return table.group_by(by, maintain_order=True).agg(
        *(pl.col(c).mean().round(4) for c in values),
        (pl.col(values[0]).std() / pl.len().sqrt()).round(4).alias("se"),
        pl.len().alias("studies"),
    )


def draw(table: pl.DataFrame, path: str) -> None:
    """Draw rank correlation against calls, a panel for each model."""
    import altair as alt

    chart = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "calls:Q",
                title="comparisons",
                scale=alt.Scale(type="log", domain=[SIZES[0], SIZES[-1]], nice=False),
                axis=alt.Axis(values=[1000, 2000, 3400, 5000, 10000]),
            ),
            y=alt.Y("rank correlation:Q", scale=alt.Scale(zero=False)),
            color=alt.Color("design:N", title="pairs, rating"),
        )
        .properties(width=330, height=260)
        .facet(column=alt.Column("model:N", title=None))
    )
    chart.save(path)


def main() -> None:
    """Simulate what is asked for, on all cores."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("accuracy", "coverage", "power"))
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--figure", default="")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--designs", nargs="+", default=DESIGNS)
    asked = parser.parse_args()
    pl.Config.set_tbl_formatting("ASCII_MARKDOWN").set_tbl_hide_dataframe_shape(True)
    pl.Config.set_tbl_rows(-1).set_tbl_hide_column_data_types(True).set_tbl_width_chars(
        140
    ).set_tbl_cols(-1)
    studies = range(asked.studies)
    if asked.what == "accuracy":
        jobs = [("accuracy", m, d, s) for m in MODELS for d in asked.designs for s in studies]
        table = _mean(_all(jobs, asked.workers), ["model", "design", "calls"])
        print(table)
        if asked.figure:
            draw(table, asked.figure)
    elif asked.what == "coverage":
        rules = (None, ("half_width", 150.0), ("rank_range", 12.0))
        jobs = [
            ("coverage", 40, 1200, d, rule, s)
            for d in asked.designs
            for rule in rules
            for s in studies
        ]
        print(_mean(_all(jobs, asked.workers), ["traits", "design", "stop_when"]))
    else:
        for k, n, prompts in ((10, 90, 90), (40, 780, 292), (144, 10296, 670)):
            repeats = 1 if n <= k * (k - 1) // 2 else 4
            design = make_design(k, prompts, max_trials=n, repeats=repeats)
            told = foresee(design, spread=reference_spread(), position=POSITION)
            jobs = [("power", k, n, prompts, told.shift, s) for s in studies]
            print(f"\n{k} traits, {n:,} comparisons; promised: {told}\n")
            print(_mean(_all(jobs, asked.workers).with_columns(traits=k), ["traits"]), flush=True)


if __name__ == "__main__":
    main()
