"""Where a model's weights are found, and what is said without the extra."""

from __future__ import annotations

import importlib.util

import pytest

from ethogram.engine.activations import loading
from ethogram.engine.activations.blocks import find_blocks, stream_of, with_stream
from ethogram.engine.activations.embedding import embed_texts
from ethogram.errors import EndpointError, InputError


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    """The error names the command, and nothing heavy is imported for it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        loading.load_weights("any/weights")
    assert caught.value.lines == (loading.INSTALL,)
    assert "pip install 'ethogram[probes]'" in loading.INSTALL
    with pytest.raises(InputError, match="sentence-transformers"):
        embed_texts("any", ["text"])


def test_weights_are_a_folder_a_file_or_an_id(tmp_path):
    """What is there is taken as a path; one slash and nothing there is an id on the hub."""
    folder, file = tmp_path / "fern", tmp_path / "fern.gguf"
    folder.mkdir()
    file.touch()
    assert loading.find_source("fern", base=tmp_path) == folder
    assert loading.find_source("fern.gguf", base=tmp_path) == file
    assert loading.find_source("owner/fern", base=tmp_path) == "owner/fern"


@pytest.mark.parametrize("name", ["moss.gguf", "moss", "a/b/c", "local/no-such-model"])
def test_weights_that_are_nowhere_are_refused(tmp_path, name):
    """A file that is not there is never looked for on the hub."""
    with pytest.raises((EndpointError, InputError)):
        loading.find_source(name, base=tmp_path)


def test_weights_are_told_apart_by_their_files(tmp_path):
    """Another size is another name; the same files have the same."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"12")
    one = loading.identify(tmp_path)
    assert loading.identify(tmp_path) == one
    file.write_bytes(b"123")
    assert loading.identify(tmp_path) != one
    assert loading.identify("owner/fern") == "owner/fern"


def test_tuned_weights_of_the_same_names_and_sizes_are_other_ones(tmp_path):
    """Weights are changed all over by tuning: their names and sizes say nothing of that."""
    file = tmp_path / "model.safetensors"
    for size in (100, 40_000_000):
        file.write_bytes(bytes(size))
        base = loading.identify(tmp_path)
        with file.open("r+b") as tuned:
            tuned.seek(size // 2)
            tuned.write(b"\1" * min(100_000, size // 2))
        assert loading.identify(tmp_path) != base


def test_blocks_are_found_by_architecture():
    """Each architecture that is listed is found; another one is named."""

    class Node:
        pass

    for path in loading_blocks():
        model = node = Node()
        for name in path.split("."):
            child = Node()
            setattr(node, name, child)
            node = child
        assert find_blocks(model) is node
    with pytest.raises(EndpointError, match="no blocks found in Node"):
        find_blocks(Node())


def loading_blocks():
    """Return the paths that are known."""
    from ethogram.engine.activations.blocks import BLOCKS

    return BLOCKS


def test_the_stream_of_a_block_may_stand_in_a_tuple():
    """Some blocks return the stream alone, others a tuple that begins with it."""
    assert stream_of("s") == "s"
    assert stream_of(("s", "cache")) == "s"
    assert with_stream(("s", "cache"), "t") == ("t", "cache")
    assert with_stream("s", "t") == "t"
