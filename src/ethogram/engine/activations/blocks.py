"""Where the blocks of a transformer are, by architecture."""

from __future__ import annotations

from typing import Any

from ethogram.errors import EndpointError

BLOCKS = (
    "model.layers",  # Llama, Qwen, Mistral, Gemma, SmolLM, OLMo, Phi 3
    "model.language_model.layers",  # models that see, too
    "language_model.model.layers",
    "transformer.h",  # GPT-2, Falcon, Bloom
    "gpt_neox.layers",  # Pythia
    "model.decoder.layers",  # OPT
    "transformer.blocks",  # MPT
)


def find_blocks(model: Any) -> Any:
    """Return the list of blocks of a causal language model.

    Raises
    ------
    EndpointError
        They are nowhere that is known.
    """
    for path in BLOCKS:
        found = model
        for name in path.split("."):
            found = getattr(found, name, None)
            if found is None:
                break
        if found is not None:
            return found
    raise EndpointError(
        f"no blocks found in {type(model).__name__}: expected them at one of {', '.join(BLOCKS)}"
    )


def stream_of(output: Any) -> Any:
    """Return the residual stream of a block's output, which may be a tuple that begins with it."""
    return output[0] if isinstance(output, tuple) else output


def with_stream(output: Any, stream: Any) -> Any:
    """Return a block's output with another residual stream."""
    return (stream, *output[1:]) if isinstance(output, tuple) else stream
