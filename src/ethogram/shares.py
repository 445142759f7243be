"""How much of a study its validity checks ask again, and what that costs in calls."""

from __future__ import annotations

from dataclasses import dataclass

from ethogram.accuracy import LEAST_PLANTS, PLANT_SHARE
from ethogram.errors import InputError


@dataclass(frozen=True)
class Shares:
    """Each check's sample, as a share of the study's trials.

    Attributes
    ----------
    plants : float
        Planted replies: one elicitation and one judging each.
    orders : float
        Replies judged in the other order, too.
    repeats : float
        Replies judged again in the same order.
    judges : float
        Replies judged by further judges; where there are several, they divide these calls.
    judged_plants : float
        Judgings of planted replies by further judges, in terms of the trials; divided likewise.
    retest : float
        Trials asked again: one elicitation and one judging each.

    Raises
    ------
    InputError
        A share that is not from 0 to 1.
    """

    plants: float = PLANT_SHARE
    orders: float = 0.10
    repeats: float = 0.05
    judges: float = 0.10
    judged_plants: float = PLANT_SHARE
    retest: float = 0.05

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise InputError(f"the share {name} is {value}, expected a number from 0 to 1")

    def calls(self, n_traits: int, n_trials: int, *, further_judges: int = 1) -> dict[str, int]:
        """Calls of each check; the study itself takes twice `n_trials`.

        Parameters
        ----------
        n_traits, n_trials : int
        further_judges : int
            Judges besides the study's own; with 0 nothing is asked for agreement between judges.
        """
        plants = n_traits * max(LEAST_PLANTS, round(self.plants * n_trials / n_traits))
        return {
            "plants": 2 * plants if self.plants else 0,
            "orders": round(self.orders * n_trials),
            "repeats": round(self.repeats * n_trials),
            "judges": round(self.judges * n_trials) if further_judges else 0,
            "judged_plants": min(round(self.judged_plants * n_trials), plants * further_judges)
            if self.plants
            else 0,
            "retest": 2 * round(self.retest * n_trials),
        }

    def extra(self, n_traits: int, n_trials: int, *, further_judges: int = 1) -> float:
        """Extra calls as a share of the study's own (an elicitation and a judging a trial)."""
        made = self.calls(n_traits, n_trials, further_judges=further_judges)
        return sum(made.values()) / (2 * n_trials)
