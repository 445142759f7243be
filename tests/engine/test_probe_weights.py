"""Where a model's weights are found, and what is said without the extra."""

from __future__ import annotations

import importlib.util

import pytest

from ethogram.engine.activations import loading
from ethogram.engine.activations.blocks import find_blocks, stream_of, with_stream
from ethogram.engine.activations.chats import render
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


@pytest.mark.parametrize(
    "name", ["moss.gguf", "moss", "./moss", "~/moss", "/moss", "a/b/c", "local/no-such-model"]
)
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


class Template:
    """A tokenizer whose chat template is a function of messages and options."""

    chat_template = "there is one"

    def __init__(self, fill):
        self.apply_chat_template = fill


def _strict(asked, **options):
    """A template that takes turns of user and assistant only, the user first."""
    wanted = ["user", "assistant"] * len(asked)
    if [m["role"] for m in asked] != wanted[: len(asked)]:
        raise ValueError("Conversation roles must alternate")
    return "|".join(m["content"] for m in asked) + "|"


def test_a_template_without_system_has_it_before_the_users_first_words():
    """Earlier turns stay where they are."""
    asked = [{"role": "system", "content": "Be brief."}]
    asked += [{"role": r, "content": r[0]} for r in ("user", "assistant", "user")]
    assert render(Template(_strict), asked) == "Be brief.\n\nu|a|u|"


def test_a_conversation_that_a_template_refuses_is_one_line():
    """A greeting by the assistant first: the line says what the template said."""
    asked = [{"role": r, "content": "x"} for r in ("system", "assistant", "user")]
    with pytest.raises(InputError, match=r"takes no such conversation .*must alternate"):
        render(Template(_strict), asked)


@pytest.mark.parametrize("opening", ["<think>\n", "<think>", "<|im_start|>assistant\n<think>\n"])
def test_a_model_that_thinks_first_has_thought(opening):
    """The reply that is read follows the end of thoughts, as it does where it was written."""
    said = render(Template(lambda asked, **o: opening), [{"role": "user", "content": "x"}])
    assert said.endswith("<think>\n\n</think>\n\n")


def test_thinking_is_turned_off_where_a_template_knows_how():
    """The option is passed; templates that do not know it pass it over."""
    seen = {}
    render(Template(lambda asked, **o: seen.update(o) or "x"), [{"role": "user", "content": "x"}])
    assert seen["enable_thinking"] is False
