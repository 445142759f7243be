"""Figures by name, of chosen models: what is drawn, and what is refused in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ethogram.analysis.analyse import analyse
from ethogram.errors import InputError
from ethogram.figures.catalogue import CATALOGUE
from ethogram.figures.choose import draw_figure, pick_models
from ethogram.figures.save import save_figures
from ethogram.ratings.rate import reference_profiles


@pytest.fixture(scope="module")
def profiles():
    return list(reference_profiles().values())[:4]


@pytest.fixture(scope="module")
def analyses(profiles):
    """Of the first one, two and three."""
    return {n: analyse(profiles[:n], n_draws=40) for n in (1, 2, 3)}


def test_every_name_draws(profiles, analyses):
    """Each name of the list draws a figure of that name, or says why it has nothing to show."""
    for entry in CATALOGUE:
        name, some, analysis = entry.name, profiles[: entry.needs], analyses[entry.needs]
        if name == "clusters":
            part = analysis.clusters
            none = {"ward": replace(part.ward, holding=())}
            none["density"] = replace(part.density, holding=())
            analysis = replace(analysis, clusters=replace(part, **none))
            with pytest.raises(InputError, match="'clusters' has nothing to show: none holds"):
                draw_figure(name, some, analysis=analysis)
        elif entry.source:
            with pytest.raises(InputError, match=f"'{name}' has nothing to show: it is drawn of"):
                draw_figure(name, some, analysis=analysis)
        else:
            figure = draw_figure(name, some, analysis=analysis)
            assert figure.name == name or figure.name.startswith(f"{name}-")


def test_shift_is_from_the_first_model_named_to_the_second(profiles):
    """The order of the names is that of the shift."""
    one, other = profiles[2].model, profiles[0].model
    assert draw_figure("shift", profiles, models=[one, other]).title == f"{other} against {one}"
    assert draw_figure("shift", profiles, models=[other, one]).title == f"{one} against {other}"


def test_too_few_models_are_said(profiles):
    """A figure that takes more models than are there says how many it needs."""
    for entry in CATALOGUE:
        if entry.needs > 1:
            with pytest.raises(
                InputError, match=f"'{entry.name}' needs at least {entry.needs} mod"
            ):
                draw_figure(
                    entry.name, profiles, models=[p.model for p in profiles[: entry.needs - 1]]
                )


def test_unknown_names_are_guessed(profiles):
    """A near name is offered, and all names are listed."""
    with pytest.raises(InputError, match=r"figure is 'radail' \(did you mean 'radial'\?\).*shift"):
        draw_figure("radail", profiles)
    with pytest.raises(InputError, match=f"did you mean '{profiles[0].model}'"):
        draw_figure("radial", profiles, models=[profiles[0].model[:-1]])
    with pytest.raises(InputError, match="named twice"):
        draw_figure("shift", profiles, models=[profiles[0].model] * 2)


def test_one_figure_per_model_asks_which(profiles):
    """Where a name stands for a figure per model, one model must be named."""
    with pytest.raises(InputError, match="draws one model and 4 were given"):
        draw_figure("ranked", profiles)
    assert draw_figure("ranked", profiles[:1]).name.startswith("ranked-")


def test_only_those_named_are_saved(profiles, tmp_path):
    """`only` and `models` leave out the rest; one model is enough for a figure of one."""
    pair = [p.model for p in profiles[:2]]
    paths = save_figures(
        profiles, tmp_path, only=["shift", "radial"], models=pair, formats=["json"]
    )
    assert [path.name for path in paths] == ["radial.json", "shift.json"]
    alone = save_figures(
        profiles, tmp_path, only=["radial", "ranked"], models=pair[:1], formats=["json"]
    )
    assert [path.stem.split("-")[0] for path in alone] == ["radial", "ranked"]
    with pytest.raises(InputError, match="no figure is named"):
        save_figures(profiles, tmp_path, only=[], formats=["json"])


def test_all_models_are_picked_where_none_is_named(profiles):
    """No name is every profile, in order; names set the order."""
    assert pick_models(profiles, []) == [0, 1, 2, 3]
    assert pick_models(profiles, [profiles[3].model, profiles[1].model]) == [3, 1]
