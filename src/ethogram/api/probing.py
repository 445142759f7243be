"""Looking inside an open model of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ethogram.run.looking import Look, Steer, look_inside
from ethogram.run.runner import Watch
from ethogram.run.steering import DOSES, PROMPTS
from ethogram.study import Study


def probe_study(
    study: Study,
    model: str,
    *,
    store: str | Path | None = None,
    weights: str | None = None,
    layers: Sequence[int] | None = None,
    before: bool = True,
    steer: Sequence[str] = (),
    doses: Sequence[float] = DOSES,
    steer_prompts: int = PROMPTS,
    against: str | None = None,
    embedding: str | None = None,
    say: Callable[[str], None] = lambda said: None,
    watch: Watch | None = None,
) -> Look:
    """Look inside an open model: linear probes on its replies, and steering along directions.

    Needs the extra `probes`. Activations are kept in STEM.activations beside the store: what is
    there is not computed again.

    Parameters
    ----------
    study : Study
    model : str
        A model of the study, with planted replies in the store.
    store : path, optional
        STEM.db in the working directory if not given.
    weights : str, optional
        A Hugging Face id, a folder, a GGUF file or local/NAME; by default the model's own.
    layers : sequence of int, optional
        Which layers to keep; by default all.
    before : bool
        Also tell, before any reply, which trait the model will choose.
    steer : sequence of str
        Traits along whose directions replies are steered, which the study's judges read.
    doses : sequence of float
        What is added, in units of the residual stream's norm.
    steer_prompts : int
        Prompts that are answered at each dose.
    against : str, optional
        Other weights (before or after a fine-tune) that read the same replies.
    embedding : str, optional
        A sentence-transformers model, for one more baseline.
    say : function
        Told what is done now.
    watch : coroutine function, optional
        As in `run_study`, while steered replies are judged.

    Raises
    ------
    EthogramError
        The extra is not installed, weights cannot be loaded, or too few replies are planted.
    """
    return look_inside(
        study,
        model,
        store=store,
        weights=weights,
        layers=layers,
        before=before,
        steer=Steer(tuple(steer), tuple(doses), steer_prompts),
        against=against,
        embedding=embedding,
        say=say,
        watch=watch,
    )
