"""Pre-trained weights of a run: from its folder into its networks, and out again when they have learned."""

from __future__ import annotations

import functools
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lamina.data.store import Store
from lamina.files import atomic
from lamina.models.mixed import Mixed
from lamina.models.talker import Talker
from lamina.transfer.chat_model import Adapting
from lamina.transfer.learning import end_learning, fill, names_in, open_later, prepare_learning
from lamina.transfer.settings import WeightsSettings
from lamina.transfer.vectors import VectorStore, put_back, set_apart, write_vectors

__all__ = ["START", "Learning", "Transfer", "save_start"]

START = "start.safetensors"  # what a run starts from: resuming it and predicting with it never need the source again


def save_start(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Keep the weights to start from in a run's folder."""
    with atomic(folder / START) as temporary:
        save_file(tensors, temporary)


class Transfer:
    """How the networks of a run start from pre-trained weights, and learn on.

    Args:
        folder: of the run.
        settings: what learns.
        augmented: whether a person asked for augmentation.

    Attributes:
        is_short: whether neither these nor their rows ever change, so that their vectors are computed once.
    """

    def __init__(self, folder: Path, settings: WeightsSettings, *, augmented: bool) -> None:
        self.folder, self.settings = folder, settings
        self.is_short = settings.learn == "head" and not augmented

    @functools.cached_property
    def _tensors(self) -> dict[str, Tensor]:
        return load_file(self.folder / START)  # only when a network begins: a prediction needs none of them

    @property
    def names(self) -> list[str]:
        """The wide slots whose backbones were pre-trained."""
        return names_in(self._tensors)

    @classmethod
    def of(cls, folder: Path, settings: WeightsSettings, *, augmented: bool) -> Transfer | None:
        """That of a run, or None where it starts from nothing."""
        return cls(folder, settings, augmented=augmented) if (folder / START).is_file() else None

    def shortened(self, model: Mixed, rows: Store) -> Store:
        """The rows with the vectors of what never changes, computed now unless they are there; or the rows as they are.

        Args:
            model: one of the run's networks.
            rows: encoded.
        """
        if not self.is_short:
            return rows
        fill(model, self._tensors)
        place = self.folder / "store" / "vectors"
        write_vectors(model, self.names, rows, place)
        return VectorStore(rows, place)

    def begin(self, model: nn.Module, seed: int) -> Learning | Adapting | None:
        """Load the weights into a network, and settle what learns; None if it has no place for them."""
        if isinstance(model, Talker):
            model.load_state_dict(self._tensors)
            return Adapting(model, self.settings, seed)
        if not isinstance(model, Mixed):
            return None
        fill(model, self._tensors)
        prepare_learning(model, self.names, self.settings, seed)
        return Learning(self, model, set_apart(model, self.names) if self.is_short else {})


class Learning:
    """A network that learns on from pre-trained weights.

    Args:
        transfer: how.
        model: with the weights in it.
        apart: backbones that are left out of it until the end.
    """

    def __init__(self, transfer: Transfer, model: Mixed, apart: dict[str, nn.Module]) -> None:
        self.transfer, self.model, self.apart = transfer, model, apart

    def open_later(self, steps: int) -> None:
        """Let parts begin to learn one after the other, where that was asked for; ``steps`` are those of an epoch."""
        open_later(self.model, self.transfer.names, self.transfer.settings, steps)

    def end(self) -> None:
        """Make the trained network plain and whole again."""
        put_back(self.model, self.apart)
        end_learning(self.model)
