"""Sentence embeddings of replies, for a baseline, where sentence-transformers is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np

from ethogram.engine.activations.passages import FloatArray
from ethogram.errors import EndpointError, InputError


def check_embedding() -> None:
    """Refuse to go on without sentence-transformers.

    Raises
    ------
    InputError
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise InputError(
            "--embedding needs sentence-transformers: run `pip install sentence-transformers`"
        )


def embed_texts(name: str, texts: Sequence[str]) -> FloatArray:
    """Return one vector per text, shape (n, e).

    Raises
    ------
    InputError
        sentence-transformers is not installed.
    EndpointError
        The model cannot be loaded.
    """
    check_embedding()
    import sentence_transformers

    try:
        model = sentence_transformers.SentenceTransformer(name)
    except Exception as error:
        raise EndpointError(f"the embedding {name} cannot be loaded: {error}") from error
    return np.asarray(model.encode(list(texts), show_progress_bar=False))
