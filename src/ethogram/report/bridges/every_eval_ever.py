"""Profiles as records of Every Eval Ever (arXiv 2606.14516), schema 0.3.0.

One file per model, judge and condition, with a result per trait, where its datastore keeps such
files: `data/ethogram/DEVELOPER/MODEL/UUID.json`. Its records of single items are not written: they
must say whether a reply is correct, and a reply that shows a trait is neither correct nor wrong.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ethogram import __version__
from ethogram.engine.services import SERVICES
from ethogram.errors import InputError
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.profile import Profile
from ethogram.report.bridges.dataset_card import prompt_licence
from ethogram.report.judge import judge_account
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults

SCHEMA = "0.3.0"
COLLECTION = "ethogram"
LONGEST = 100  # bytes of a part of a path: file systems take 255
NOT_STATED = "not stated"
_HOME = "https://github.com/ethogram/ethogram"
_AT_HOME = ("local", "vllm", "sglang", "ollama", "lmstudio")
_NO_PART_OF_A_PATH = re.compile(r'[/<>:"\\|?*\x00-\x1f]+')
_RESERVED = re.compile(r"(data|unknown|con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.I)


@dataclass(frozen=True)
class Study:
    """What every record of one store shares.

    Attributes
    ----------
    name : str
    started : float
        Seconds since 1970, when the last run began.
    prompts, traits : str
        As the study file names them.
    licence : str
    account : str
        How far the judges can be believed.
    """

    name: str
    started: float
    prompts: str
    traits: str
    licence: str
    account: str


def export_records(
    results: StoreResults, folder: Path, *, force: bool = False
) -> Iterator[tuple[Path, int]]:
    """Write a record per profile; yields each file and how many results it has.

    Parameters
    ----------
    results : StoreResults
    folder : Path
        Made if it is not there; `data/` is made in it.
    force : bool
        Also replace files that ethogram did not write.

    Raises
    ------
    InputError
        Nothing is rated, or a file cannot be written or is not ethogram's.
    """
    profiles = results.rated().profiles
    if not profiles:
        raise InputError(f"{results.store.path} has no ratings: a record is written of a profile")
    study, now = _study(results), int(time.time())
    records = []
    for profile in profiles:
        model = model_info(profile.model, _settings(results.models, profile.model))
        path = folder / record_path(profile, model["id"], study)
        records.append((path, _record(results, profile, study, model, now)))
    check_folder(folder)
    check_outputs([path for path, _ in records if not _is_ours(path)], force=force)
    for path, record in records:
        with partial_file(path) as partial:
            partial.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
        yield path, len(record["evaluation_results"])


def _is_ours(path: Path) -> bool:
    """Whether a file is a record that ethogram wrote: the schema has no place for our mark."""
    try:
        return bool(orjson.loads(path.read_bytes())["eval_library"]["name"] == COLLECTION)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return False


def _study(results: StoreResults) -> Study:
    studies = results.store.studies()
    last: dict[str, Any] = (
        studies[-1] if studies else {"name": results.store.path.stem, "started": 0.0}
    )
    table = orjson.loads(last.get("settings", "{}")).get("study", {})
    account = judge_account(measure_validity(results, corrections=False))
    return Study(
        name=last["name"],
        started=float(last["started"]),
        prompts=_named(table.get("prompts")),
        traits=_named(table.get("traits")),
        licence=prompt_licence(studies).sentence,
        account=account.headline,
    )


def _named(source: Any) -> str:
    """Name a source of traits or prompts, without the folders that a file is in."""
    if not isinstance(source, str) or not source:
        return "the study's own"
    return source if "/" not in source and "\\" not in source else re.split(r"[/\\]", source)[-1]


def _settings(parties: Mapping[str, str], name: str) -> dict[str, Any]:
    return dict(orjson.loads(parties.get(name, "{}")))


def record_path(profile: Profile, model_id: str, study: Study) -> Path:
    """Return where the datastore keeps a record; the same profile has the same name each time."""
    developer, *rest = model_id.split("/")
    about = (study.name, study.started, profile.model, profile.judge, profile.condition)
    digest = hashlib.sha256(orjson.dumps(about)).digest()
    name = f"{uuid.UUID(bytes=digest[:16], version=4)}.json"
    return Path("data") / COLLECTION / developer / "_".join(rest) / name


def model_info(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return who a model is: its name in the study, and DEVELOPER/MODEL."""
    service = settings.get("service") or ""
    deployment = "self_deployed" if service in _AT_HOME else "unknown"
    if service in SERVICES and service not in _AT_HOME:
        deployment = "externally_managed"
    return {
        "name": name,
        "id": _model_id(name, settings.get("model") or name, service),
        **({"inference_platform": service} if service else {}),
        "additional_details": {
            "deployment_type": deployment,
            "model_availability": "open_weights" if service == "local" else "unknown",
        },
    }


def _model_id(name: str, model: str, service: str) -> str:
    """Return DEVELOPER/MODEL as the service spells it; of a file, no folder of this machine."""
    if service == "local":
        parts = ["local", Path(model.removeprefix("local/")).stem or name]
    else:
        parts = [part for part in model.split("/") if part]
        if len(parts) < 2:
            parts = [service or "self-hosted", *(parts or [name])]
    return "/".join(map(_portable, parts))


def _portable(part: str) -> str:
    """Return a name that a folder can have on any system."""
    clean = _NO_PART_OF_A_PATH.sub("-", part).strip(". ") or "unnamed"
    if len(clean.encode()) > LONGEST:
        digest = hashlib.sha256(clean.encode()).hexdigest()[:6]
        clean = f"{clean.encode()[:LONGEST].decode(errors='ignore').strip('. ')}-{digest}"
    return f"model-{clean}" if _RESERVED.fullmatch(clean) else clean


