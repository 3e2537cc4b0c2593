"""Opening what ``--weights`` names, and telling what it is."""

from __future__ import annotations

from pathlib import Path

from lamina.errors import UsageError
from lamina.transfer.from_file import of_file
from lamina.transfer.from_library import fetched, of_library, on_hub
from lamina.transfer.from_run import of_run
from lamina.transfer.origin import Origin

__all__ = ["is_run", "open_source"]

FILES = (".npz", ".safetensors")
KINDS = "a run's folder, .npz or .safetensors, a transformers model's folder, or its OWNER/NAME on the hub"


def is_run(source: str) -> bool:
    """Whether it is the folder of a run."""
    return (Path(source) / "run.json").is_file()


def open_source(source: str) -> list[Origin]:
    """What the weights bring, for each kind of column that they are for.

    Args:
        source: a run's folder; a file of a known network's weights; the folder of a transformers model, or its name
            on the hub.

    Raises:
        UsageError: if it is none of these.
        DataError: if what it holds cannot be used.
    """
    path = Path(source)
    if is_run(source):
        return of_run(path)
    if (path / "config.json").is_file():
        return of_library(path)
    if path.is_file() and path.suffix in FILES:
        return of_file(path)
    if not path.exists() and on_hub(source):
        return of_library(fetched(source))
    got = (
        "nothing there"
        if not path.exists()
        else "a folder of something else"
        if path.is_dir()
        else "a file of another kind"
    )
    raise UsageError(f"no weights can be read from {source}", got=got, allowed=KINDS)
