"""A tiny transformer with known insides; `make test-probes` runs what is here."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra probes is not installed: make test-probes")
pytest.importorskip("transformers", reason="the extra probes is not installed: make test-probes")

WORDS = ["<pad>", "<end>", "<u>", "<a>", "calm", "wild", "the", "sea", "is", "so", "user", "what"]
WIDTH, LAYERS = 32, 3


def tiny_tokenizer():
    """Return a tokenizer of a dozen words with a chat template."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="the"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<end>", unk_token="the"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<u> {{ m['content'] }} {% endfor %}"
        "{% if add_generation_prompt %}<a>{% endif %}"
    )
    return tokenizer


def tiny_model(seed: int = 0):
    """Return a random Llama of three blocks, 32 wide."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


def transparent_model():
    """Return the tiny model whose blocks add nothing: the stream is the embeddings throughout."""
    model = tiny_model()
    with torch.no_grad():
        for block in model.model.layers:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
    return model


@pytest.fixture
def tokenizer():
    """Return the tiny tokenizer."""
    return tiny_tokenizer()
