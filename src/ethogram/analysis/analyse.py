"""Everything between profiles in one call: `analyse`.

Each part has a module of its own: `similarity`, `tiers`, `deviations`, `components`,
`clusters`. Pure: knows nothing of stores, services, files or figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ethogram.analysis.clusters import MAXIMUM_TRAITS, TraitClusters, cluster_traits
from ethogram.analysis.cohort import (
    STANDARD_ERRORS,
    Cohort,
    draw_noise,
    form_cohort,
    measured_interval,
)
from ethogram.analysis.components import MINIMUM_MODELS, Components, find_components
from ethogram.analysis.deviations import Deviations, deviate
from ethogram.analysis.similarity import Similarity, correlate_models
from ethogram.analysis.tiers import Convergence, spread_by_tier
from ethogram.analysis.views import check_one_view
from ethogram.ratings.budget import draws_for_one, draws_that_fit
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.phases import say_phase
from ethogram.ratings.serialise import as_plain
from ethogram.ratings.threads import on_one_thread

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile


DRAWN = ("similarity", "convergence", "components", "clusters")
"""Parts between models that are not worked out without draws."""

BETWEEN_MODELS = (
    "Intervals between models cover measurement noise only: the traits and the models are taken as "
    "given, not as samples of larger sets.",
    "The models' measurement errors are taken as independent of each other; prompts that all "
    "models share can make them alike.",
)
"""What is said wherever there are several models."""


@dataclass(frozen=True)
class Distribution:
    """How far a model's ratings lie apart, in Elo points.

    Attributes
    ----------
    model : str
    sd, sd_low, sd_high : float
        Standard deviation over traits; 95% interval of the measurement.
    sd_without_noise : float
        The same less the measurement noise; 0 if noise alone explains the spread.
    quartiles : tuple of float, length 3
    lowest, highest : float
    lowest_trait, highest_trait : str
    """

    model: str
    sd: float
    sd_low: float
    sd_high: float
    sd_without_noise: float
    quartiles: tuple[float, float, float]
    lowest: float
    highest: float
    lowest_trait: str
    highest_trait: str


@dataclass(frozen=True)
class Analysis:
    """What can be said between the profiles of one cohort.

    Attributes
    ----------
    cohort : Cohort
    distributions : tuple of Distribution, one per model
    similarity, convergence, deviations
        None with a single model.
    components, components_plain : Components or None
        Of each profile standardised, and of the plain logits; None with fewer than 3 models.
    clusters : TraitClusters or None
    not_run : tuple of (str, str)
        Part and reason for everything that is None or was left out.
    caveats : tuple of str
    seed, n_draws : int
    """

    cohort: Cohort
    distributions: tuple[Distribution, ...]
    similarity: Similarity | None
    convergence: Convergence | None
    deviations: Deviations | None
    components: Components | None
    components_plain: Components | None
    clusters: TraitClusters | None
    not_run: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]
    seed: int
    n_draws: int

    def to_dict(self) -> dict[str, object]:
        """Return every number as plain lists and dictionaries, fit for JSON (NaN is None).

        The covariances are left out: K x K for every model.
        """
        numbers: dict[str, Any] = as_plain(self)
        del numbers["cohort"]["covariances"]
        return numbers


@on_one_thread
def analyse(profiles: Sequence[Profile], *, seed: int = 0, n_draws: int = 1000) -> Analysis:
    """Analyse the profiles of one or more models on the traits that they share.

    Parameters
    ----------
    profiles : sequence of Profile
        All of one judge and condition (`ethogram.analysis.views.split_views`).
    seed : int
        Of every bootstrap and null model.
    n_draws : int
        Bootstrap and null draws (a twentieth as many for the clusters, which are slower).

    Raises
    ------
    InputError
        No profile, fewer than three traits that all profiles share, or several judges or
        conditions.
    """
    check_one_view(profiles)
    cohort = form_cohort(profiles)
    models = len(cohort.models)
    n_draws, asked = draws_that_fit(n_draws, models, len(cohort.traits)), n_draws
    several, enough = models > 1 and n_draws > 0, models >= MINIMUM_MODELS and n_draws > 0

    def components(*, standardised: bool) -> Components | None:
        if not enough:
            return None
        return find_components(cohort, standardised=standardised, n_draws=n_draws, seed=seed)

    say_phase("comparing models")
    clusters = (
        cluster_traits(cohort, n_draws=max(20, n_draws // 20), seed=seed) if several else None
    )
    return Analysis(
        cohort=cohort,
        distributions=describe_ratings(
            cohort, n_draws=n_draws or draws_for_one(asked, len(cohort.traits)), seed=seed
        ),
        similarity=correlate_models(cohort, n_draws=n_draws, seed=seed) if several else None,
        convergence=spread_by_tier(cohort, n_draws=n_draws, seed=seed) if several else None,
        deviations=deviate(cohort) if models > 1 else None,
        components=components(standardised=True),
        components_plain=components(standardised=False),
        clusters=clusters,
        not_run=_not_run(cohort, n_draws, clusters),
        caveats=(*_caveats(cohort), *_size_caveats(cohort, n_draws, asked)),
        seed=seed,
        n_draws=n_draws,
    )


def describe_ratings(
    cohort: Cohort, *, n_draws: int = 1000, seed: int = 0
) -> tuple[Distribution, ...]:
    """Describe how each model's ratings are distributed over the traits."""
    rng, spread = np.random.default_rng(seed), cohort.strengths.std(axis=1)
    drawn = [  # one model at a time: a block for all of them can be gigabytes
        (cohort.strengths[one] + draw_noise(cohort, n_draws, rng, models=one)).std(axis=2)
        for one in (slice(i, i + 1) for i in range(len(cohort.models)))
    ]
    low, high = measured_interval(spread, np.concatenate(drawn, axis=1))
    true = np.sqrt(np.clip(spread**2 - cohort.variances.mean(axis=1), 0, None))
    ratings = 1000 + ELO_PER_LOGIT * cohort.strengths
    return tuple(
        Distribution(
            model=model,
            sd=float(spread[i] * ELO_PER_LOGIT),
            sd_low=max(0.0, float(low[i] * ELO_PER_LOGIT)),
            sd_high=float(high[i] * ELO_PER_LOGIT),
            sd_without_noise=float(true[i] * ELO_PER_LOGIT),
            quartiles=tuple(float(q) for q in np.quantile(row, [0.25, 0.5, 0.75])),  # type: ignore[arg-type]
            lowest=float(row.min()),
            highest=float(row.max()),
            lowest_trait=cohort.traits[int(row.argmin())],
            highest_trait=cohort.traits[int(row.argmax())],
        )
        for i, (model, row) in enumerate(zip(cohort.models, ratings, strict=True))
    )


