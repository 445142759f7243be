"""Measure a language model's character by what it does.

The verbs of the command line, in Python::

    study = ethogram.load_study("study.toml")
    run = ethogram.run_study(study)
    for profile in ethogram.read_profiles(run.store):
        print(profile.frame())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ethogram.analysis.analyse import analyse
    from ethogram.api import (
        StudyRun,
        check_study,
        plan_study,
        read_profiles,
        read_source,
        run_study,
    )
    from ethogram.design import Design, make_design
    from ethogram.errors import EthogramError
    from ethogram.ratings.comparisons import Comparisons, compare
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.rate import rate, rate_counts, rate_elo, reference_profiles
    from ethogram.ratings.shift import Shift, shift
    from ethogram.store.store import Store
    from ethogram.study import Study, load_study, parse_study
    from ethogram.validity.measure import Validity, measure_validity

# Imported when first used: `ethogram --help` and `import ethogram` stay light.
_HOMES = {
    "analyse": "analysis.analyse",
    "Comparisons": "ratings.comparisons",
    "compare": "ratings.comparisons",
    "Design": "design",
    "make_design": "design",
    "EthogramError": "errors",
    "StudyRun": "api",
    "plan_study": "api",
    "read_profiles": "api",
    "run_study": "api",
    "check_study": "api",
    "Profile": "ratings.rate",
    "rate": "ratings.rate",
    "rate_counts": "ratings.rate",
    "rate_elo": "ratings.rate",
    "reference_profiles": "ratings.rate",
    "read_source": "api",
    "Shift": "ratings.shift",
    "shift": "ratings.shift",
    "Store": "store.store",
    "Study": "study",
    "load_study": "study",
    "parse_study": "study",
    "Validity": "validity.measure",
    "measure_validity": "validity.measure",
}

__all__ = [
    "Comparisons",
    "Design",
    "EthogramError",
    "Profile",
    "Shift",
    "Store",
    "Study",
    "StudyRun",
    "Validity",
    "__version__",
    "analyse",
    "check_study",
    "compare",
    "load_study",
    "make_design",
    "measure_validity",
    "parse_study",
    "plan_study",
    "rate",
    "rate_counts",
    "rate_elo",
    "read_profiles",
    "read_source",
    "reference_profiles",
    "run_study",
    "shift",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ethogram' has no attribute {name!r}")
    return getattr(import_module(f"ethogram.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
