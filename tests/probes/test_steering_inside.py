"""Steering moves a planted readout with the right sign, by the right dose."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra probes is not installed: make test-probes")

from tests.probes.conftest import LAYERS, WIDTH, tiny_model, transparent_model  # noqa: E402

from ethogram.engine.activations.passages import Push  # noqa: E402
from ethogram.engine.activations.steering import TransformersWriter, pushed  # noqa: E402
from ethogram.errors import InputError  # noqa: E402

ASKED = ({"role": "user", "content": "what is the sea"},)
IDS = [[2, 11, 8, 6, 7, 3]]
CALM, WILD = 4, 5


def _readable():
    """Return a model whose output for "calm" and "wild" reads a unit direction and its opposite."""
    model = transparent_model()
    unit = np.zeros(WIDTH, dtype=np.float32)
    unit[3] = 1.0
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.weight[CALM] = torch.tensor(unit)
        model.lm_head.weight[WILD] = -torch.tensor(unit)
    return model, unit


def _logit(model, push):
    with torch.inference_mode(), pushed(model, push):
        return float(model(torch.tensor(IDS)).logits[0, -1, CALM])


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
@pytest.mark.parametrize("dose", [-0.5, -0.1, 0.2, 1.0])
def test_the_dose_is_exact(layer, dose):
    """The readout is (e + dose |e| u) . u over its root mean square, as the final norm divides."""
    model, unit = _readable()
    e = model.model.embed_tokens.weight[IDS[0][-1]].detach().numpy().astype(np.float64)
    moved = e + dose * np.linalg.norm(e) * unit
    expected = moved @ unit / np.sqrt((moved**2).mean() + model.config.rms_norm_eps)
    assert _logit(model, Push(layer, unit, dose)) == pytest.approx(expected, abs=1e-4)


def test_no_dose_is_no_change():
    """A dose of 0 and no push leave every output as it is, to the bit."""
    model, unit = _readable()
    plain = _logit(model, None)
    assert _logit(model, Push(1, unit, 0.0)) == plain
    assert _logit(model, None) == plain


def test_a_reply_is_steered_toward_the_planted_word(tokenizer):
    """A positive dose writes the one word, a negative one the other, whatever is asked."""
    model, unit = _readable()
    writer = TransformersWriter(model, tokenizer)
    asked = [ASKED, ({"role": "user", "content": "sea"},)]  # of two lengths: padded on the left
    more, less = (
        [s.text for s in writer.write(asked, Push(2, unit, d), max_tokens=3, seed=0)]
        for d in (2.0, -2.0)
    )
    assert more == ["calm calm calm"] * 2
    assert less == ["wild wild wild"] * 2


def test_an_orthogonal_push_does_not_move_the_readout():
    """What is orthogonal to the readout makes the stream longer, and so the readout smaller."""
    model, _ = _readable()
    other = np.zeros(WIDTH, dtype=np.float32)
    other[5] = 1.0
    assert abs(_logit(model, Push(1, other, 1.0))) <= abs(_logit(model, None))


def test_padding_does_not_change_a_reply(tokenizer):
    """A conversation gets the same reply alone as beside a longer one, steered and not."""
    model = tiny_model(seed=1)
    unit = np.ones(WIDTH, dtype=np.float32) / np.sqrt(WIDTH)
    short, long = ({"role": "user", "content": "sea"},), ASKED
    for push in (None, Push(2, unit, 0.5)):
        writer = TransformersWriter(model, tokenizer)
        alone = writer.write([short], push, max_tokens=4, seed=0)[0]
        beside = writer.write([short, long], push, max_tokens=4, seed=0)[0]
        assert alone.text == beside.text


def test_likelihood_is_that_of_the_unsteered_model(tokenizer):
    """Coherence is measured without the push: log p per token of the reply that was written."""
    model, unit = _readable()
    (found,) = TransformersWriter(model, tokenizer).write(
        [ASKED], Push(1, unit, 2.0), max_tokens=1, seed=0
    )
    assert found.text == "calm"
    logits = model(torch.tensor(IDS)).logits[0, -1]
    assert found.log_likelihood == pytest.approx(float(logits.log_softmax(0)[CALM].detach()))
    assert found.tokens == 1


def test_a_layer_that_is_not_there_is_refused():
    """Layer 0 is the embeddings, and there is no block after the last."""
    model, unit = _readable()
    for layer in (0, LAYERS + 1):
        with (
            pytest.raises(InputError, match="expected 1 to 3"),
            pushed(model, Push(layer, unit, 1)),
        ):
            pass