def _record(
    results: StoreResults, profile: Profile, study: Study, model: dict[str, Any], now: int
) -> dict[str, Any]:
    """Return one profile's record."""
    judge = _settings(results.judges, profile.judge)
    settings = _settings(results.models, profile.model)
    shared = {
        "source_data": _source_data(study),
        "evaluation_timestamp": str(int(study.started)),
        "generation_config": _generation(settings, profile.condition),
    }
    metric = _metric(profile, judge, study)
    frame = profile.frame().to_dicts()
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{COLLECTION}/{model['id']}/{now}",
        "evaluation_timestamp": str(int(study.started)),
        "retrieved_timestamp": str(now),
        "source_metadata": {
            "source_name": study.name,
            "source_type": "evaluation_run",
            "source_organization_name": NOT_STATED,
            "evaluator_relationship": "other",
            "additional_details": _caveats(profile, study),
        },
        "eval_library": {
            "name": COLLECTION,
            "version": __version__,
            "additional_details": {"url": _HOME},
        },
        "model_info": model,
        "evaluation_results": [_result(profile, row, shared, metric) for row in frame],
    }


def _caveats(profile: Profile, study: Study) -> dict[str, str]:
    """Return the denominators and what a reader must know of a profile."""
    told = {f"caveat_{i}": text for i, text in enumerate(profile.caveats, start=1)}
    return {
        "comparisons": str(profile.n),
        "lost": str(profile.lost),
        "traits": study.traits,
        "judge": profile.judge,
        "judge_accuracy": study.account,
        "condition": profile.condition,
        "prompts_licence": study.licence,
        **told,
    }


def _source_data(study: Study) -> dict[str, Any]:
    """Name the prompts that were answered."""
    if study.prompts.partition(":")[0] == "wildchat":
        return {
            "dataset_name": "WildChat-4.8M",
            "source_type": "hf_dataset",
            "hf_repo": "allenai/WildChat-4.8M",
        }
    if study.prompts == "bundled":
        return {"dataset_name": "ethogram, bundled prompts", "source_type": "url", "url": [_HOME]}
    return {"dataset_name": study.prompts, "source_type": "other"}


def _generation(settings: Mapping[str, Any], condition: str) -> dict[str, Any]:
    """Return how replies were generated; what the schema has no key for stands as text."""
    params = dict(settings.get("params", {}))
    known = {key: params.pop(key) for key in ("temperature", "top_p", "top_k") if key in params}
    most = next((k for k in ("max_tokens", "max_completion_tokens") if k in params), None)
    if most is not None:
        known["max_tokens"] = params.pop(most)
    template = settings.get("templates", {}).get(condition)
    if isinstance(template, str):
        known["prompt_template"] = template
    return {
        "generation_args": known,
        "additional_details": {key: orjson.dumps(value).decode() for key, value in params.items()},
    }


def _metric(profile: Profile, judge: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """Return what a rating is, and who judged."""
    templates = judge.get("templates", {})  # those in use: the system text, then the question
    told = [text for key, text in sorted(templates.items(), key=_is_question) if text]
    temperature = judge.get("params", {}).get("temperature")
    return {
        "evaluation_description": (
            f"How often {_shown(profile)}: a Bradley-Terry rating, mean 1000, 400 points per "
            "factor of ten in the odds. Higher is more often, not better."
        ),
        "metric_id": "ethogram.rating",
        "metric_kind": "elo",
        "metric_unit": "points",
        "metric_parameters": {"mean": 1000, "points_per_tenfold_odds": 400},
        "lower_is_better": False,
        "score_type": "continuous",
        "min_score": "-Infinity",
        "max_score": "Infinity",
        "llm_scoring": {
            "judges": [
                {
                    "model_info": model_info(profile.judge, judge),
                    **({"temperature": temperature} if temperature is not None else {}),
                }
            ],
            "input_prompt": "\n\n".join(told) or NOT_STATED,
            "additional_details": {"accuracy": study.account},
        },
    }


def _shown(profile: Profile) -> str:
    if profile.condition == "natural":
        return (
            "the judge read this trait, rather than another of the study, in ordinary replies of "
            "the model, which was told of neither"
        )
    return (
        "the model showed this trait when it got to choose between it and another trait of the "
        "study"
    )


def _is_question(template: tuple[str, Any]) -> bool:
    return template[0] != "judge_system"


def _result(
    profile: Profile,
    row: Mapping[str, Any],
    shared: Mapping[str, Any],
    metric: Mapping[str, Any],
) -> dict[str, Any]:
    """Return one trait's rating with its interval."""
    trait = profile.traits.index(row["trait"])
    error = float(np.sqrt(profile.variances[trait])) * ELO_PER_LOGIT
    uncertainty = {
        "standard_error": {"value": error, "method": profile.interval_method},
        "confidence_interval": {
            "lower": row["low"],
            "upper": row["high"],
            "confidence_level": profile.level,
            "method": profile.interval_method,
        },
        "num_samples": int(row["n"]),
    }
    details = {key: str(row[key]) for key in ("trait", "rank", "rank_low", "rank_high", "wins")}
    if row["mark"]:
        details["mark"] = str(row["mark"])
    return {
        "evaluation_result_id": f"{profile.judge}/{profile.condition}/{row['trait']}",
        "evaluation_name": f"ethogram: {row['trait']}",
        **shared,
        "metric_config": {**metric, "metric_name": f"Rating of {row['trait']}"},
        "score_details": {
            "score": row["rating"],
            "details": details,
            "uncertainty": uncertainty if np.isfinite([row["low"], row["high"], error]).all()
            else {"num_samples": int(row["n"])},
        },
    }  # fmt: skip
