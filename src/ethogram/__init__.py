"""Measure a language model's character by what it does.

The verbs of the command line, in Python::

    study = ethogram.load_study("study.toml")
    run = ethogram.run_study(study)
    for profile in ethogram.read_profiles(run.store):
        print(profile.frame())

A public name is imported when it is first used, so `import ethogram` is light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # what editors and type checkers read; tests hold it to the table below
    from ethogram import errors as errors
    from ethogram.analysis.analyse import analyse as analyse
    from ethogram.api import StoreStatus as StoreStatus
    from ethogram.api import StudyRun as StudyRun
    from ethogram.api import ask_study as ask_study
    from ethogram.api import cancel_batch as cancel_batch
    from ethogram.api import check_models as check_models
    from ethogram.api import check_study as check_study
    from ethogram.api import diff as diff
    from ethogram.api import drift as drift
    from ethogram.api import export_store as export_store
    from ethogram.api import figure as figure
    from ethogram.api import forecast_study as forecast_study
    from ethogram.api import list_batches as list_batches
    from ethogram.api import open_demo as open_demo
    from ethogram.api import plan_study as plan_study
    from ethogram.api import probe_study as probe_study
    from ethogram.api import read_batches as read_batches
    from ethogram.api import read_profiles as read_profiles
    from ethogram.api import read_source as read_source
    from ethogram.api import read_status as read_status
    from ethogram.api import read_trial as read_trial
    from ethogram.api import run_study as run_study
    from ethogram.api import save_figures as save_figures
    from ethogram.api import try_judges as try_judges
    from ethogram.api import write_batches as write_batches
    from ethogram.api import write_report as write_report
    from ethogram.design import Design as Design
    from ethogram.design import make_design as make_design
    from ethogram.errors import EthogramError as EthogramError
    from ethogram.ratings.comparisons import Comparisons as Comparisons
    from ethogram.ratings.comparisons import compare as compare
    from ethogram.ratings.differences import Difference as Difference
    from ethogram.ratings.drifts import Drift as Drift
    from ethogram.ratings.gate_files import load_gate as load_gate
    from ethogram.ratings.gates import Gate as Gate
    from ethogram.ratings.profile import Profile as Profile
    from ethogram.ratings.rate import rate as rate
    from ethogram.ratings.rate import rate_counts as rate_counts
    from ethogram.ratings.rate import rate_elo as rate_elo
    from ethogram.ratings.rate import reference_profiles as reference_profiles
    from ethogram.ratings.results import Rated as Rated
    from ethogram.ratings.shift import Shift as Shift
    from ethogram.ratings.shift import shift as shift
    from ethogram.store.store import Store as Store
    from ethogram.study import Study as Study
    from ethogram.study import load_study as load_study
    from ethogram.study import parse_study as parse_study
    from ethogram.validity.measure import Validity as Validity
    from ethogram.validity.measure import measure_validity as measure_validity
else:
    import lazy_loader

    __getattr__, _, __all__ = lazy_loader.attach(
        __name__,
        submodules=["errors"],
        submod_attrs={
            "analysis.analyse": ["analyse"],
            "api": [
                "StoreStatus",
                "StudyRun",
                "ask_study",
                "cancel_batch",
                "check_models",
                "check_study",
                "diff",
                "drift",
                "export_store",
                "figure",
                "forecast_study",
                "list_batches",
                "open_demo",
                "plan_study",
                "probe_study",
                "read_batches",
                "read_profiles",
                "read_source",
                "read_status",
                "read_trial",
                "run_study",
                "save_figures",
                "try_judges",
                "write_batches",
                "write_report",
            ],
            "design": ["Design", "make_design"],
            "errors": ["EthogramError"],
            "ratings.comparisons": ["Comparisons", "compare"],
            "ratings.differences": ["Difference"],
            "ratings.drifts": ["Drift"],
            "ratings.gate_files": ["load_gate"],
            "ratings.gates": ["Gate"],
            "ratings.profile": ["Profile"],
            "ratings.rate": ["rate", "rate_counts", "rate_elo", "reference_profiles"],
            "ratings.results": ["Rated"],
            "ratings.shift": ["Shift", "shift"],
            "store.store": ["Store"],
            "study": ["Study", "load_study", "parse_study"],
            "validity.measure": ["Validity", "measure_validity"],
        },
    )
    __all__ += ["__version__"]

    def __dir__() -> list[str]:
        return __all__.copy()
