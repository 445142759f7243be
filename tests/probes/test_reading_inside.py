"""Activations by hooks are those of a forward pass by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra probes is not installed: make test-probes")

from tests.probes.conftest import LAYERS, WIDTH, tiny_model, transparent_model  # noqa: E402

from ethogram.engine.activations.passages import Passage  # noqa: E402
from ethogram.engine.activations.reading import TransformersReader  # noqa: E402
from ethogram.errors import InputError  # noqa: E402

ASKED = ({"role": "user", "content": "what is the sea"},)


def _by_hand(model, ids):
    """Return the stream before the first block and after each, one block called after another."""
    inner = model.model
    tokens = torch.tensor([ids])
    stream = inner.embed_tokens(tokens)
    places = torch.arange(len(ids))[None]
    turns = inner.rotary_emb(stream, places)
    n = len(ids)
    mask = torch.full((n, n), float("-inf")).triu(1)[None, None]
    found = [stream]
    for block in inner.layers:
        out = block(stream, attention_mask=mask, position_ids=places, position_embeddings=turns)
        stream = out[0] if isinstance(out, tuple) else out
        found.append(stream)
    return torch.cat(found).detach().numpy()


def test_hooks_are_exact(tokenizer):
    """Mean over the reply and last token, at all layers, agree with blocks called one by one."""
    model = tiny_model()
    reader = TransformersReader(model, tokenizer)
    found = reader.read(Passage(7, ASKED, "so calm so wild"))
    # <u> what is the sea <a> so calm so wild: the reply is the last four of ten tokens
    ids = [2, 11, 8, 6, 7, 3, 9, 4, 9, 5]
    expected = _by_hand(model, ids)
    assert found.key == 7
    assert found.tokens == 4
    assert found.mean.shape == (LAYERS + 1, WIDTH) == (reader.layers + 1, reader.width)
    assert found.mean == pytest.approx(expected[:, 6:].mean(axis=1), abs=1e-5)
    assert found.last == pytest.approx(expected[:, -1], abs=1e-5)


def test_the_last_layer_is_before_the_norm(tokenizer):
    """What leaves the last block is kept, not what the final norm makes of it."""
    model = tiny_model()
    found = TransformersReader(model, tokenizer).read(Passage(1, ASKED, "calm"))
    ids = torch.tensor([[2, 11, 8, 6, 7, 3, 4]])
    states = model(ids, output_hidden_states=True).hidden_states
    normed = model.model.norm(torch.tensor(found.last[-1])[None]).detach().numpy()[0]
    assert normed == pytest.approx(states[-1][0, -1].detach().numpy(), abs=1e-5)
    assert found.last[1] == pytest.approx(states[1][0, -1].detach().numpy(), abs=1e-5)


def test_before_any_reply_it_is_the_last_prompt_token(tokenizer):
    """Without a reply, both vectors are those of the token after which the reply would begin."""
    model = tiny_model()
    found = TransformersReader(model, tokenizer).read(Passage(1, ASKED))
    expected = _by_hand(model, [2, 11, 8, 6, 7, 3])
    assert found.last == pytest.approx(expected[:, -1], abs=1e-5)
    assert np.array_equal(found.mean, found.last)
    assert found.tokens == 0


def test_a_planted_direction_comes_through(tokenizer):
    """Where blocks add nothing, the difference of two replies is that of their words."""
    model = transparent_model()
    reader = TransformersReader(model, tokenizer)
    calm, wild = (reader.read(Passage(0, ASKED, w)).mean[-1] for w in ("calm", "wild"))
    words = model.model.embed_tokens.weight.detach().numpy()
    assert calm - wild == pytest.approx(words[4] - words[5], abs=1e-6)


def test_no_hook_is_left(tokenizer):
    """The model is as it was after a passage, also after one that fails."""
    model = tiny_model()
    reader = TransformersReader(model, tokenizer)
    reader.read(Passage(0, ASKED, "calm"))
    with pytest.raises(InputError, match="context holds 128"):
        reader.read(Passage(3, ASKED, "so " * 200))
    blocks = model.model.layers
    assert not any(b._forward_hooks or b._forward_pre_hooks for b in blocks)
