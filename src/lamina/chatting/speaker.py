"""A network that answers, opened from a folder of the transformers library."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.decoders.base import Decoder
from lamina.decoders.library import LibraryDecoder
from lamina.decoders.weights import KNOWN, context_of, decoder_of_folder, known_decoder
from lamina.decoding.lexicon import Lexicon
from lamina.errors import DataError, some
from lamina.features.wording import PlainWording, Wording, said_by, wording_from

__all__ = ["Speaker", "speaker_of"]


@dataclasses.dataclass(frozen=True)
class Speaker:
    """A network that answers, and how it is spoken to.

    Attributes:
        decoder: the network.
        wording: turns to its ids.
        context: tokens that it reads at most; None: any number.
        usual: settings of :class:`~lamina.chatting.settings.ChatSettings` that its maker gave it.
        notes: sentences for the person who talks to it.
    """

    decoder: Decoder
    wording: Wording
    context: int | None = None
    usual: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def lexicon(self) -> Lexicon:
        """What the ids that it writes stand for."""
        wording = self.wording
        return Lexicon(wording.tokens, start=wording.ends[0], ends=wording.ends, never=wording.never)


def speaker_of(folder: Path) -> Speaker:
    """The chat model of a folder made by ``save_pretrained`` of the transformers library.

    A network of a form that is known runs as ours, any other as the library runs it. No code of the folder is run but
    its template, in a sandbox.

    Raises:
        DataError: if the folder lacks what is needed, or what it holds cannot be used.
        MissingExtraError: if a package is needed that is not installed.
    """
    said = said_by(folder)
    wording = wording_from(said)
    decoder = _decoder(folder)
    if wording.tokens.size > decoder.size:
        raise DataError(
            f"the tokens of {folder} are not those of its network",
            got=f"{wording.tokens.size} tokens",
            allowed=f"{decoder.size}, as the network has",
        )
    notes: tuple[str, ...] = ()
    if isinstance(wording, PlainWording):
        notes = ("the folder has no chat template: turns are marked by who speaks, which the network may not know",)
    return Speaker(decoder, wording, context_of(folder), said["usual"], notes)


def _decoder(folder: Path) -> Decoder:
    """The network of a folder: as ours where the form is known."""
    try:
        known_decoder(folder)
    except DataError as error:
        if not (folder / "config.json").is_file():
            raise
        why = f"for a network of another form than {some(KNOWN)} ({error})"
        return LibraryDecoder.of_folder(folder, why)
    return decoder_of_folder(folder)
