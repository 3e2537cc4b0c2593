"""A chat model of the transformers library to start from: its words, its network, and how it learns on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lamina.config import as_dict, check
from lamina.decoders.gpt import GPT
from lamina.decoders.weights import context_of, known_decoder, load_decoder
from lamina.errors import SettingError, UsageError
from lamina.features.dialogue import Dialogue
from lamina.features.layout import Layout
from lamina.models.talker import Talker, TalkerSettings
from lamina.nn.lora import add_lora, merge_lora
from lamina.nn.still import set_moving, set_still
from lamina.transfer.from_library import fetched, on_hub
from lamina.transfer.settings import WeightsSettings

__all__ = ["Adapting", "ChatModel", "open_chat_model"]

ATTENTION = r"\.attention\.(query_key_value|out)$"  # the layers that LoRA adds to (Hu et al. 2021)


class ChatModel(NamedTuple):
    """What a folder brings.

    Attributes:
        folder: made by ``save_pretrained``.
        decoder: our name and settings for its network.
        size: tokens that it tells apart.
        context: tokens that it reads at most, if that is known.
    """

    folder: Path
    decoder: dict[str, Any]
    size: int
    context: int | None

    def teach(self, target: Dialogue) -> None:
        """Let dialogues be put into its tokens by its template, and no longer than it can read."""
        longest = min(target.settings.longest, self.context or target.settings.longest)
        target.settings = dataclasses.replace(target.settings, weights=str(self.folder), longest=longest)

    def settings(self, chosen: Any) -> TalkerSettings:
        """The network's settings.

        Args:
            chosen: those of a person, or None; only what the weights leave open may differ, such as dropout.

        Raises:
            SettingError: if something else does.
        """
        said = {} if chosen is None else as_dict(chosen).get("decoder", "gpt")
        said = {"name": said} if isinstance(said, str) else dict(said)
        for name, value in said.items():
            if name != "name" and self.decoder.get(name, value) != value:
                raise SettingError(
                    "the weights are of another network than the plan's", got=f"model.decoder.{name}={value}",
                    allowed=self.decoder[name], do="leave the setting out",
                )  # fmt: skip
        decoder = {**said, **self.decoder}
        return check(TalkerSettings, {"decoder": decoder, "size": self.size, "context": self.context}, "model")

    def start(self, settings: TalkerSettings) -> dict[str, Tensor]:
        """The weights to start from, by the names of a :class:`~lamina.models.talker.Talker`.

        Raises:
            DataError: if they do not fit the network.
        """
        talker = Talker(Layout.of([]), self.size, settings)
        load_decoder(talker.decoder, self.folder)
        return {name: value.contiguous() for name, value in talker.state_dict().items()}


def open_chat_model(source: str) -> ChatModel:
    """A chat model's folder, or its name on the hub.

    Raises:
        UsageError: if it is neither.
        DataError: if its network is of a form that is not known.
    """
    folder = fetched(source) if on_hub(source) else Path(source)
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"dialogues cannot be learned from the weights {source}", got="no config.json",
            allowed="a chat model as save_pretrained of the transformers library leaves it",
        )  # fmt: skip
    decoder = known_decoder(folder)
    return ChatModel(folder, decoder, decoder.pop("size"), context_of(folder))


class Adapting:
    """A talker that learns on from a chat model's weights.

    With LoRA the weights themselves stay, and are neither followed nor saved while it learns; at the end what was
    learned becomes part of them.

    Args:
        model: with the weights in it.
        settings: what learns.
        seed: of the start of what is added.
    """

    def __init__(self, model: Talker, settings: WeightsSettings, seed: int) -> None:
        self.model = model
        decoder = model.decoder
        if settings.learn == "all":
            return
        decoder.requires_grad_(False)
        if settings.learn == "lora":
            add_lora(decoder, settings.rank, seed, only=ATTENTION)
        else:
            assert isinstance(decoder, GPT)
            for part in (decoder.blocks[-1], decoder.norm):
                part.requires_grad_(True)
        set_still(decoder)

    def open_later(self, steps: int) -> None:
        """All that learns begins at once."""

    def end(self) -> None:
        """Make the trained network plain again."""
        set_moving(self.model)
        merge_lora(self.model)
        for weight in self.model.parameters():
            weight.requires_grad_(True)
