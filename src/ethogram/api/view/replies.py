"""The pages of replies: a list of some or all, one trial whole, and an index that is being made."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from ethogram.api.view.pages import HOME, WHOLE, address_of, read_records, render, said_page
from ethogram.api.view.searching import Indexing
from ethogram.api.view.shelf import Study
from ethogram.errors import InputError
from ethogram.store.search import fts_query, has_trial, list_replies
from ethogram.store.store import Store

ASKED = ("q", "model", "trait", "order")
"""What a list is asked for: words, a model, a trait, and which replies first."""

PER_PAGE = 20
_NO_WORD = "No reply is shown: signs alone cannot be searched for, give a word."


def replies_page(
    store: Store,
    study: Study,
    asked: Mapping[str, str],
    number: int,
    *,
    matching: Collection[int] | None,
    here: str,
) -> str:
    """Return a page of a list of replies.

    Parameters
    ----------
    store : Store
    study : Study
    asked : mapping of str to str
        `ASKED`; "" for what is not asked.
    number : int
        Of the page, from 1; the last one if there are fewer.
    matching : collection of int or None
        Trials that have the words; None: all.
    here : str
        The list's own address.
    """
    trials = list_replies(
        store,
        model=asked["model"],
        trait=asked["trait"],
        disagreeing=asked["order"] == "disagreeing",
    )
    if matching is not None:
        trials = [trial for trial in trials if trial in matching]
    last = max(1, -(-len(trials) // PER_PAGE))
    number = min(number, last)
    shown = trials[(number - 1) * PER_PAGE : number * PER_PAGE]
    wordless = bool(asked["q"].strip()) and not fts_query(asked["q"])
    return render(
        "viewer_replies.html.j2",
        title="Replies",
        kicker=study.name,
        links=[HOME, ("Report", address_of(study.key))],
        search=True,
        asked=asked,
        models=study.models,
        traits=list(store.trait_ids()),
        count=_NO_WORD if wordless else _count(len(trials), number, len(shown)),
        records=read_records(store, shown, lambda trial: _trial_address(study, trial)),
        before=_page_address(here, asked, number - 1) if number > 1 else "",
        after=_page_address(here, asked, number + 1) if number < last else "",
    )


def trial_page(store: Store, study: Study, given: str) -> str:
    """Return the page of one trial, whole.

    Raises
    ------
    InputError
        There is none of this number.
    """
    number = number_in(given, least=0)
    if str(number) != given or not has_trial(store, number):
        raise InputError(f"{study.name} has no trial {given[:40]}.")
    (record,) = read_records(
        store, [number], lambda trial: _trial_address(study, trial), chars=WHOLE
    )
    here = address_of(study.key)
    return render(
        "viewer_replies.html.j2",
        title=f"Trial {number}",
        kicker=study.name,
        links=[HOME, ("Report", here), ("Replies", f"{here}/replies")],
        search=False,
        count=f"{record['model']}, condition {record['condition']}.",
        records=[record],
        before="",
        after="",
    )


def indexing_page(how: Indexing) -> str:
    """Return the page of a search whose index is being made."""
    return said_page(
        "Reading all replies",
        f"{how.done:,} of {how.total:,} so far. This is done once; the search follows by itself.",
    )


def number_in(text: str, least: int = 1) -> int:
    """Read a number of a page or trial; nonsense is the least one."""
    return max(least, int(text)) if re.fullmatch(r"[0-9]{1,15}", text) else least


def _trial_address(study: Study, trial: int) -> str:
    return f"{address_of(study.key)}/trial/{trial}"


def _page_address(path: str, asked: Mapping[str, str], number: int) -> str:
    """Return the address of another page of a list."""
    return path + "?" + urlencode({**{k: v for k, v in asked.items() if v}, "page": str(number)})


def _count(total: int, number: int, shown: int) -> str:
    """Say how many replies there are, and which of them stand here."""
    if not total:
        return "No reply has all of this."
    first = (number - 1) * PER_PAGE + 1
    return f"{total:,} {'reply' if total == 1 else 'replies'}; {first:,} to {first + shown - 1:,}."
