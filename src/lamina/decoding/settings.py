"""Every setting of how a text is drawn from a network."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lamina.config import setting, settings
from lamina.errors import SettingError

__all__ = ["DecodingSettings", "check_alternatives"]


@settings
class DecodingSettings:
    """How a text is drawn from what a network says of the next token."""

    how: Literal["greedy", "beam", "sample"] = setting(
        "greedy", "Always the likeliest token; the likeliest text that a beam finds; or tokens by chance."
    )
    beams: int = setting(5, "Of beam: beginnings that are followed at once.", ge=1, le=256)
    length_penalty: float = setting(
        0.6,
        "Of beam: a text of n tokens is ranked by its log-probability over ((5 + n) / 6) to this power, since longer "
        "ones are always less likely (Wu et al. 2016). 0: by the log-probability.",
        ge=0,
        le=4,
    )
    thorough: bool = setting(
        False,
        "Of beam: stop only when no longer text could be ranked better, rather than when none better is in sight.",
    )
    temperature: float = setting(
        1.0, "Of sample: below 1 the likely tokens become likelier, above 1 less so.", gt=0, le=100
    )
    top_k: int = setting(0, "Of sample: only so many of the likeliest tokens. 0: all.", ge=0)
    top_p: float = setting(
        1.0, "Of sample: only the fewest tokens that have this share of the chance (Holtzman et al. 2020).", gt=0, le=1
    )
    min_p: float = setting(
        0.0, "Of sample: only tokens with at least this share of the likeliest one's (Nguyen et al. 2024).", ge=0, le=1
    )
    repetition_penalty: float = setting(
        1.0,
        "What the logits of tokens that already stand in the text are divided by, or multiplied by where they are "
        "negative (Keskar et al. 2019). 1: nothing.",
        gt=0,
        le=10,
    )
    no_repeat: int = setting(0, "So many tokens in a row do not come twice in a text. 0: they may.", ge=0)
    longest: int = setting(256, "Tokens that are written at most, the end among them.", ge=1)
    stop: list[Annotated[str, Field(min_length=1)]] = setting([], "A text ends before any of these.")
    alternatives: int = setting(1, "Texts for each row: the best that a beam found, or as many by chance.", ge=1)
    seed: int = setting(0, "What chance hangs on, beside the row and the place in the text.", ge=0)

    @property
    def streams(self) -> bool:
        """Whether a text can be shown as it comes: it is the only one, and its tokens are certain once they are drawn.

        Example:
            >>> DecodingSettings(how="sample").streams, DecodingSettings(how="beam").streams
            (True, False)
        """
        return self.how != "beam" and self.alternatives == 1


def check_alternatives(settings: Any) -> None:
    """Raises SettingError if more alternatives are asked for than there can be: of these settings, or others that say
    ``how``, ``beams`` and ``alternatives`` too."""
    most = {"greedy": 1, "beam": settings.beams}.get(settings.how, settings.alternatives)
    if settings.alternatives > most:
        raise SettingError(
            f"{settings.how} does not find so many alternatives", got=settings.alternatives,
            allowed=f"at most {most}", do="how=beam with as many beams, or how=sample",
        )  # fmt: skip
