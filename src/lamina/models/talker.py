"""A network that reads dialogues, and says which token comes next in them (Vinyals and Le 2015)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from lamina.config import setting, settings
from lamina.decoders.base import decoder_of
from lamina.features.layout import Layout
from lamina.models.base import Model

__all__ = ["Talker", "TalkerSettings", "tokens_of"]


@settings
class TalkerSettings:
    """The decoder, by its name or as {name: ..., setting: value}; weights say all of it."""

    decoder: str | dict[str, Any] = setting("gpt", "What says which token comes next: gpt, gpt2, lstm, gru, rnn ...")
    context: Annotated[int, Field(ge=2)] | None = setting(
        None, "Tokens of a dialogue that it can read; none: as many as it has learned from at once."
    )
    size: int = setting(0, "Tokens that it tells apart; 0: as many as there are.", ge=0)


class Talker(Model):
    """A decoder over dialogues, which stand one turn behind the other (Wolf et al. 2019).

    Shape:
        the arrays of rows, of which none is read; ids of dialogues, (B, T) int64, one more than the decoder's own,
        negative where nothing is to be learned, with zeros behind the end of short ones
        -> (B, T, outputs): logits of what follows each token
    """

    Settings = TalkerSettings
    gives: ClassVar[str] = "dialogue"

    def __init__(self, layout: Layout, outputs: int, settings: TalkerSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.context = settings.context
        self.decoder = decoder_of(settings.size or outputs, None, settings.decoder, "gpt")

    def forward(self, inputs: dict[str, Tensor], turns: Tensor | None = None) -> Tensor:
        if turns is None:
            turns = inputs["number"].new_ones(len(inputs["number"]), 1).long()
        return self.decoder(*tokens_of(turns))


def tokens_of(turns: Tensor) -> tuple[Tensor, Tensor]:
    """Encoded dialogues as the decoder's ids, (B, T), and how many each has, (B,); there is one at least.

    Example:
        >>> import torch
        >>> tokens_of(torch.tensor([[-5, 4, 3], [-5, 2, 0]]))
        (tensor([[4, 3, 2],
                [4, 1, 0]]), tensor([3, 2]))
    """
    return (turns.abs() - 1).clamp(min=0), (turns != 0).sum(1).clamp(min=1)
