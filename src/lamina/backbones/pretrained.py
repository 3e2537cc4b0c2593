"""Networks of the transformers library: BERT (Devlin et al. 2019), ViT (Dosovitskiy et al. 2021) and their relatives.

The network is built by the library's own code from a configuration in the settings. No code that comes with weights is
ever run, and weights are read from safetensors alone.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone, has_parameters, joined, mean_over
from lamina.config import setting, settings
from lamina.errors import SettingError
from lamina.extras import need
from lamina.features.base import Slot
from lamina.nn.pixels import Resize
from lamina.nn.wide import Pixels, places_there

__all__ = ["Pretrained", "PretrainedSettings", "config_of", "group_of"]

DEVIATION = 0.02  # of weights that the library's own layers bring, at the start

# Networks that count places from behind the code that fills up rows.
COUNT_FROM_PADDING = ("camembert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta")

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@settings
class PretrainedSettings:
    """A network of the transformers library; ``weights.source`` fills in all but the last two."""

    config: dict[str, Any] = setting({}, "Its config.json, with model_type. Empty: a small BERT or ViT, for trials.")
    side: int = setting(0, "Side in pixels that pictures are brought to; 0: as the configuration says.", ge=0, le=2048)
    mean: list[float] = setting([0.5], "What is taken from each channel of pictures from 0 to 1 (one number: all).")
    deviation: list[float] = setting([0.5], "What the rest is divided by (one number: all channels).")
    pooling: Literal["auto", "mean", "first"] = setting(
        "auto",
        "One vector: the mean of all places, or the first place; auto: the mean of texts, the first of pictures.",
    )
    dropout: float = setting(0.1, "Share of values dropped at the end, in training.", ge=0, lt=1)


def config_of(values: dict[str, Any]) -> Any:
    """The library's configuration object from the values of a config.json.

    Raises:
        SettingError: if the library does not know such a network.
        MissingExtraError: if the library is not installed.
    """
    transformers = need("transformers", extra="transformers", why="for a pre-trained network of its")
    rest = {name: value for name, value in values.items() if name not in ("auto_map", "model_type")}
    try:
        return transformers.AutoConfig.for_model(values.get("model_type", ""), **rest)
    except (ValueError, TypeError, KeyError) as error:
        raise SettingError(
            "the transformers library knows no such network",
            got=repr(values.get("model_type")),
            do="take a folder made by save_pretrained, or another version of transformers",
        ) from error


def group_of(config: Any) -> str:
    """What a configured network reads: ``tokens`` or ``image``.

    Raises:
        SettingError: if it reads neither, or writes too.
    """
    if getattr(config, "vocab_size", None) and not config.is_encoder_decoder and not hasattr(config, "conv_dim"):
        return "tokens"
    if getattr(config, "num_channels", None):
        return "image"
    raise SettingError(
        "this kind of network cannot read a column",
        got=config.model_type,
        allowed="those of texts (bert, roberta, distilbert ...) and of pictures (vit, convnext, resnet ...)",
    )


class Pretrained(Backbone):
    """A network of the transformers library over texts or pictures.

    Codes of texts are the library's plus one, since 0 fills up rows here; a text is cut where the network's places end.
    Pictures are brought to the network's side, and standardised as it was taught.

    Shape:
        tokens (B, T) or image (B, H, W, C) -> (B, width)

    Raises:
        SettingError: if the configuration is for another kind of column, or for fewer codes than the column has.
        MissingExtraError: if the library is not installed.
    """

    Settings = PretrainedSettings
    groups: ClassVar[tuple[str, ...]] = ("tokens", "image")

    def __init__(self, slot: Slot, settings: PretrainedSettings) -> None:
        super().__init__(slot, settings)
        transformers = need("transformers", extra="transformers", why="for a pre-trained network of its")
        self.config = config_of(settings.config or _small(slot))
        self.group = group_of(self.config)
        if self.group != slot.group:
            raise SettingError(
                f"{self.config.model_type} does not read column {slot.column!r}", got=slot.group, allowed=self.group
            )
        self.network: nn.Module = transformers.AutoModel.from_config(self.config, trust_remote_code=False).float()
        _settle(self.network)
        sizes = getattr(self.config, "hidden_sizes", None)
        self.width = int(sizes[-1] if sizes else self.config.hidden_size)
        self.pooling = settings.pooling
        self.dropout = nn.Dropout(settings.dropout)
        if self.group == "tokens":
            self._read_texts(slot)
        else:
            self._read_pictures(slot, settings)

    def _read_texts(self, slot: Slot) -> None:
        config = self.config
        if slot.size - 1 > config.vocab_size:
            raise SettingError(
                f"column {slot.column!r} has more codes than the network",
                got=slot.size - 1,
                allowed=config.vocab_size,
                do="read it with the network's own tokens (tokens=pretrained)",
            )
        self.padding = getattr(config, "pad_token_id", None) or 0
        places = getattr(config, "max_position_embeddings", None) or 10**6
        self.longest = places - (self.padding + 1 if config.model_type in COUNT_FROM_PADDING else 0)

    def _read_pictures(self, slot: Slot, settings: PretrainedSettings) -> None:
        channels = self.config.num_channels
        if slot.shape[-1] not in (1, channels):
            raise SettingError(
                f"column {slot.column!r} has another number of channels than the network reads",
                got=slot.shape[-1],
                allowed=f"1 or {channels}",
            )
        size = getattr(self.config, "image_size", None) or 0
        side = settings.side or (size if isinstance(size, int) else size[0])
        centre, scale = (
            [255.0 * value for value in _each(part, channels)] for part in (settings.mean, settings.deviation)
        )
        known = dataclasses.replace(
            slot, shape=(*slot.shape[:2], channels), centre=tuple(centre), scale=tuple(scale)
        )  # a grey channel meets the constants of all
        self.pixels = nn.Sequential(Pixels(known), Resize(side))

    def _texts(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        values = values[:, : self.longest]
        if not values.shape[1]:
            values = F.pad(values, (0, 1))
        there = places_there(lengths, values.shape[1])
        looked_at = there.clone()
        looked_at[:, 0] = True  # a missing cell looks at one place, since nothing has no softmax
        codes = torch.where(there, values - 1, self.padding)
        return self.network(input_ids=codes, attention_mask=looked_at.long()).last_hidden_state, there

    def _pictures(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Cells (B, places, width), and the picture's vector (B, width)."""
        out = self.network(pixel_values=self.pixels(values))
        found: Tensor = out.last_hidden_state
        if found.ndim == 4:  # a map of cells: (B, width, h, w)
            return found.flatten(2).mT, out.pooler_output.flatten(1)
        words = self._words(found.shape[1], values)
        by_mean = self.pooling == "mean" or not words
        return found[:, words:], found[:, words:].mean(1) if by_mean else found[:, 0]

    def _words(self, places: int, values: Tensor) -> int:
        """Places before the patches, such as that of a class."""
        patch = getattr(self.config, "patch_size", None)
        if not isinstance(patch, int):
            return 0
        resize = self.pixels[1]
        assert isinstance(resize, Resize)
        height, width = (resize.side, resize.side) if resize.side else values.shape[1:3]
        return max(0, places - (height // patch) * (width // patch))

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.group == "tokens":
            return self._texts(values, lengths)
        cells, _ = self._pictures(values)
        return cells, torch.ones(cells.shape[:2], dtype=torch.bool, device=cells.device)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        if self.group == "image":
            return self.dropout(self._pictures(values)[1])
        sequence, there = self._texts(values, lengths)
        return self.dropout(sequence[:, 0] if self.pooling == "first" else mean_over(sequence, there))

    def by_depth(self) -> list[list[nn.Module]]:
        """The network's layers, with what stands before and after their list."""
        name, layers = next(
            (name, module)
            for name, module in self.network.named_modules()
            if isinstance(module, nn.ModuleList) and all(map(has_parameters, module))
        )
        parts: list[list[nn.Module]] = [[], *([layer] for layer in layers)]
        place = 0
        for other, module in self.network.named_modules():
            if other == name:
                place = -1
            inside = other.startswith(f"{name}.")
            if not inside and next(module.parameters(recurse=False), None) is not None:
                parts[place].append(module)
        return joined(parts if parts[0] else parts[1:])


def _each(values: list[float], channels: int) -> list[float]:
    return values * channels if len(values) == 1 else values


def _small(slot: Slot) -> dict[str, Any]:
    """A configuration for trials."""
    if slot.group == "tokens":
        return {"model_type": "bert", "vocab_size": slot.size - 1, **SMALL}
    return {"model_type": "vit", "image_size": 32, "patch_size": 8, "num_channels": slot.shape[-1], **SMALL}


def _settle(network: nn.Module) -> None:
    """Drop what only another head would use, and let each layer draw its own start."""
    if has_parameters(getattr(network, "pooler", None) or nn.Identity()):
        network.pooler = None  # type: ignore[assignment]
    for module in network.modules():
        if not hasattr(module, "reset_parameters") and next(module.parameters(recurse=False), None) is not None:
            module.reset_parameters = functools.partial(_reset, module)  # type: ignore[assignment]


def _reset(module: nn.Module) -> None:
    """A start for a layer of the library that has none of its own: scales at 1, biases at 0, the rest small."""
    for name, parameter in module.named_parameters(recurse=False):
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=DEVIATION)
        else:
            nn.init.constant_(parameter, float("bias" not in name))
