"""The written exemplars: every trait shown, none named, prompts shared."""

import json
import re
from collections import Counter, defaultdict
from importlib.resources import files

import pytest

DATA = files("ethogram") / "data"
EXEMPLARS = [
    json.loads(line)
    for line in (DATA / "exemplars" / "written144.jsonl").read_text(encoding="utf-8").splitlines()
]
TRAITS = [
    line.strip()
    for line in (DATA / "traits" / "study144.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]


def words(text: str) -> list[str]:
    """The words of a text in lower case, marks aside."""
    return re.findall(r"[\w'’-]+", text.casefold())


def names(text: str, trait: str) -> bool:
    """Whether a word begins with the trait, or with its first 5 letters if it has 6 or more."""
    stem = trait if len(trait) < 6 else trait[:5]
    return any(word.startswith(stem) for part in words(text) for word in part.split("-"))


@pytest.mark.parametrize(
    ("text", "trait", "named"),
    [
        ("A Poetically minded cook", "poetic", True),
        ("Lukewarm, otherwise fine", "warm", False),
        ("A wise-cracking uncle", "wise", True),
    ],
)
def test_a_stem_at_the_start_of_a_word_names_the_trait(text, trait, named):
    """A word that begins with the stem names the trait; one that only contains it does not."""
    assert names(text, trait) is named


def test_lines_have_three_filled_texts_and_are_sorted():
    """Each line has a trait, a prompt and a reply without stray spaces, sorted by trait."""
    for line in EXEMPLARS:
        assert list(line) == ["trait", "prompt", "reply"]
        assert all(text and text == text.strip() for text in line.values())
    assert [line["trait"] for line in EXEMPLARS] == sorted(line["trait"] for line in EXEMPLARS)


def test_every_trait_of_the_study_has_at_least_two():
    """Every trait of the study, and no other, has two replies or more, to different prompts."""
    prompts = defaultdict(list)
    for line in EXEMPLARS:
        prompts[line["trait"]].append(line["prompt"])
    assert set(prompts) == set(TRAITS)
    assert all(len(set(asked)) == len(asked) >= 2 for asked in prompts.values())


def test_replies_are_short():
    """A reply has 20 to 70 words."""
    assert [line for line in EXEMPLARS if not 20 <= len(line["reply"].split()) <= 70] == []


@pytest.mark.parametrize("field", ["prompt", "reply"])
def test_neither_prompt_nor_reply_names_the_trait(field):
    """The trait's word, or its stem, is in neither the reply that shows it nor the prompt."""
    assert [line for line in EXEMPLARS if names(line[field], line["trait"])] == []


def test_each_prompt_serves_at_least_four_traits():
    """A prompt is used for four traits or more, so that it does not give the trait away."""
    traits = defaultdict(set)
    for line in EXEMPLARS:
        traits[line["prompt"]].add(line["trait"])
    assert {prompt: shown for prompt, shown in traits.items() if len(shown) < 4} == {}


def test_replies_and_their_openings_are_distinct():
    """No reply occurs twice, and no two begin with the same four words."""
    for texts in (
        [tuple(words(line["reply"])) for line in EXEMPLARS],
        [tuple(words(line["reply"])[:4]) for line in EXEMPLARS],
    ):
        assert [text for text, count in Counter(texts).items() if count > 1] == []
