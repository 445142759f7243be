"""What a probe has to beat: the words of a reply, and how long it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ethogram.ratings.comparisons import FloatArray

MOST_WORDS = 4000
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[!?…]")


def count_words(texts: Sequence[str], *, most: int = MOST_WORDS) -> FloatArray:
    """Bag of words: log(1 + count) of each word that two texts have, the most frequent first.

    Chinese and Japanese characters, exclamation and question marks count as words of their own.

    Returns
    -------
    float array, shape (n, words)
    """
    bags = [Counter(word.casefold() for word in _WORD.findall(text)) for text in texts]
    in_texts = Counter(word for bag in bags for word in bag)
    common = [w for w, n in sorted(in_texts.items(), key=lambda x: (-x[1], x[0])) if n > 1][:most]
    place = {word: i for i, word in enumerate(common)}
    counts = np.zeros((len(texts), max(len(common), 1)))
    for row, bag in enumerate(bags):
        for word, n in bag.items():
            if word in place:
                counts[row, place[word]] = np.log1p(n)
    return counts


def measure_lengths(texts: Sequence[str]) -> FloatArray:
    """Length of each text: characters, words and lines, in logarithms; shape (n, 3)."""
    sizes = [(len(t), len(_WORD.findall(t)), t.count("\n") + 1) for t in texts]
    return np.log1p(np.array(sizes, dtype=np.float64).reshape(len(texts), 3))
