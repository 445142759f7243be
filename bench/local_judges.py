"""Which local judge sees, and by which kind of verdict? Exemplars and plants, accuracy and cost.

::

    python -m bench.local_judges [--calls 600] [--traits study144] [--models local/NAME ...]
        [--judges local/NAME ...] [--store local_judges.db] [--exemplars FILE]

Every judge is asked in every way of `METHODS` for the same replies: written ones (exemplars), and
those that each tested model gave when it was told to show one trait (plants). Stop it at any time;
it goes on where it stopped. Models must have been fetched (`ethogram models fetch`).
"""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ethogram import parse_study, run_study
from ethogram.run.checks import Check
from ethogram.validity.results import StoreResults

METHODS = {
    "word by grammar": {"verdict": "word", "grammar": True, "max_tokens": 24},
    "word by grammar, examples": {
        "verdict": "word", "grammar": True, "examples": True, "max_tokens": 24,
    },
    "word's probability": {"verdict": "logprobs", "grammar": True, "max_tokens": 24},
    "letter's probability": {"verdict": "letter"},
    "next word's probability": {"verdict": "completion"},
}  # fmt: skip
ASKED = """SELECT count(*), sum(a.prompt_tokens), sum(a.seconds), sum(json_extract(s.body,
    '$.timings.prompt_n'))
    FROM verdict v JOIN judging j ON j.id = v.judging JOIN party d ON d.id = j.judge
    JOIN attempt a ON a.id = v.attempt JOIN response s ON s.attempt = a.id
    WHERE d.name = ? AND j.part = 'exemplar'"""


def study_text(
    judges: Sequence[str], models: Sequence[str], *, traits: str, calls: int, exemplars: str
) -> str:
    """Return a study in which every judge is asked in every way."""
    parts = [
        f'[study]\nname = "local judges"\nseed = 1\ntraits = "{traits}"\nmax_lost = 1.0\n',
        f'[validity]\nexemplar_calls = {calls}\nexemplars = "{exemplars}"\nplants = 0.001\n',
        '[prompts]\nlanguage = "en"\nmax_chars = 280\n',
    ]
    parts += [
        f'[models."{_short(model)}"]\nmodel = "{model}"\ntemperature = 0.7\nseed = 1\n'
        "max_tokens = 80\nconcurrency = 4\n"
        for model in models
    ]
    for name, model, table in _judges(judges):
        lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
        parts.append(
            f'[judges."{name}"]\nmodel = "{model}"\norders = "both"\ntemperature = 0.1\n'
            "seed = 1\nconcurrency = 4\n" + "\n".join(lines) + "\n"
        )
    return "\n".join(parts)


def _judges(models: Sequence[str]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield name, model and settings of each judge."""
    for model in models:
        for method, table in METHODS.items():
            yield f"{_short(model)}, {method}", model, table


def _short(model: str) -> str:
    return Path(model.removeprefix("local/")).name.removesuffix(".gguf")


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


def print_table(path: Path) -> None:
    """Print what each judge found, as Markdown."""
    with StoreResults.open(path) as results, closing(sqlite3.connect(path)) as db:
        print(
            "| judge, verdict | exemplars, as a study counts them | each order alone | lean | "
            "calls/s | tokens read per call | found in plants |"
        )
        print("|---|---|---|---|---|---|---|")
        for name in results.judges:
            sight = results.sight(name)
            if sight is None:
                continue
            calls, _, seconds, read = db.execute(ASKED, (name,)).fetchone()
            plants = results.plants(name)
            found = "" if plants is None else _found(plants)
            rate = f"{4 * calls / seconds:.1f}" if seconds else ""
            tokens = f"{read / calls:.0f}" if read else ""
            print(
                f"| {name} | {sight.accuracy.overall.percent} of {sight.accuracy.n} | "
                f"{sight.single.overall.percent} | {sight.accuracy.lean.percent} | "
                f"{rate} | {tokens} | {found} |"
            )


def _found(plants: object) -> str:
    from ethogram.validity.accuracy import Plants, judge_accuracy

    assert isinstance(plants, Plants)
    return "; ".join(
        f"{model} {judge_accuracy(plants.take(plants.model == i)).overall.percent}"
        for i, model in enumerate(plants.models)
    )


def main() -> None:
    """Ask every judge, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=600, help="calls per judge for exemplars")
    parser.add_argument("--traits", default="study144")
    parser.add_argument("--exemplars", default="written144")
    parser.add_argument("--judges", nargs="+", default=["local/qwen2.5-coder-1.5b"])
    parser.add_argument("--models", nargs="*", default=[], help="whose plants are read, too")
    parser.add_argument("--store", type=Path, default=Path("local_judges.db"))
    asked = parser.parse_args()
    text = study_text(
        asked.judges,
        asked.models or asked.judges[:1],
        traits=asked.traits,
        calls=asked.calls,
        exemplars=asked.exemplars,
    )
    checks = [Check.EXEMPLARS, *([Check.PLANTS] if asked.models else [])]
    stages = ("elicit", "judge") if asked.models else ("judge",)
    study = parse_study(text)
    for judge in study.judges:  # one after another, so that the rate of each is its own
        done = run_study(study, store=asked.store, stages=stages, checks=checks, judges=[judge])
        done.raise_if_stopped()
    print_table(asked.store)


if __name__ == "__main__":
    main()
