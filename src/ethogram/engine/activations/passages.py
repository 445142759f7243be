"""What is read of a model, in plain numpy: the seam to another engine (nnsight, vLLM)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ethogram.engine.requests import Messages

FloatArray = NDArray[np.floating]


class Passage(NamedTuple):
    """What a model is to read: messages, and a reply to them ("": none, as before any reply)."""

    key: int
    messages: Messages
    reply: str = ""

    @property
    def digest(self) -> str:
        """Return what tells this text from another of the same key."""
        told = json.dumps([list(self.messages), self.reply], ensure_ascii=False, sort_keys=True)
        return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Activations:
    """Residual stream of one passage.

    Attributes
    ----------
    key : int
    mean : float array, shape (layers + 1, d)
        Mean over the reply's tokens; layer 0 is the embeddings. Without a reply, as `last`.
    last : float array, shape (layers + 1, d)
        At the last token: of the reply, or of the prompt where there is no reply.
    tokens : int
        Of the reply.
    passage : str
        Digest of what was read.
    """

    key: int
    mean: FloatArray
    last: FloatArray
    tokens: int
    passage: str = ""


class Reader(Protocol):
    """Reads activations, one forward pass per passage."""

    @property
    def layers(self) -> int:
        """Blocks of the model."""
        ...

    @property
    def width(self) -> int:
        """Size of its residual stream."""
        ...

    def read(self, passage: Passage) -> Activations:
        """Return the activations of one passage at all layers."""
        ...


class Push(NamedTuple):
    """What is added to the residual stream after a block: dose times its own norm.

    `direction` is a unit vector; a dose of 0.1 adds a tenth of the stream's norm at each token.
    """

    layer: int
    direction: FloatArray
    dose: float


class Steered(NamedTuple):
    """A reply that was written under a push, and how likely the model finds it without one."""

    text: str
    log_likelihood: float
    tokens: int


class Writer(Protocol):
    """Writes replies while the residual stream is pushed."""

    def write(
        self, asked: Sequence[Messages], push: Push | None, *, max_tokens: int, seed: int
    ) -> list[Steered]:
        """Return one reply per conversation."""
        ...
