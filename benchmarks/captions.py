"""Captions of pictures that are composed by a rule: two things on a painting or a photograph.

    python benchmarks/captions.py              ten minutes
    python benchmarks/captions.py --develop    an eighth of the training combinations judges, to try things out
    python benchmarks/captions.py --quick      twenty seconds, to see that it works
    python benchmarks/captions.py --show PNG   draw sixteen of the pictures, and stop

The rule. A picture of 48 x 48 pixels shows two things of fashion_mnist, each 20 x 20, in a colour, on a piece of one of
the nine pictures of style_images. Its caption is

    a {colour} {thing} {left of | above} a {colour} {thing} on {the name of the background}

with five things (bag, boot, dress, sandal, trousers), four colours (red, green, blue, yellow) and nine backgrounds:
7,200 combinations. A fifth of them, by a hash of the caption, is seen in the judged pictures alone: 1,000 of these are
judged, each with a combination of its own that no training picture shows; 8,000 pictures of the other combinations
teach. Things of training pictures come from fashion_mnist's training pictures, those of judged ones from its test
pictures. Backgrounds are pieces from anywhere in a picture, at a third of its size.

``exact`` is the share of captions that are right to the letter.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from datasets import DATA, arrays, held_back
from PIL import Image
from results import append

import lamina

SIDE, THING = 48, 20
THINGS = {"bag": "8", "boot": "9", "dress": "3", "sandal": "5", "trousers": "1"}  # by their code in fashion_mnist
COLOURS = {"red": (1, 0.25, 0.25), "green": (0.3, 1, 0.3), "blue": (0.35, 0.45, 1), "yellow": (1, 1, 0.3)}
PLACES = {"left of": ((14, 2), (14, 26)), "above": ((2, 14), (26, 14))}  # rows and columns of the two, give or take 2
BACKGROUNDS = {
    "content/astronaut.jpg": "an astronaut", "content/coffee.jpg": "a cup of coffee", "content/chelsea.jpg": "a cat",
    "content/rocket.jpg": "a rocket", "content/hubble_deep_field.jpg": "galaxies",
    "style/starry_night.jpg": "a starry night", "style/the_scream.jpg": "a scream", "style/wave.jpg": "a wave",
    "style/composition_vii.jpg": "a composition",
}  # fmt: skip
JUDGED, TAUGHT, BUDGET = 1_000, 8_000, "10min"

Combination = tuple[str, str, str, str, str, str]  # colour, thing, place, colour, thing, background


def caption(one: Combination) -> str:
    """What a picture shows.

    Example:
        >>> caption(("red", "bag", "above", "blue", "boot", "style/wave.jpg"))
        'a red bag above a blue boot on a wave'
    """
    return f"a {one[0]} {one[1]} {one[2]} a {one[3]} {one[4]} on {BACKGROUNDS[one[5]]}"


def combinations() -> tuple[list[Combination], list[Combination]]:
    """Those of training pictures, and those that are new to the judged ones."""
    each = list(itertools.product(COLOURS, THINGS, PLACES, COLOURS, THINGS, BACKGROUNDS))
    is_new = [hashlib.sha256(caption(one).encode()).digest()[0] < 256 // 5 for one in each]
    return [one for one, new in zip(each, is_new, strict=True) if not new], list(itertools.compress(each, is_new))


def compose(
    which: list[Combination], things: pl.DataFrame, scenes: dict[str, np.ndarray], draw: np.random.Generator
) -> pl.DataFrame:
    """A picture and its caption for each combination."""
    pixels = things["image"].to_numpy()
    labels = things["label"].to_numpy()
    by_kind = {name: np.flatnonzero(labels == code) for name, code in THINGS.items()}
    made = np.empty((len(which), SIDE, SIDE, 3), np.uint8)
    for picture, (colour, thing, place, other_colour, other, scene) in zip(made, which, strict=True):
        whole = scenes[scene]
        row, column = (int(draw.integers(size - SIDE + 1)) for size in whole.shape[:2])
        picture[:] = whole[row : row + SIDE, column : column + SIDE]
        for tint, name, (top, left) in zip((colour, other_colour), (thing, other), PLACES[place], strict=True):
            shape = np.asarray(Image.fromarray(pixels[draw.choice(by_kind[name])]).resize((THING, THING)))
            shape = shape.astype(np.float32)[..., None] / 255
            top, left = (at + int(draw.integers(-2, 3)) for at in (top, left))
            under = picture[top : top + THING, left : left + THING]
            mask = np.minimum(1, 3 * shape)  # dark parts of a thing cover what is behind it too
            under[:] = (under * (1 - mask) + mask * shape * np.array(COLOURS[tint]) * 255).astype(np.uint8)
    cells = pl.Series("picture", made.reshape(len(made), -1), dtype=pl.Array(pl.UInt8, SIDE * SIDE * 3))
    return pl.DataFrame(
        {"picture": cells.reshape((len(made), SIDE, SIDE, 3)), "caption": [caption(one) for one in which]}
    )


def scenes() -> dict[str, np.ndarray]:
    """The backgrounds, a third as large as they are."""
    found = {}
    with zipfile.ZipFile(DATA / "style_images" / "style_images.zip") as archive:
        for name in BACKGROUNDS:
            with archive.open(name) as file, Image.open(file) as picture:
                found[name] = np.asarray(picture.convert("RGB").reduce(3))
    return found


def tables(*, develop: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training rows and judged rows."""
    train, test = arrays("fashion_mnist", "train", "test")()
    known, new = combinations()
    draw = np.random.default_rng(0)
    if develop:
        known = [known[place] for place in draw.permutation(len(known))]
        known, new = known[len(known) // 8 :], known[: len(known) // 8]
        train, test = held_back(train, "label")
    taught = [known[place] for place in draw.integers(len(known), size=TAUGHT)]
    judged = [new[place] for place in draw.permutation(len(new))[:JUDGED]]
    return compose(taught, train, scenes(), draw), compose(judged, test, scenes(), draw)


def show(path: Path) -> None:
    """Sixteen training pictures as one."""
    learn, _ = tables(develop=True)
    rows = learn.head(16)
    sheet = Image.fromarray(np.concatenate(rows["picture"].to_numpy().reshape(4, 4 * SIDE, SIDE, 3), axis=1))
    sheet.resize((960, 960), Image.Resampling.NEAREST).save(path)
    print(*rows["caption"], sep="\n")


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Captions of pictures that are composed by a rule.")
    parser.add_argument("--develop", action="store_true", help="training combinations judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--show", type=Path, metavar="PNG", help="draw some pictures, and stop")
    given = parser.parse_args()
    if given.show:
        show(given.show)
        return
    develop, budget = given.develop or given.quick, "20s" if given.quick else given.budget or BUDGET
    learn, judge = tables(develop=develop)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = lamina.train(
            learn, "caption", test=judge, features={"picture": "image", "caption": "text"}, budget=budget,
            progress=True, out=Path(folder) / "run",
        )  # fmt: skip
        scores = {name: system["scores"] for name, system in run.results["caption"]["systems"].items()}
    exact = scores["network"]["identical"]
    metrics = {"exact": exact["value"], "exact_low": exact["low"], "exact_high": exact["high"]}
    metrics |= {f"{name}_exact": scores[name]["identical"]["value"] for name in ("constant", "nearest")}
    append(
        "captions", metrics, seconds=time.perf_counter() - began, trial=develop or budget != BUDGET,
        settings={"budget": budget, "judged by": "held-back combinations" if develop else "new combinations"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
