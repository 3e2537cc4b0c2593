"""A network of the transformers library that says what follows: any of its kinds, as it runs them.

Where ours has the same form, :mod:`lamina.decoders.weights` loads the weights into it, which is faster. No code that
comes with weights is ever run, and weights are read from safetensors alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.decoders.base import Decoder, Memory, State, last_of, refuse_memory
from lamina.errors import DataError, some
from lamina.extras import need

__all__ = ["LibraryDecoder"]


class LibraryDecoder(Decoder):
    """A causal language model of the transformers library.

    What was read of a text is kept by the network's own cache, of the text that was read last; a text that does not go
    on from that one is read again as a whole.

    Args:
        size: how many tokens there are.
        memory: None.
        settings: the network.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size)
    """

    reads_memory = False

    def __init__(self, size: int, memory: int | None, settings: torch.nn.Module) -> None:
        super().__init__(size, memory, None)
        refuse_memory(memory)
        self.network: Any = settings
        self._known: Tensor | None = None  # (B, T), what the cache is of
        self._cache: Any = None

    @classmethod
    def of_folder(cls, folder: Path, why: str) -> LibraryDecoder:
        """The network of a folder made by ``save_pretrained``.

        Args:
            folder: with config.json and safetensors.
            why: what the library is needed for, for the message where it is not installed.

        Raises:
            DataError: if the weights are not there, or the library cannot read them.
            MissingExtraError: if the library is not installed.
        """
        if not any(folder.glob("*.safetensors")):
            raise DataError(
                f"{folder} has no weights that can be read",
                got=some(sorted(path.name for path in folder.iterdir())),
                allowed="safetensors alone, since reading other forms can run code",
                do="save them again with save_pretrained of the transformers library",
            )
        transformers = need("transformers", extra="transformers", why=why)
        try:
            network = transformers.AutoModelForCausalLM.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, trust_remote_code=False, dtype=torch.float32
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise DataError(f"the network in {folder} cannot be read", got=str(error).splitlines()[0]) from error
        size = network.get_output_embeddings().weight.shape[0]
        return cls(size, None, network.eval())

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        self._check_memory(memory)
        there = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        return self.network(input_ids=tokens, attention_mask=there.long(), use_cache=False).logits

    def begin(self, memory: Memory | None, rows: int) -> State:
        self._check_memory(memory)
        device = next(self.parameters()).device
        self._known = self._cache = None  # the weights may have moved since the last text
        return {
            "tokens": torch.zeros(rows, 0, dtype=torch.int64, device=device),
            "length": torch.zeros(rows, dtype=torch.int64, device=device),
        }

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        if lengths is None:
            lengths = torch.full_like(state["length"], tokens.shape[1])
        length = state["length"] + lengths
        whole = _joined(state["tokens"], state["length"], tokens, lengths)
        state = {"tokens": whole, "length": length}
        if int(length.min()) < whole.shape[1]:  # the library's caches are for rows of one length
            return last_of(self(whole, length), length), state
        place = self._goes_on(whole)
        cache, self._cache = self._cache if place else None, None
        out = self.network(input_ids=whole[:, place:], past_key_values=cache, use_cache=True)
        self._cache, self._known = getattr(out, "past_key_values", None), whole
        return out.logits[:, -1], state

    def _goes_on(self, whole: Tensor) -> int:
        """How many of the places of rows (B, T) the cache holds; none, unless they go on from what it is of."""
        if self._cache is None or self._known is None:
            return 0
        place = self._known.shape[1]
        return place if place < whole.shape[1] and torch.equal(whole[:, :place], self._known) else 0

    def cut(self, state: State, count: int) -> State:
        if self._cache is not None and self._known is not None and self._known.shape[1] > count:
            self._cache = _cropped(self._cache, self._known.shape[1] - count)
            self._known = self._known[:, :count]
        return {"tokens": state["tokens"][:, :count], "length": state["length"].clamp(max=count)}


def _joined(before: Tensor, length: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Rows (B, T) of which the first ``length`` (B,) are theirs, and what comes after those, with zeros behind."""
    total = length + lengths
    whole = before.new_zeros(len(before), int(total.max()))
    for row in range(len(before)):
        whole[row, : length[row]] = before[row, : length[row]]
        whole[row, length[row] : total[row]] = tokens[row, : lengths[row]]
    return whole


def _cropped(cache: Any, count: int) -> Any:
    """The library's cache without its last places; None where it has forgotten what it was, as windows and running
    states do."""
    if not all(type(layer).__name__ == "DynamicLayer" for layer in getattr(cache, "layers", [None])):
        return None
    cache.crop(-count)
    return cache
