"""Near duplicates of texts: 3-gram sets, their Jaccard similarity, and a greedy filter.

Knows nothing of prompts, files or filters.
"""

from __future__ import annotations

import unicodedata

UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


class _Breaks(dict[int, str]):
    """For `str.translate`: punctuation becomes a space, and so do the gaps of unspaced scripts."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Cf":  # invisible joiners inside words
            self[code] = ""
        elif category[0] in "PSZC":
            self[code] = " "
        elif unicodedata.name(char, "").startswith(UNSPACED):
            self[code] = f" {char} "
        else:
            self[code] = char
        return self[code]


_BREAKS = _Breaks()


def shingles(text: str, *, n: int = 3) -> frozenset[str]:
    """Return the set of word n-grams of a text, case and punctuation aside.

    In scripts written without spaces (Chinese, Japanese, Thai ...) every letter counts as a
    word. A text of fewer than `n` words is one shingle; one without any word is itself.
    """
    words = unicodedata.normalize("NFKC", text).casefold().translate(_BREAKS).split()
    if len(words) < n:
        return frozenset([" ".join(words) or text.strip()])
    return frozenset(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return the share of all shingles of two texts that both have."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


class NearDuplicates:
    """Remembers texts and tells whether a new one is nearly one of them.

    Candidates come from MinHash LSH, which misses at most 1% of the pairs at the threshold and
    fewer above it; each is then compared exactly, so nothing below it is called a duplicate.

    Parameters
    ----------
    threshold : float, 0 to 1
        Jaccard similarity of word 3-grams from which two texts are near duplicates.
    seed : int
        Of the MinHash permutations.

    References
    ----------
    Broder (1997), On the resemblance and containment of documents.
    """

    def __init__(self, *, threshold: float, seed: int = 0) -> None:
        from datasketch import MinHash, MinHashLSH

        self._threshold = threshold
        self._blank = MinHash(num_perm=128, seed=seed % 2**32)
        self._index = MinHashLSH(num_perm=128, params=_bands(threshold))
        self._texts: list[str] = []

    def add(self, text: str) -> bool:
        """Remember a text that is not nearly one remembered already; return whether it was new."""
        mine = shingles(text)
        sketch = self._blank.copy()
        sketch.update_batch([shingle.encode() for shingle in mine])
        for key in self._index.query(sketch):
            if jaccard(mine, shingles(self._texts[key])) >= self._threshold:
                return False
        self._index.insert(len(self._texts), sketch)
        self._texts.append(text)
        return True


def _bands(threshold: float, *, num_perm: int = 128) -> tuple[int, int]:
    """Return the bands and rows of an LSH index that finds 99% of the pairs at the threshold.

    Of all such, the one with the longest rows, so the fewest false candidates. (datasketch's
    own choice weighs misses against false candidates, and missed a quarter of the pairs at 0.7.)
    """
    fits = [
        (num_perm // rows, rows)
        for rows in range(1, num_perm // 2 + 1)
        if (1 - threshold**rows) ** (num_perm // rows) <= 0.01
    ]
    return fits[-1] if fits else (num_perm, 1)
