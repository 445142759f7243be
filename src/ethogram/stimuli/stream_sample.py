"""A uniform sample of the distinct texts of a stream, in one pass and bounded memory.

Knows nothing of filters, files or near duplicates.
"""

from __future__ import annotations

import heapq
from array import array
from hashlib import blake2b

import numpy as np

from ethogram.stimuli.files import Row


class StreamSample:
    """Of all texts offered, the `size` distinct ones with the lowest seeded hashes.

    A uniform sample of the distinct texts in one pass: the hash of a text is its lot, so a text
    that comes ten times has one lot, and the order of the files has no say. The more usual
    reservoir would favour what is repeated. With no size, all distinct texts in their order.
    """

    def __init__(self, *, size: int | None, seed: int) -> None:
        self._size = size
        self._key = str(seed).encode()
        self._rows: dict[int, Row] = {}
        self._worst: list[int] = []  # a heap of negated lots
        self._lots = array("Q")  # 8 bytes per row, to count the distinct

    def offer(self, row: Row) -> None:
        """Take the row in if its lot is low enough and its text is new."""
        said = " ".join([*(turn["content"] for turn in row.turns), row.text or ""])
        folded = " ".join(said.casefold().split())
        digest = blake2b(folded.encode(errors="surrogatepass"), digest_size=8, key=self._key[:64])
        lot = int.from_bytes(digest.digest())
        self._lots.append(lot)
        if lot in self._rows:
            return
        self._rows[lot] = row
        if self._size is None:
            return
        heapq.heappush(self._worst, -lot)
        if len(self._rows) > self._size:
            del self._rows[-heapq.heappop(self._worst)]

    def rows(self) -> list[Row]:
        """Return the rows in the order of their lots, or with no size as they came."""
        lots = self._rows if self._size is None else sorted(self._rows)
        return [self._rows[lot] for lot in lots]

    @property
    def full(self) -> bool:
        """Whether there are as many rows as fit."""
        return self._size is not None and len(self._rows) >= self._size

    @property
    def offered(self) -> int:
        """How many rows were offered."""
        return len(self._lots)

    @property
    def distinct(self) -> int:
        """How many different texts were offered."""
        return len(np.unique(np.frombuffer(self._lots, dtype=np.uint64))) if self._lots else 0
