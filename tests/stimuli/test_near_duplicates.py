"""3-gram similarity and the greedy near-duplicate filter."""

import random

import pytest

from ethogram.stimuli.near_duplicates import NearDuplicates, jaccard, shingles


def test_shingles_are_word_3_grams():
    """Words in threes, case and punctuation aside."""
    assert shingles("The cat, the dog!") == {"the cat the", "cat the dog"}


@pytest.mark.parametrize(("text", "expected"), [("Hi there!", {"hi there"}), ("?!", {"?!"})])
def test_short_texts_are_one_shingle(text, expected):
    """A text with fewer than three words is one shingle, and one without words is itself."""
    assert shingles(text) == expected


def test_letters_of_unspaced_scripts_are_words():
    """Chinese, which has no spaces, is compared letter by letter, Latin words in it whole."""
    assert shingles("学习Python吧") == {"学 习 python", "习 python 吧"}


def test_words_with_marks_stay_whole():
    """Vowel signs, which are marks and not letters, do not cut a Hindi word in pieces."""
    assert shingles("मुझे हिन्दी सिखाओ") == {"मुझे हिन्दी सिखाओ"}


def test_jaccard_by_hand():
    """Two of four distinct shingles are shared: 2/4."""
    # a: {1 2 3, 2 3 4, 3 4 5}, b: {2 3 4, 3 4 5, 4 5 6}
    assert jaccard(shingles("1 2 3 4 5"), shingles("2 3 4 5 6")) == 0.5


@pytest.mark.parametrize(("threshold", "new"), [(0.5, False), (0.51, True)])
def test_threshold_is_exact(threshold, new):
    """A pair at 0.5 is dropped by a threshold of 0.5 and kept by one just above."""
    seen = NearDuplicates(threshold=threshold, seed=1)
    assert seen.add("1 2 3 4 5")
    assert seen.add("2 3 4 5 6") is new


@pytest.mark.parametrize("threshold", [0.02, 0.5, 0.9, 1.0])
def test_same_words_are_found_at_any_threshold(threshold):
    """The same text in other case and punctuation is a near duplicate at every threshold."""
    seen = NearDuplicates(threshold=threshold)
    seen.add("Write me a poem about rain, please")
    assert not seen.add("write me a poem about rain please!!")


def test_agrees_with_comparing_all_pairs():
    """The index drops at least 98% of what a comparison of all pairs drops, and nothing else."""
    rng = random.Random(5)
    texts = []
    for _ in range(150):
        words = [f"w{rng.randrange(2000)}" for _ in range(rng.randint(6, 60))]
        texts.append(" ".join(words))
        words[rng.randrange(len(words))] = "changed"
        texts.append(" ".join(words))
    seen, kept = NearDuplicates(threshold=0.7, seed=3), []
    missed = dropped = 0
    for text in texts:
        near = any(jaccard(shingles(text), shingles(other)) >= 0.7 for other in kept)
        if seen.add(text):
            kept.append(text)
            missed += near
        else:
            dropped += 1
            assert near
    assert dropped > 50
    assert missed <= 0.02 * (missed + dropped)
