"""How a model was asked and judged, as far as a source knows: what two sides must have alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ethogram.ratings.comparisons import Comparisons
from ethogram.store.rows import Role
from ethogram.store.settings import TEMPLATES
from ethogram.store.store import Store


@dataclass(frozen=True)
class Setup:
    """What one side's comparisons rest on; None: the source does not know.

    Attributes
    ----------
    name : str
        Of the side, for people: the model and where it is read from.
    traits : mapping of str to str or None
        Trait to description; None: traits are known, descriptions are not.
    trials : mapping of tuple to int, optional
        How often each (trait 1, trait 2, orders shown to the judge) is planned.
    prompts : frozenset of str, optional
        The texts.
    dealt : mapping of tuple to int, optional
        How often each (pair of traits, prompt) is planned.
    templates : mapping of str to str, optional
        Those that were used, by "model" or "judge" and their names.
    judge_settings : mapping, optional
        All that defines its verdicts, but for templates.
    judge, condition : str
        "" where it is not known.
    protocol : str
        Whose way of asking it is; "" where it is not known.
    """

    name: str
    traits: Mapping[str, str | None]
    trials: Mapping[tuple[str, str, str], int] | None = None
    prompts: frozenset[str] | None = None
    dealt: Mapping[tuple[str, str, str], int] | None = None
    templates: Mapping[str, str] | None = None
    judge_settings: Mapping[str, Any] | None = None
    judge: str = ""
    condition: str = ""
    protocol: str = ""


def read_setup(store: Store, of: Comparisons) -> Setup:
    """Read how the comparisons of a store were asked.

    Parameters
    ----------
    store : Store
    of : Comparisons
        As `read_comparisons` gives them.
    """
    _, rows = store.query(
        """SELECT a.name, b.name, p.text, group_concat(DISTINCT j.swapped)
        FROM judging j JOIN trial t ON t.id = j.trial JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge JOIN trait a ON a.id = t.trait_1
        JOIN trait b ON b.id = t.trait_2 JOIN prompt p ON p.id = t.prompt
        WHERE m.name = ? AND d.name = ? AND t.condition = ? AND j.part = 'main' AND j.sample = 0
        AND t.wanted AND j.wanted GROUP BY t.id""",
        (of.model, of.judge, of.condition),
    )
    described = dict(store.query("SELECT name, description FROM trait")[1])
    judge = orjson.loads(store.parties(Role.JUDGE)[of.judge][1])
    model = orjson.loads(store.parties(Role.MODEL)[of.model][1])
    trials: dict[tuple[str, str, str], int] = {}
    dealt: dict[tuple[str, str, str], int] = {}
    for one, two, text, orders in rows:
        shown = (one, two, ",".join(sorted(orders.split(","))))
        trials[shown] = trials.get(shown, 0) + 1
        given = (*sorted((one, two)), text)
        dealt[given] = dealt.get(given, 0) + 1
    told = model.get(TEMPLATES, {})
    used = {f"model: {of.condition}": told[of.condition]} if of.condition in told else {}
    used |= {f"judge: {name}": text for name, text in judge.pop(TEMPLATES, {}).items()}
    return Setup(
        name=f"{of.model} in {store.path}",
        traits={trait: described[trait] for trait in of.traits},
        trials=trials,
        prompts=frozenset(text for _, _, text, _ in rows),
        dealt=dealt,
        templates=used,
        judge_settings=judge,
        judge=of.judge,
        condition=of.condition,
        protocol="ethogram",
    )
