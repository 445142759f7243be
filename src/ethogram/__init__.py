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
    from ethogram.analysis import analyse
    from ethogram.comparisons import Comparisons, compare
    from ethogram.design import Design, make_design
    from ethogram.errors import EthogramError
    from ethogram.library import StudyRun, check_study, plan_study, read_profiles, run_study
    from ethogram.profiles import Profile, rate, rate_counts, rate_elo, reference_profiles
    from ethogram.results import read_source
    from ethogram.shifts import Shift, shift
    from ethogram.store import Store
    from ethogram.study import Study, load_study, parse_study
    from ethogram.validity import Validity, measure_validity

# Imported when first used: `ethogram --help` and `import ethogram` stay light.
_HOMES = {
    "analyse": "analysis",
    "Comparisons": "comparisons",
    "compare": "comparisons",
    "Design": "design",
    "make_design": "design",
    "EthogramError": "errors",
    "StudyRun": "library",
    "plan_study": "library",
    "read_profiles": "library",
    "run_study": "library",
    "check_study": "library",
    "Profile": "profiles",
    "rate": "profiles",
    "rate_counts": "profiles",
    "rate_elo": "profiles",
    "reference_profiles": "profiles",
    "read_source": "results",
    "Shift": "shifts",
    "shift": "shifts",
    "Store": "store",
    "Study": "study",
    "load_study": "study",
    "parse_study": "study",
    "Validity": "validity",
    "measure_validity": "validity",
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
