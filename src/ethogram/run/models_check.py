"""What `ethogram models check` asks: what a run asks, of one trial and one judging.

The calls are built by the same protocols as in a run, with the study's own templates and traits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ethogram.engine.check import Asked
from ethogram.engine.requests import USABLE, Reading
from ethogram.engine.settings import ModelTable
from ethogram.protocols.protocol import Judging, Protocol, Setting, Trial
from ethogram.protocols.templates import Templates
from ethogram.run.prepare import study_templates
from ethogram.run.stages import STAGES
from ethogram.stimuli.prompts import load_prompts
from ethogram.stimuli.traits import load_traits
from ethogram.store.rows import StageName
from ethogram.study import JudgeTable, Study

REPLY = (
    "Good question. I would start small: pick one thing you can do today, do it, and see how it "
    "went. Tell me how it goes, and we can work out the next step together."
)
_BARE_ANSWER = re.compile(r"\s*<answer>[^<]*</answer>\s*")


def asked_models(study: Study) -> list[Asked]:
    """Return the models and judges of a study, each with a row's calls as a run makes them."""
    traits = load_traits(study.study.traits, base=study.base).names
    templates = study_templates(study, traits)
    prompt = load_prompts("bundled").prompts[0].text
    trial = Trial(0, study.study.condition, traits[0], traits[1], prompt, 0)
    judging = Judging(0, 0, traits[0], traits[1], False, 0, prompt, REPLY)
    models = [_asked_model(name, t, templates, trial) for name, t in study.models.items()]
    judges = [_asked_judge(name, t, templates, judging) for name, t in study.judges.items()]
    return [*models, *judges]


def _asked_model(name: str, table: ModelTable, templates: Templates, trial: Trial) -> Asked:
    """Ask a model for the reply of one trial."""
    protocol: Protocol[Trial] = STAGES[StageName.ELICIT].protocol(table)
    return Asked(name, table, protocol.calls(trial, Setting(templates, table)))


def _asked_judge(name: str, table: JudgeTable, templates: Templates, judging: Judging) -> Asked:
    """Ask a judge for the verdict of one judging; a verdict without its numbers is a complaint."""
    protocol: Protocol[Judging] = STAGES[StageName.JUDGE].protocol(table)
    setting = Setting(templates, table)

    def complain(readings: Sequence[Reading]) -> tuple[str, str]:
        result = protocol.result(judging, setting, readings)
        if table.verdict == "completion" and not all(r.logprobs for r in readings):
            return "verdict", "no logprobs were returned, and a completion judge needs them"
        if result.reading.status not in USABLE:
            return "", f"its answer cannot be read as a verdict ({result.reading.reason})"
        if table.verdict in ("logprobs", "letter") and result.p_first is None:
            what = (
                "no logprobs were returned"
                if not readings[0].logprobs
                else f"they hold neither {'letter' if table.verdict == 'letter' else 'word'}"
            )
            return "verdict", f'{what}, and verdict is "{table.verdict}"'
        if table.grammar and not _BARE_ANSWER.fullmatch(readings[0].text):
            return "grammar", "the answer is longer than the grammar allows"
        return "", ""

    return Asked(name, table, protocol.calls(judging, setting), complain)
