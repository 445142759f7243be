"""Replies that are written while a direction is added to the residual stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ethogram.engine.activations.blocks import find_blocks, stream_of, with_stream
from ethogram.engine.activations.chats import prompt_tokens, reply_tokens
from ethogram.engine.activations.passages import Push, Steered
from ethogram.engine.requests import Messages
from ethogram.errors import InputError

BATCH = 16


@contextmanager
def pushed(model: Any, push: Push | None, *, start: int = 0) -> Iterator[None]:
    """Add `push.dose` times each token's norm along the direction, from position `start` on.

    `start` is a position in the first pass; later passes have new tokens only, and all are moved.
    """
    if push is None or not push.dose:
        yield
        return
    import torch

    blocks = find_blocks(model)
    if not 1 <= push.layer <= len(blocks):
        raise InputError(f"layer {push.layer} cannot be pushed: expected 1 to {len(blocks)}")
    passes = 0

    def move(module: Any, args: Any, output: Any) -> Any:
        nonlocal passes
        stream = stream_of(output)
        first = start if passes == 0 else 0
        passes += 1
        unit = torch.as_tensor(push.direction, dtype=stream.dtype, device=stream.device)
        norm = stream[:, first:].norm(dim=-1, keepdim=True)
        moved = torch.cat([stream[:, :first], stream[:, first:] + push.dose * norm * unit], dim=1)
        return with_stream(output, moved)

    hook = blocks[push.layer - 1].register_forward_hook(move)
    try:
        yield
    finally:
        hook.remove()


class TransformersWriter:
    """Writes replies with a transformers model.

    Parameters
    ----------
    model, tokenizer
    params : mapping
        `temperature` and `top_p` of the study; without a temperature, or at 0, the likeliest
        token is taken.
    """

    def __init__(self, model: Any, tokenizer: Any, params: Mapping[str, Any] | None = None) -> None:
        self.model, self.tokenizer = model, tokenizer
        params = params or {}
        self._sampling: dict[str, Any] = {"do_sample": False}
        if params.get("temperature"):
            kept = {k: params[k] for k in ("temperature", "top_p") if params.get(k) is not None}
            self._sampling = {"do_sample": True, "top_k": 0, **kept}

    def write(
        self, asked: Sequence[Messages], push: Push | None, *, max_tokens: int, seed: int
    ) -> list[Steered]:
        """Return one reply per conversation; the same seed draws alike under every push."""
        found: list[Steered] = []
        for start in range(0, len(asked), BATCH):
            batch = [prompt_tokens(self.tokenizer, m) for m in asked[start : start + BATCH]]
            texts = self._generate(batch, push, max_tokens=max_tokens, seed=seed + start)
            found += [self._measured(p, text) for p, text in zip(batch, texts, strict=True)]
        return found

    def _generate(
        self, prompts: list[list[int]], push: Push | None, *, max_tokens: int, seed: int
    ) -> list[str]:
        import torch

        width, pad = max(map(len, prompts)), self._pad()
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        torch.manual_seed(seed)
        with torch.inference_mode(), pushed(self.model, push, start=width - 1):
            written = self.model.generate(
                input_ids=ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                max_new_tokens=max_tokens,
                pad_token_id=pad,
                eos_token_id=self._ends(),
                repetition_penalty=1.0,
                **self._sampling,
            )
        texts: list[str] = self.tokenizer.batch_decode(written[:, width:], skip_special_tokens=True)
        return [text.strip() for text in texts]

    def _ends(self) -> list[int] | None:
        """Return the tokens that end a reply, by the tokenizer and by the model's own settings."""
        own = getattr(self.model.generation_config, "eos_token_id", None)
        ends = [*(own if isinstance(own, list) else [own]), self.tokenizer.eos_token_id]
        return sorted({int(token) for token in ends if token is not None}) or None

    def _pad(self) -> int:
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def _measured(self, prompt: list[int], text: str) -> Steered:
        """Measure how likely the model finds a reply, per token, when nothing is added."""
        import torch

        reply = reply_tokens(self.tokenizer, text) if text else []
        if not reply:
            return Steered(text, float("nan"), 0)
        with torch.inference_mode():
            ids = torch.tensor([[*prompt, *reply]], device=self.model.device)
            logits = self.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
            chances = logits.float().log_softmax(dim=-1)
            told = chances.gather(1, ids[0, len(prompt) :, None])
        return Steered(text, float(told.mean()), len(reply))
