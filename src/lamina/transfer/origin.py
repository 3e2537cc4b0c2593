"""What pre-trained weights bring for a kind of column, and which columns of a table they are for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import as_dict, check
from lamina.errors import DataError, SettingError, UsageError
from lamina.features.base import Feature, field_of
from lamina.features.encoder import Encoder
from lamina.features.layout import Layout
from lamina.models.mixed import MixedSettings, backbone_of
from lamina.transfer.settings import Learn

__all__ = ["Origin", "Taught", "load_exactly", "match", "model_for", "start_of", "teach"]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Pre-trained weights for one kind of column.

    Attributes:
        source: as it was named, for messages.
        kind: of the feature that they can stand behind: ``image``, ``text`` ...
        backbone: its name and settings.
        load: puts the weights into a backbone that was built so.
        fixed: settings that the feature must have.
        usual: settings that it has unless a person said otherwise.
        column: its name where they were trained, if they were trained on a column.
        state: what that column's feature had learned; it is taken over, so that codes and scales mean the same.
    """

    source: str
    kind: str
    backbone: Mapping[str, Any]
    load: Callable[[Backbone], None]
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    usual: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    column: str | None = None
    state: Mapping[str, Any] | None = None


class Taught(Encoder):
    """An encoder of which some features bring what they learned elsewhere, and learn nothing from these rows.

    Args:
        inputs, targets: features.
        taught: columns of those that bring their state.
    """

    def __init__(self, inputs: Sequence[Feature], targets: Sequence[Feature], taught: Iterable[str]) -> None:
        super().__init__(inputs, targets)
        self.taught = frozenset(taught)

    @property
    def learning(self) -> Encoder:
        """The other features."""
        return Encoder(
            *([one for one in part if one.column not in self.taught] for part in (self.inputs, self.targets))
        )

    def partial_fit(self, frame: Any) -> Taught:
        self.learning.partial_fit(frame)
        return self

    def finish(self) -> Taught:
        self.learning.finish()
        return self


def match(origins: Sequence[Origin], features: Iterable[Feature]) -> dict[str, Origin]:
    """The weights that each column starts from: of its kind, and of its name where several are of its kind.

    Raises:
        UsageError: if there is no column for them.
    """
    found = {}
    features = list(features)
    for feature in features:
        able = [origin for origin in origins if origin.kind == feature.kind]
        if able:
            found[feature.column] = next((one for one in able if one.column == feature.column), able[0])
    if not found:
        raise UsageError(
            f"the weights {origins[0].source} are for a column of another kind",
            got=", ".join(f"{feature.column} ({feature.kind})" for feature in features),
            allowed=" or ".join(dict.fromkeys(origin.kind for origin in origins)),
        )
    return found


def teach(encoder: Encoder, matched: Mapping[str, Origin], chosen: Mapping[str, Any]) -> Encoder:
    """Give features the settings that the weights ask for, and the state that they were trained with.

    Args:
        encoder: not fitted yet.
        matched: column -> weights.
        chosen: column -> what a person said of its feature.

    Raises:
        SettingError: if that is something else than what the weights need.
    """
    for feature in encoder.inputs:
        origin = matched.get(feature.column)
        if origin is None:
            continue
        said = chosen.get(feature.column)
        said = dict(said) if isinstance(said, Mapping) else {}
        for name, value in origin.fixed.items():
            if name in said and said[name] != value:
                raise SettingError(
                    f"column {feature.column!r} must be read as the weights were trained",
                    got=f"{name}={said[name]}",
                    allowed=f"{name}={value}",
                    do="leave the setting out",
                )
        usual = {name: value for name, value in origin.usual.items() if name not in said}
        feature.settings = check(feature.Settings, {**as_dict(feature.settings), **usual, **origin.fixed})
        if origin.state is not None:
            feature.state = feature.State(**origin.state)
    taught = [column for column, origin in matched.items() if origin.state is not None]
    return Taught(encoder.inputs, encoder.targets, taught) if taught else encoder


def model_for(matched: Mapping[str, Origin], layout: Layout, name: str | None, settings: Any) -> MixedSettings:
    """The settings of a mixed model with the backbones that the weights are of.

    Args:
        matched: column -> weights.
        layout: of the table.
        name, settings: the plan's model.

    Raises:
        UsageError: if the plan names another model, or another backbone for such a column.
    """
    if name not in ("auto", "mixed"):
        raise UsageError(
            "weights are for networks over pictures, texts, sounds or series", got=f"model {name}", allowed="mixed"
        )
    values = {} if settings is None else as_dict(settings)
    for slot in layout.wide:
        if slot.column not in matched:
            continue
        origin = matched[slot.column]
        field = field_of(slot.group)
        said = values.get(field, "auto")
        said = {"name": said} if isinstance(said, str) else dict(said)
        if said.get("name", "auto") not in ("auto", origin.backbone["name"]):
            raise UsageError(
                f"the weights {origin.source} are of another network than the plan's",
                got=said["name"],
                allowed=origin.backbone["name"],
            )
        values[field] = {**origin.backbone, **said, "name": origin.backbone["name"]}
    return check(MixedSettings, values, "model")


def start_of(
    matched: Mapping[str, Origin], layout: Layout, settings: MixedSettings, learn: Learn = "all"
) -> dict[str, Tensor]:
    """The weights to start from: slot and parameter, as in ``image000.stem.weight``, -> tensor.

    Raises:
        DataError: if the weights do not fit the backbones; it names the first tensor that does not.
        SettingError: if linear layers are to learn, and a backbone has none.
    """
    tensors: dict[str, Tensor] = {}
    for name, slot in layout.wide_by_name.items():
        if slot.column in matched:
            backbone = backbone_of(slot, settings)
            if learn == "lora" and not any(isinstance(layer, nn.Linear) for layer in backbone.modules()):
                raise SettingError(
                    f"the network of column {slot.column!r} has no linear layers for lora", got=type(backbone).__name__,
                    do="say --learn last, or --learn all",
                )  # fmt: skip
            matched[slot.column].load(backbone)
            tensors |= {f"{name}.{key}": value.contiguous() for key, value in backbone.state_dict().items()}
    return tensors


def load_exactly(backbone: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load weights that must be those of the backbone, tensor by tensor.

    Raises:
        DataError: it names the first tensor that is not there, is of another shape, or is one too many.
    """
    own = backbone.state_dict()
    place = f"the weights {source} do not fit the network"
    for name, value in own.items():
        if name not in tensors:
            raise DataError(place, got=f"no tensor {name}", allowed=f"{tuple(value.shape)}")
        if tensors[name].shape != value.shape:
            raise DataError(place, got=f"{name} {tuple(tensors[name].shape)}", allowed=f"{tuple(value.shape)}")
    more = next((name for name in tensors if name not in own), None)
    if more is not None:
        raise DataError(place, got=f"a tensor {more} that it does not have")
    backbone.load_state_dict(dict(tensors))
