"""Activations of a transformer at all blocks, by hooks that keep two vectors per block.

Hooks, and not `output_hidden_states`, as that returns the last layer after its norm, and holds
every token of every layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ethogram.engine.activations.blocks import find_blocks, stream_of
from ethogram.engine.activations.chats import prompt_tokens, reply_tokens
from ethogram.engine.activations.passages import Activations, FloatArray, Passage
from ethogram.errors import InputError


class TransformersReader:
    """Reads activations of a transformers model, on the device on which it is."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._blocks = find_blocks(model)

    @property
    def layers(self) -> int:
        """Blocks of the model."""
        return len(self._blocks)

    @property
    def width(self) -> int:
        """Size of its residual stream."""
        return int(self.model.get_input_embeddings().weight.shape[1])

    def read(self, passage: Passage) -> Activations:
        """Return the activations of one passage: one forward pass, without the output layer.

        Raises
        ------
        InputError
            It is longer than the model's context.
        """
        prompt = prompt_tokens(self.tokenizer, passage.messages)
        reply = reply_tokens(self.tokenizer, passage.reply) if passage.reply else []
        if passage.reply and not reply:
            raise InputError(f"trial {passage.key} has a reply of no tokens")
        most = getattr(self.model.config, "max_position_embeddings", None)
        if most is not None and len(prompt) + len(reply) > most:
            raise InputError(
                f"trial {passage.key} has {len(prompt) + len(reply):,} tokens, and the model's "
                f"context holds {most:,}"
            )
        mean, last = self._run([*prompt, *reply], start=len(prompt) if reply else len(prompt) - 1)
        return Activations(passage.key, mean, last, len(reply))

    def _run(self, tokens: list[int], *, start: int) -> tuple[FloatArray, FloatArray]:
        """Run a forward pass; returns the mean from `start` on and the last token, by layer."""
        import torch

        kept: list[tuple[Any, Any]] = []
        with torch.inference_mode(), self._hooked(kept, start):
            ids = torch.tensor([tokens], device=self.model.device)
            self.model.base_model(input_ids=ids, use_cache=False)
        mean, last = (
            torch.stack(column).float().cpu().numpy() for column in zip(*kept, strict=True)
        )
        return np.asarray(mean), np.asarray(last)

    @contextmanager
    def _hooked(self, kept: list[tuple[Any, Any]], start: int) -> Iterator[None]:
        """Keep what enters the first block and what leaves each."""

        def keep(stream: Any) -> None:
            tokens = stream[0].float()
            kept.append((tokens[start:].mean(dim=0), tokens[-1]))

        def entering(module: Any, args: Any, kwargs: Any) -> None:
            keep(args[0] if args else kwargs["hidden_states"])

        def leaving(module: Any, args: Any, output: Any) -> None:
            keep(stream_of(output))

        hooks = [self._blocks[0].register_forward_pre_hook(entering, with_kwargs=True)]
        hooks += [block.register_forward_hook(leaving) for block in self._blocks]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
