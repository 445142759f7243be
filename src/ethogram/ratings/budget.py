"""How much memory a rating or an analysis may take: the one place that decides what is left out.

All else grows with the comparisons that were given; what is bounded here grows with the square of
the traits, or with traits times draws.
"""

from __future__ import annotations

MEMORY = 1_500_000_000
"""Bytes for arrays. With Python and its libraries (some 250 MB) and the page of a report, a process
then stays below 2 GB, which a laptop and the smallest CI machines have to spare."""

NUMBER = 8
"""Bytes of a float64."""

MOST_NUMBERS = MEMORY // (NUMBER * 20)
"""Numbers in one block of an array that is worked through in blocks; some six stand side by side,
beside a matrix of traits by traits."""

SQUARES_OF_A_RATING = 6  # traits by traits, held at once while intervals are made
SQUARES_OF_A_PROFILE = 3  # its covariance, the same in the cohort, the root that draws noise
ARRAYS_OF_DRAWS = 8  # draws by models by traits, held at once in an analysis

ARRAYS_OF_COLUMNS = 4  # rows by traits, held at once where each trait has a slope
ARRAYS_OF_PAIRS = 16  # pairs of all traits, held at once where each has met each

DENSE = 300
"""Parameters up to which curvatures are dense; beyond that, where few pairs have met, conjugate
gradients on the comparisons that there are take less."""

EIGENVECTORS = 1_000
"""Traits up to which a covariance is decomposed by eigenvectors (half a second there)."""

SIMULATED_RANKS = 1_000
"""Traits up to which the joint rank ranges are simulated: pairs times draws, two seconds here."""


def correlations_fit(n_traits: int, n_profiles: int = 1) -> bool:
    """Whether so many profiles may each keep a covariance of traits by traits."""
    squares = SQUARES_OF_A_RATING + SQUARES_OF_A_PROFILE * n_profiles
    return squares * NUMBER * n_traits**2 <= MEMORY


def inverse_fits(n_parameters: int) -> bool:
    """Whether one inverse of parameters by parameters fits, made in place."""
    return NUMBER * n_parameters**2 <= 0.8 * MEMORY  # the rest is for blocks beside it


def draws_that_fit(n_draws: int, n_profiles: int, n_traits: int) -> int:
    """How many of so many draws of all profiles fit at once; 0 where fewer than a hundred do."""
    fit = MEMORY // (ARRAYS_OF_DRAWS * NUMBER * n_profiles * n_traits)
    return min(n_draws, fit) if fit >= min(n_draws, 100) else 0


def draws_for_one(n_draws: int, n_traits: int) -> int:
    """How many of so many draws of one profile fit at once; 2 at the least, for an interval."""
    return max(2, min(n_draws, MEMORY // (ARRAYS_OF_DRAWS * NUMBER * n_traits)))


def slopes_fit(n_rows: int, n_traits: int) -> bool:
    """Whether a slope for each trait, a column of the design, can be fitted to so many rows."""
    parameters = 2 * n_traits + 1
    numbers = ARRAYS_OF_COLUMNS * n_rows * (n_traits + 1) + SQUARES_OF_A_RATING * parameters**2
    return NUMBER * numbers <= MEMORY


def round_robin_fits(n_traits: int) -> bool:
    """Whether a row for each pair of so many traits can be rated."""
    pairs = n_traits * (n_traits - 1) // 2
    squares = SQUARES_OF_A_RATING * n_traits**2
    return NUMBER * (ARRAYS_OF_PAIRS * pairs + squares) <= MEMORY


def influences_fit(n_numbers: int) -> bool:
    """Whether so many numbers, one for each prompt and trait, fit, copied some five times over."""
    return 6 * NUMBER * n_numbers <= MEMORY
