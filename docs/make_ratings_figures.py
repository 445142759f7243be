"""Draw the figure of docs/ratings.md and print the numbers in its text.

    python docs/make_ratings_figures.py

Simulates studies like the published one: the nine reference profiles are taken for the truth, and
each of 10,296 pairs of 144 traits is judged once.
"""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
from scipy.stats import spearmanr

from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.models import (
    ELO_PER_LOGIT,
    fit_bradley_terry,
    fit_elo,
    fit_elo_orders,
    permute,
)
from ethogram.ratings.pairs import count_pairs
from ethogram.ratings.rate import reference_profiles

OUT = Path(__file__).parent / "figures" / "ratings.svg"
SIZES = (1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 7000, 8000, 9000, 10296)
STUDIES, ORDERS = 10, 200
EXAMPLE = "gpt-5.1"
NAMED_AT = 8000  # comparisons, where a line carries its name
ELO, BRADLEY_TERRY = "#b45309", "#1d4ed8"


def simulate(
    strengths: FloatArray, rng: np.random.Generator
) -> tuple[IntArray, IntArray, FloatArray]:
    """Judge every pair once, in random order; choice 1 at random."""
    k = len(strengths)
    pairs = rng.permuted(np.stack(np.triu_indices(k, 1), axis=1), axis=1)
    first, second = pairs[rng.permutation(len(pairs))].T
    chance = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    return first, second, (rng.random(len(first)) < chance).astype(float)


def recovery(truths: dict[str, FloatArray]) -> pl.DataFrame:
    """Spearman with the truth: one row per model, study, size and method."""
    rows = []
    for model, truth in truths.items():
        for study in range(STUDIES):
            data = simulate(truth, np.random.default_rng([study, len(rows)]))
            for n in SIZES:
                part = [column[:n] for column in data]
                found = {
                    "Elo, one pass": fit_elo(*part, len(truth)),
                    "Bradley-Terry": fit_bradley_terry(count_pairs(*part, len(truth))).strengths,
                }
                for method, ratings in found.items():
                    rho = spearmanr(ratings, truth).statistic
                    rows.append({"model": model, "n": n, "method": method, "rho": rho})
    return pl.DataFrame(rows)


def reshuffled(truth: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Elo ratings of one study's comparisons in many orders, shape (orders, traits)."""
    first, second, won = simulate(truth, np.random.default_rng(seed))
    orders = permute(len(first), ORDERS, seed=seed)
    ratings = fit_elo_orders(first, second, won, len(truth), orders=orders)
    fit = fit_bradley_terry(count_pairs(first, second, won, len(truth)))
    return ratings, 1000 + ELO_PER_LOGIT * fit.strengths


def draw(ratings: FloatArray, steady: FloatArray, curves: pl.DataFrame) -> alt.HConcatChart:
    """Both panels side by side."""
    order = np.argsort(-steady)
    low, high = np.quantile(ratings, [0.025, 0.975], axis=0)
    moved = pl.DataFrame(
        {
            "place": np.arange(1, len(order) + 1),
            "low": low[order],
            "high": high[order],
            "steady": steady[order],
        }
    )
    base = alt.Chart(moved).encode(
        x=alt.X(
            "place:Q",
            title="trait, by Bradley-Terry rating",
            scale=alt.Scale(domain=[0, 145], nice=False),
        )
    )
    left = (
        base.mark_rule(color=ELO, strokeWidth=1.6).encode(
            y=alt.Y("low:Q", title="rating (Elo points)", scale=alt.Scale(zero=False)), y2="high:Q"
        )
        + base.mark_circle(color=BRADLEY_TERRY, size=14, opacity=1).encode(y="steady:Q")
    ).properties(
        width=380,
        height=260,
        title=[
            "One study, reshuffled 200 times: 95% of the Elo ratings",
            "(bars), and Bradley-Terry, which knows no order (dots)",
        ],
    )
    means = curves.group_by("n", "method").agg(pl.col("rho").mean()).sort("n")
    colour = alt.Color(
        "method:N",
        legend=None,
        scale=alt.Scale(domain=["Bradley-Terry", "Elo, one pass"], range=[BRADLEY_TERRY, ELO]),
    )
    lines = alt.Chart(means).encode(
        x=alt.X("n:Q", title="comparisons", scale=alt.Scale(domain=[0, 10500], nice=False)),
        y=alt.Y("rho:Q", title="Spearman with the truth", scale=alt.Scale(domain=[0.82, 1.0])),
        color=colour,
    )
    names = lines.transform_filter(alt.datum.n == NAMED_AT).mark_text(dy=-12, align="right")
    half = alt.Chart(pl.DataFrame({"n": [SIZES[-1] / 2]})).mark_rule(strokeDash=[4, 4])
    right = (
        lines.mark_line(point=True) + names.encode(text="method:N") + half.encode(x="n:Q")
    ).properties(
        width=380,
        height=260,
        title=[
            "How well the truth is recovered, mean of nine models",
            "(dashed: half the comparisons)",
        ],
    )
    return alt.hconcat(left, right).configure(background="white").configure_axis(gridOpacity=0.4)


def main() -> None:
    """Write the figure; print what the page says."""
    truths = {model: profile.strengths for model, profile in reference_profiles().items()}
    spreads, gaps = [], []
    for seed, truth in enumerate(truths.values()):
        ratings, _ = reshuffled(truth, seed)
        spreads.append(ratings.std(axis=0, ddof=1).mean())
        gaps.append(np.abs(ratings[::2] - ratings[1::2]).mean())
    print(f"reshuffling: SD {min(spreads):.0f} to {max(spreads):.0f} points, ", end="")
    print(f"two orders differ by {min(gaps):.0f} to {max(gaps):.0f} on average")
    curves = recovery(truths)
    table = curves.group_by("n", "method").agg(pl.col("rho").mean())
    print(table.pivot(on="method", index="n", values="rho").sort("n"))
    full = curves.filter(pl.col("n") == SIZES[-1]).group_by("method", "model")
    by_model = full.agg(pl.col("rho").mean()).group_by("method")
    print(by_model.agg(low=pl.col("rho").min(), high=pl.col("rho").max()))
    wanted = table.filter((pl.col("n") == SIZES[-1]) & (pl.col("method") != "Bradley-Terry"))
    steady = table.filter(pl.col("method") == "Bradley-Terry").sort("n")
    needed = float(np.interp(wanted["rho"][0], steady["rho"], steady["n"]))
    print(f"Bradley-Terry ranks as well as all of Elo from {needed:.0f} comparisons")
    for model in truths:
        one = (
            curves.filter(pl.col("model") == model)
            .group_by("n", "method")
            .agg(pl.col("rho").mean())
        )
        goal = one.filter((pl.col("n") == SIZES[-1]) & (pl.col("method") != "Bradley-Terry"))["rho"]
        line = one.filter(pl.col("method") == "Bradley-Terry").sort("n")
        print(f"  {model}: {np.interp(goal[0], line['rho'], line['n']):.0f}")
    OUT.parent.mkdir(exist_ok=True)
    draw(*reshuffled(truths[EXAMPLE], 0), curves).save(OUT)
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
