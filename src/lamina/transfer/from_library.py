"""Weights of a transformers model: a folder made by its ``save_pretrained``, or a model on the hub.

No code of the folder is ever run, and weights are read from safetensors alone: other forms can hold code.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.backbones.base import Backbone
from lamina.backbones.pretrained import Pretrained, config_of, group_of
from lamina.errors import DataError, UsageError, some
from lamina.extras import need
from lamina.files import read_json
from lamina.transfer.origin import Origin, load_exactly

__all__ = ["fetched", "of_library", "on_hub"]

LONGEST = 512  # tokens of a text that are read, unless a person says otherwise
SIDE = 224  # pixels, where neither the model nor its pre-processing says

# What a config.json holds beside the network's form.
BESIDE = (
    *("architectures", "auto_map", "_name_or_path", "transformers_version", "torch_dtype", "dtype"),
    *("id2label", "label2id", "problem_type", "finetuning_task", "quantization_config"),
)
FETCHED = ["*.json", "*.jinja", "*.safetensors"]  # no code but a template, which only ever runs in a sandbox


def on_hub(source: str) -> bool:
    """Whether it could be the name of a model on the hub: OWNER/NAME."""
    return bool(re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", source)) and not Path(source).parent.exists()


def fetched(name: str) -> Path:
    """The folder of a model from the hub, fetched once and kept by its library.

    Raises:
        UsageError: if it cannot be fetched.
        MissingExtraError: if the library is not installed.
    """
    hub = need("huggingface_hub", extra="transformers", why="to fetch a model from the hub")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=FETCHED))
    except (hub.errors.HfHubHTTPError, hub.errors.LocalEntryNotFoundError, OSError, ValueError) as error:
        raise UsageError(
            f"{name} is neither a folder here nor a model that can be fetched",
            got=str(error).splitlines()[0],
            do="check the name and the network, or name a folder",
        ) from error


def of_library(folder: Path) -> list[Origin]:
    """The network of a transformers folder, for texts or for pictures.

    Raises:
        SettingError: if its kind of network is not known, or reads neither texts nor pictures.
        DataError: if its weights are not safetensors, or its tokens are not there.
    """
    _check_files(folder)
    config = {name: value for name, value in read_json(folder / "config.json").items() if name not in BESIDE}
    known = config_of(config)
    backbone: dict[str, Any] = {"name": "pretrained", "config": config}
    load = functools.partial(_load, folder=folder)
    if group_of(known) == "tokens":
        if not (folder / "tokenizer.json").is_file():
            raise DataError(
                f"{folder} has no tokenizer.json", got=some(_names(folder)), do="save the model's tokenizer there"
            )
        places = getattr(known, "max_position_embeddings", None) or LONGEST
        return [
            Origin(
                str(folder),
                "text",
                backbone,
                load,
                fixed={"tokens": "pretrained", "weights": str(folder)},
                usual={"longest": min(LONGEST, places)},
            )
        ]
    backbone |= _input(folder, known)
    return [Origin(str(folder), "image", backbone, load, usual={"size": backbone["side"]})]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _check_files(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        raise DataError(
            f"{folder} has no weights that can be read",
            got=some(_names(folder)),
            allowed="safetensors alone, since reading other forms can run code",
            do="save them again with save_pretrained of the transformers library",
        )


def _input(folder: Path, config: Any) -> dict[str, Any]:
    """Side, mean and deviation of pictures, as the model's pre-processing says."""
    path = folder / "preprocessor_config.json"
    said = read_json(path) if path.is_file() else {}
    found: dict[str, Any] = {}
    if said.get("do_normalize", True):
        pairs = {"mean": said.get("image_mean"), "deviation": said.get("image_std")}
        found = {name: _listed(value) for name, value in pairs.items() if value is not None}
    else:
        found = {"mean": [0.0], "deviation": [1.0]}
    size = said.get("crop_size") if said.get("do_center_crop") else said.get("size")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    own = getattr(config, "image_size", None)
    own = own[0] if isinstance(own, list | tuple) else own
    return {**found, "side": int(own or size or SIDE)}


def _listed(value: Any) -> list[float]:
    return [float(one) for one in value] if isinstance(value, list) else [float(value)]


@contextlib.contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Keep the library from telling which tensors it leaves: those of heads, which are not wanted here."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _load(backbone: Backbone, folder: Path) -> None:
    """Let the library read the tensors, since it knows all names that they have had, and take the network's."""
    assert isinstance(backbone, Pretrained)
    transformers = need("transformers", extra="transformers", why="for a pre-trained network of its")
    try:
        with _quiet(transformers.utils.logging):
            network, said = transformers.AutoModel.from_pretrained(
                folder,
                config=backbone.config,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"the weights in {folder} cannot be read", got=str(error).splitlines()[0]) from error
    own = backbone.network.state_dict()
    unread = set(said["missing_keys"]) | {name for name, *_ in said["mismatched_keys"]}
    tensors = {
        name: value.float() if value.is_floating_point() else value for name, value in network.state_dict().items()
    }
    kept = {name: value for name, value in tensors.items() if name in own and name not in unread}
    load_exactly(backbone.network, kept, str(folder))