def _not_run(
    cohort: Cohort, n_draws: int, clusters: TraitClusters | None
) -> tuple[tuple[str, str], ...]:
    """List what the cohort is too small or too large for, or what is not installed."""
    models, missing = len(cohort.models), dict[str, str]()
    if not n_draws:
        reason = f"a hundred draws of {_size(cohort)} do not fit in memory"
        missing |= dict.fromkeys(DRAWN, reason)
    if models < 2:  # the plainer reason takes the place of the other
        missing |= dict.fromkeys((*DRAWN, "deviations"), f"{_models(models)}; it needs 2")
    if models < MINIMUM_MODELS:
        missing["components"] = f"{_models(models)}; it needs {MINIMUM_MODELS}"
    if clusters is not None:
        for one in (clusters.ward, clusters.density):
            if one.not_run:
                missing[f"clusters, {one.method}"] = one.not_run
    return tuple(missing.items())


def _models(n: int) -> str:
    return f"{n} model{'s' if n > 1 else ''}"


def _size(cohort: Cohort) -> str:
    return f"{_models(len(cohort.models))} of {len(cohort.traits):,} traits"


def _size_caveats(cohort: Cohort, n_draws: int, asked: int) -> tuple[str, ...]:
    """State what is left out, or coarser, for lack of memory."""
    models, traits, size = len(cohort.models), len(cohort.traits), _size(cohort)
    said = []
    if not cohort.correlations_kept:
        said.append(
            f"For {size}, errors of one model's traits count as independent: their correlations "
            "take too much memory."
        )
    if models > 1 and not n_draws:
        which = "agreement, components" if models >= MINIMUM_MODELS else "agreement"
        said.append(
            f"Similarity, {which} and groups were not computed: {size} are too many for the draws "
            "behind their intervals."
        )
    elif n_draws < asked:
        drawn = n_draws or draws_for_one(asked, traits)
        what = "between models" if models > 1 else "of the spread of ratings"
        said.append(
            f"Intervals {what} are from {drawn:,} draws, not {asked:,}: for {size}, no more fit in "
            "memory."
        )
    if models > 1 and n_draws and traits > MAXIMUM_TRAITS:
        said.append(
            f"Groups of traits were not sought: for {traits:,} traits (at most "
            f"{MAXIMUM_TRAITS}) the redraws would take hours."
        )
    return tuple(said)


def _caveats(cohort: Cohort) -> tuple[str, ...]:
    """State what the intervals of the analysis do not carry."""
    caveats = list(BETWEEN_MODELS) if len(cohort.models) > 1 else []
    if cohort.left_out:
        caveats.append(
            f"{len(cohort.left_out)} traits that not every profile has are left out: "
            f"{', '.join(cohort.left_out[:10])}{' ...' if len(cohort.left_out) > 10 else ''}."
        )
    counted = sum(source == STANDARD_ERRORS for source in cohort.reliability_source)
    if counted:
        caveats.append(
            f"{counted} of {len(cohort.models)} profiles carry no split-half reliability; it is "
            "taken from their standard errors instead, which leaves out whatever those leave out."
        )
    return tuple(caveats)
