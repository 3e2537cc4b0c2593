"""``lamina models``: architectures and known weights, by kind of data."""

from __future__ import annotations

import argparse
from typing import Any

import lamina
from lamina.cli.command import Command
from lamina.cli.output import columns, print_json

__all__ = ["command"]

PARTS = {
    "model": "Models, over all columns of a row (--model NAME)",
    "backbone": "Backbones, over one column of a row (--set model.image=NAME, model.text=..., model.frames=...)",
    "decoder": "Decoders, which write a text (--set model.decoder=NAME)",
    "weights": "Weights that --weights knows",
}
UNITS = ((10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for", metavar="DATA", dest="kind", help="One of image, text, frames, clip, number.")


def _run(args: argparse.Namespace) -> int:
    rows = lamina.catalogue(args.kind)
    if args.json:
        print_json({"models": rows})
        return 0
    for place, (part, heading) in enumerate(PARTS.items()):
        chosen = [row for row in rows if row["part"] == part]
        if chosen:
            print(*([""] if place else []), heading, "", sep="\n")
            print(*(f"  {line}".rstrip() for line in _table(part, chosen, args.kind)), sep="\n")
    return 0


def _table(part: str, rows: list[dict[str, Any]], kind: str | None) -> list[str]:
    if part == "weights":
        head = ["name", "reads", "from", "licence"]
        lines = [[row["name"], ", ".join(row["reads"]), row["source"], row["licence"]] for row in rows]
        return columns([head, *lines])
    head = ["name", "reads", "weights", "paper", "score"]
    found = [head]
    for row in rows:
        reads = "all columns" if len(row["reads"]) > 4 else ", ".join(row["reads"])
        found.append([row["name"], reads, _sizes(row["parameters"], kind), row["paper"], _score(row["score"])])
    return columns(found, right=[2])


def _sizes(sizes: dict[str, int], kind: str | None) -> str:
    """The size for one kind of data, or the range over all."""
    counts = [sizes[kind]] if kind in sizes else sorted(sizes.values())
    shown = list(dict.fromkeys(_count(count) for count in (counts[:1] + counts[-1:])))
    return " to ".join(shown) or "-"


def _count(count: int) -> str:
    """A count for people: ``273_258`` is ``273k``."""
    size, unit = next((size, unit) for size, unit in UNITS if count >= size or size == 1)
    return f"{count / size:.3g}{unit}"


def _score(score: dict[str, Any]) -> str:
    return ", ".join(f"{value:.3f} {name}" for name, value in score.items()) or "-"


command = Command(
    "List architectures and known weights: the data that they read, their paper, how many weights they have at the "
    "default settings (for pictures of 32 x 32, texts over 1,000 tokens, sounds of 64 bands, or 10 numbers; "
    "decoders look at places of width 128), their licence where it is not Lamina's own, and where it was measured a "
    "score: accuracy on held-back rows of a public set after twenty seconds on one core.",
    "",
    _add_arguments,
    _run,
    "lamina models --for text",
)
