"""Weights of which a part is missing, and what is refused before anything is loaded."""

from __future__ import annotations

import importlib.util

import pytest

torch = pytest.importorskip("torch", reason="the extra probes is not installed: make test-probes")

from tests.planted.probed_store import MODEL, TRAITS, fill_probed_store  # noqa: E402
from tests.probes.conftest import tiny_model, tiny_tokenizer  # noqa: E402

from ethogram.api import probe_study  # noqa: E402
from ethogram.engine.activations.loading import load_weights  # noqa: E402
from ethogram.errors import EndpointError, InputError  # noqa: E402
from ethogram.run import looking  # noqa: E402
from ethogram.study import parse_study  # noqa: E402


def _folder(path, left_out):
    model = tiny_model()
    kept = {k: v for k, v in model.state_dict().items() if left_out not in k}
    model.save_pretrained(path, state_dict=kept)
    tiny_tokenizer().save_pretrained(path)
    return path


@pytest.mark.parametrize("part", ["layers.2", "norm", "lm_head"])
def test_weights_that_are_not_whole_are_refused(tmp_path, part):
    """Transformers would put random numbers for what is missing, and probes would read these."""
    with pytest.raises(EndpointError, match=rf"not whole: .*such as .*{part}"):
        load_weights(_folder(tmp_path / "tiny", part))


def test_tied_weights_are_whole(tmp_path):
    """An output layer that is the embeddings is not in the file, and nothing is missing."""
    model = tiny_model()
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    loaded, _ = load_weights(tmp_path)
    assert torch.equal(loaded.lm_head.weight, loaded.model.embed_tokens.weight)


def test_an_embedding_that_is_not_installed_is_said_before_anything_is_read(tmp_path, monkeypatch):
    """Hours of reading are not spent first."""
    known = fill_probed_store(tmp_path / "study.db")
    traits = ", ".join(f'"{t}"' for t in TRAITS)
    study = parse_study(
        f'[study]\nname = "probed"\ntraits = [{traits}]\n[models.alpha]\nmodel = "alpha"\n'
        'base_url = "http://127.0.0.1:9"\n[judges.judge]\nmodel = "judge"\n'
        'base_url = "http://127.0.0.1:9"\n'
    )
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "sentence_transformers" else there(name, *rest),
    )

    def refuse(source):
        raise AssertionError("weights are loaded for nothing")

    monkeypatch.setattr(looking, "load_weights", refuse)
    folder = _folder(tmp_path / "tiny", "nothing")
    with pytest.raises(InputError, match="pip install sentence-transformers"):
        probe_study(study, MODEL, store=known.path, weights=str(folder), embedding="any")
