"""A LoRA adapter's folder: its base is loaded, the adapter in it, and read along."""

from __future__ import annotations

import json

import pytest
from tests.probes.conftest import tiny_model, tiny_tokenizer

from ethogram.engine.activations.loading import load_weights
from ethogram.engine.activations.passages import Passage
from ethogram.engine.activations.reading import TransformersReader
from ethogram.errors import EndpointError

ASKED = ({"role": "user", "content": "the sea is so"},)


@pytest.fixture
def folders(tmp_path):
    """A base, and an adapter of it that moves the second block; the tokenizer is the base's."""
    peft = pytest.importorskip("peft", reason="the extra probes is not installed: make test-probes")
    import torch
    from transformers import LlamaForCausalLM

    base, adapter = tmp_path / "base", tmp_path / "adapter"
    tiny_model().save_pretrained(base)
    tiny_tokenizer().save_pretrained(base)
    config = peft.LoraConfig(r=2, target_modules=["o_proj"], layers_to_transform=[1])
    tuned = peft.get_peft_model(LlamaForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.5)
    tuned.save_pretrained(adapter)
    return base, adapter


def _read(folder):
    return TransformersReader(*load_weights(folder)).read(Passage(1, ASKED, "calm"))


def test_an_adapter_moves_what_comes_after_it(folders):
    """The embeddings and the first block are the base's; from the second on they differ."""
    base, adapter = folders
    one, other = _read(base), _read(adapter)
    assert one.last.shape == other.last.shape
    assert other.last[:2] == pytest.approx(one.last[:2], abs=1e-5)
    assert abs(other.last[2:] - one.last[2:]).max(axis=1).min() > 1e-3


def test_an_adapter_that_names_no_base_is_one_clear_line(folders):
    """Without the model that it was trained on there is nothing to put it in."""
    file = folders[1] / "adapter_config.json"
    for content in ("{", "[]", json.dumps({"base_model_name_or_path": None})):
        file.write_text(content)
        with pytest.raises(EndpointError, match="names no base_model_name_or_path"):
            load_weights(folders[1])
