"""The verbs of the command line as functions: run a study, test it, plan it, read its profiles."""

from __future__ import annotations

from ethogram.api.batches import (
    ReadBatches,
    WrittenBatches,
    cancel_batch,
    list_batches,
    read_batches,
    write_batches,
)
from ethogram.api.comparing import Side, diff, drift, is_published, pick_two
from ethogram.api.probing import probe_study
from ethogram.api.reading import (
    REFERENCE,
    StoreStatus,
    export_store,
    read_profiles,
    read_source,
    read_status,
    read_trial,
)
from ethogram.api.reports import figure, open_demo, save_figures, write_report
from ethogram.api.runs import (
    COUNTED,
    StudyRun,
    ask_study,
    check_models,
    check_study,
    forecast_study,
    name_exemplars,
    parts_asked,
    plan_study,
    run_study,
    try_judges,
    unasked_exemplars,
)

__all__ = [
    "COUNTED",
    "REFERENCE",
    "ReadBatches",
    "Side",
    "StoreStatus",
    "StudyRun",
    "WrittenBatches",
    "ask_study",
    "cancel_batch",
    "check_models",
    "check_study",
    "diff",
    "drift",
    "export_store",
    "figure",
    "forecast_study",
    "is_published",
    "list_batches",
    "name_exemplars",
    "open_demo",
    "parts_asked",
    "pick_two",
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
    "unasked_exemplars",
    "write_batches",
    "write_report",
]
