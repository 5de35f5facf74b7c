"""A controlled data set: flowers whose class is the colour of one known part.

Where the evidence lies is known to the pixel, so that explanations can be checked. After
the idea of the an8Flower sets of Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302; drawn
from scratch.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.evaluate.flower_drawing import PARTS, Color, Look, draw_flower
from onnxplain.files import whole_file, write_text

SIZE = 128
PALETTE: Mapping[str, Color] = {
    "red": (0.99, 0.88, 0.82),
    "orange": (0.075, 0.92, 0.95),
    "yellow": (0.145, 0.88, 0.95),
    "cyan": (0.50, 0.80, 0.85),
    "blue": (0.625, 0.85, 0.80),
    "magenta": (0.86, 0.75, 0.88),
}
_NEUTRAL: Mapping[str, Color] = {
    "stem": (0.33, 0.60, 0.50),
    "petals": (0.10, 0.06, 0.88),
    "pot": (0.06, 0.45, 0.50),
    "centre": (0.07, 0.70, 0.30),
}
# Classes are named "part-colour".
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "single6": tuple(f"petals-{c}" for c in PALETTE),
    "double12": tuple(f"{part}-{c}" for part in ("petals", "stem") for c in PALETTE),
}
_MOST_BLOBS = 3
_HUE_SPREAD = 0.012


@dataclass(frozen=True)
class Flower:
    """One picture of the data set.

    Attributes
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    label : int
        Index of the class in its variant.
    mask : (H, W) bool array
        Visible pixels of the part whose colour is the class.
    parts : (H, W) uint8 array
        Index into `PARTS` for each pixel.
    """

    image: NDArray[np.uint8]
    label: int
    mask: NDArray[np.bool_]
    parts: NDArray[np.uint8]


def flower(
    variant: str, seed: int, *, label: int | None = None, decoys: bool = False, size: int = SIZE
) -> Flower:
    """Draw one flower; a pure function of its arguments.

    Parameters
    ----------
    variant : {"single6", "double12"}
        ``single6``: the class is the colour of the petals. ``double12``: it is the part
        that is coloured (petals or stem with leaves) and its colour; the other part is
        neutral.
    seed : int
        Pose, light and noise; two labels of one seed differ in the coloured parts alone.
    label : int, optional
        The class; drawn at random if not given.
    decoys : bool
        The pot and spots in the background take colours of the classes, whatever the
        class is: who looks for "the colour" is wrong.
    size : int
        Height and width in pixels.

    Raises
    ------
    UnknownNameError
        If there is no such variant.
    UsageError
        If the label is out of range.
    """
    classes = classes_of(variant)
    choices = np.random.default_rng([seed, 0])
    drawn = int(choices.integers(len(classes)))
    label = drawn if label is None else label
    if not 0 <= label < len(classes):
        raise UsageError(f"label {label} is out of range: {variant} has 0..{len(classes) - 1}")
    part, color = classes[label].split("-")
    hue, saturation, value = PALETTE[color]
    own = (hue + choices.uniform(-_HUE_SPREAD, _HUE_SPREAD), saturation, value)
    colors = {**_NEUTRAL, part: own}
    blobs: tuple[Color, ...] = ()
    if decoys:
        tints = list(PALETTE.values())
        colors["pot"] = tints[choices.integers(len(tints))]
        count = int(choices.integers(1, _MOST_BLOBS + 1))
        blobs = tuple(tints[k] for k in choices.integers(len(tints), size=count))
    image, parts = draw_flower(np.random.default_rng([seed, 1]), Look(colors, blobs), size)
    return Flower(image, label, parts == PARTS.index(part), parts)


def classes_of(variant: str) -> tuple[str, ...]:
    """Names of the classes of a variant.

    Raises
    ------
    UnknownNameError
        If there is no such variant.
    """
    if variant not in VARIANTS:
        raise UnknownNameError("variant", variant, VARIANTS, f"variants: {', '.join(VARIANTS)}")
    return VARIANTS[variant]


def flowers(
    variant: str, count: int, *, first_seed: int = 0, decoys: bool = False, size: int = SIZE
) -> Iterator[Flower]:
    """Draw flowers of all classes in turn, with consecutive seeds."""
    classes = len(classes_of(variant))
    for k in range(count):
        label = k % classes
        yield flower(variant, first_seed + k, label=label, decoys=decoys, size=size)


def write_flowers(
    folder: str | Path,
    variant: str,
    count: int,
    *,
    first_seed: int = 0,
    decoys: bool = False,
    size: int = SIZE,
) -> Path:
    """Write a data set that `read_dataset` reads: pictures by class, masks, ``labels.csv``.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    variant, count, first_seed, decoys, size
        See `flowers`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    root = Path(folder)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "label", "mask"])
    drawn = flowers(variant, count, first_seed=first_seed, decoys=decoys, size=size)
    for k, found in enumerate(drawn):
        name = classes_of(variant)[found.label]
        file, mask = f"{name}/{first_seed + k:06d}.png", f"masks/{name}/{first_seed + k:06d}.png"
        _write_png(root / file, found.image)
        _write_png(root / mask, np.where(found.mask, 255, 0).astype(np.uint8))
        rows.writerow([file, name, mask])
    write_text(root / "labels.csv", table.getvalue())
    return root


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    with whole_file(path) as file:
        Image.fromarray(pixels).save(file, "PNG")
