"""What a notebook and `print` show of the checks."""

from __future__ import annotations

from ethogram.ratings.results import Unrated
from ethogram.validity.measure import JudgeValidity, Validity


def test_each_judge_has_its_sentence_first():
    """A judge that was not tested is called so; names are text."""
    judges = (JudgeValidity("<i>owl</i>", refused={"fern": "no plants"}), JudgeValidity("kite"))
    shown = Validity(judges, None, (), notes=("One note.",))
    page = shown._repr_html_()
    assert "Judge &lt;i&gt;owl&lt;/i&gt;" in page
    assert "kite: judge not tested." in page
    assert "fern: not corrected: no plants" in page
    assert page.index("judge not tested") < page.index("fern: not corrected") < page.index("kite")
    assert "One note." in str(shown)
    assert repr(shown) == "<Validity of 2 judges, 0 tested>"


def test_negative_numbers_have_a_true_minus():
    """Numbers only: a model's name and a date keep their hyphens."""
    why = "informedness is 0.10 (-0.34 to 0.50), from -1 of gpt-5 on 2026-01-02"
    shown = str(Validity((JudgeValidity("owl", refused={"gpt-5": why}),), None, ()))
    assert (
        "gpt-5: not corrected: informedness is 0.10 (−0.34 to 0.50), from −1 of gpt-5 on" in shown
    )
    assert "2026-01-02" in shown


def test_what_could_not_be_rated_is_shown():
    """Nothing above rests on those ratings, so a reader must know."""
    shown = str(Validity((), None, (), unrated=(Unrated("fern", "owl", "", 2, 1, "Apart."),)))
    assert "fern, judged by owl: not rated (2 comparisons, 1 lost). Apart." in shown


def test_nothing_is_said_in_words():
    """A store without verdicts is no empty output."""
    assert str(Validity((), None, ())) == "No judge\nThe store holds no verdicts."
