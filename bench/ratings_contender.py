"""One contender of `ratings_bench.py`, in a process and environment of its own; prints JSON.

Each `..._fit` returns a function for one fit (its input already in the form it likes best) that
returns log strengths, and one for so many bootstrap resamples that says how many it did and in
how many seconds, what is done once only left out where few resamples stand for many.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

FEW = 5  # resamples timed where a thousand would take minutes


def ethogram(first, second, won, k):
    """Our own: plain maximum likelihood like the others."""
    from ethogram.ratings.models import fit_bradley_terry
    from ethogram.ratings.pairs import count_pairs, pair_rows
    from ethogram.ratings.resampling import bootstrap

    def fit():
        return fit_bradley_terry(count_pairs(first, second, won, k), ridge=1e-6)

    def resample(count):
        started = time.perf_counter()
        rows = pair_rows(first, second, won, k)
        draws = bootstrap(rows, fit(), np.arange(len(first)), resamples=count, seed=0)
        np.quantile(draws, [0.025, 0.975], axis=0)
        return count, time.perf_counter() - started

    return lambda: fit().strengths, resample


def evalica(first, second, won, k):
    """Run evalica's Rust core; percentile intervals, its fastest."""
    import evalica as library

    xs, ys = first.tolist(), second.tolist()
    winners = [library.Winner.X if w else library.Winner.Y for w in won]

    def fit():
        scores = library.bradley_terry(xs, ys, winners).scores
        return np.log(scores.sort_index().to_numpy())

    def resample(count):
        started = time.perf_counter()
        library.bootstrap(
            library.bradley_terry,
            xs,
            ys,
            winners,
            n_resamples=count,
            bootstrap_method="percentile",
            random_state=0,
        )
        return count, time.perf_counter() - started

    return fit, resample


def choix(first, second, won, k):
    """Run choix's iterative spectral ranking, its fastest exact fit; a loop makes the bootstrap."""
    import choix as library

    pairs = [
        (i, j) if w else (j, i)
        for i, j, w in zip(first.tolist(), second.tolist(), won, strict=True)
    ]

    def resample(count):
        rng = np.random.default_rng(0)
        started = time.perf_counter()
        for _ in range(FEW):
            drawn = rng.integers(0, len(pairs), len(pairs))
            library.ilsr_pairwise(k, [pairs[i] for i in drawn], alpha=1e-4)
        return FEW, time.perf_counter() - started

    return lambda: library.ilsr_pairwise(k, pairs), resample


def arena_rank(first, second, won, k):
    """arena-rank's JAX model, warm; its resamples one after another, as its pool of forks hangs."""
    import jax
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
    from arena_rank.utils.data_utils import PairDataset

    names = [f"{i:04d}" for i in range(k)]
    frame = pd.DataFrame(
        {
            "model_a": [names[i] for i in first],
            "model_b": [names[i] for i in second],
            "winner": np.where(won > 0, "model_a", "model_b"),
        }
    )
    dataset = PairDataset.from_pandas(frame)
    order = np.argsort([str(c) for c in dataset.competitors])

    def fit():
        model = BradleyTerry(n_competitors=k)
        model.fit(dataset)
        return np.asarray(model.params["ratings"])[order]

    def resample(count):
        model = BradleyTerry(n_competitors=k)
        model.fit(dataset)
        total = int(dataset.counts.sum())
        chance = dataset.counts / dataset.counts.sum()
        shape = (FEW, len(dataset.counts))
        counts = jax.random.multinomial(jax.random.PRNGKey(0), total, chance, shape=shape)
        fit_single_bootstrap_sample(counts[0].astype(float), model, dataset)
        started = time.perf_counter()
        for drawn in counts:
            result = fit_single_bootstrap_sample(drawn.astype(float), model, dataset)
            np.asarray(result["ratings"])
        return FEW, time.perf_counter() - started

    return fit, resample


def seconds(call):
    """Time of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def memory():
    """Peak resident memory of this process in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def contend(name, path, resamples):
    """Time a contender: best of ten warm fits, one bootstrap scaled up to all resamples."""
    data = np.load(path)
    k = int(data["first"].max()) + 1
    make = {"ethogram": ethogram, "evalica": evalica, "choix": choix, "arena-rank": arena_rank}
    fit, resample = make[name](data["first"], data["second"], data["won"], k)
    strengths = fit()
    fit_seconds = min(seconds(fit) for _ in range(10))
    done, elapsed = resample(resamples)
    return {
        "fit": fit_seconds,
        "resamples": elapsed * resamples / done,
        "timed": done,
        "memory": memory(),
        "strengths": (strengths - np.mean(strengths)).tolist(),
    }


def grow(k, n):
    """Time count and fit, and up to a million comparisons a whole default profile."""
    from ethogram.ratings.comparisons import compare
    from ethogram.ratings.models import fit_bradley_terry
    from ethogram.ratings.pairs import count_pairs
    from ethogram.ratings.rate import rate
    from ratings_bench import simulate

    first, second, won = simulate(k, n)
    fit = min(
        seconds(lambda: fit_bradley_terry(count_pairs(first, second, won, k))) for _ in range(3)
    )
    whole = None
    if n <= 10**6:
        traits = [f"trait {i}" for i in range(k)]
        data = compare(traits, first, second, won, prompt=np.arange(n))
        whole = seconds(lambda: rate(data))
    return {"k": k, "n": n, "fit": fit, "rate": whole, "memory": memory()}


if __name__ == "__main__":
    if sys.argv[1] == "growth":
        print(json.dumps(grow(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps(contend(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
