"""Write one test picture per class into examples/digits and examples/fashion.

The first of each class is taken, whether or not a model gets it right. The number in a file's
name is the picture's position in its test split.
"""

import re
from pathlib import Path

import digits_data
import fashion_data
import numpy as np
from PIL import Image
from publish import ROOT


def write_first_of_each(
    folder: Path, images: np.ndarray, classes: np.ndarray, labels: list[str]
) -> None:
    """Save ``<label>-<position>.png`` for each label; images are (N, H, W) uint8."""
    for index, label in enumerate(labels):
        position = int(np.flatnonzero(classes == index)[0])
        stem = re.sub(r"\W+", "-", label.lower())
        Image.fromarray(images[position]).save(folder / f"{stem}-{position}.png")


def main() -> None:
    _, digits = digits_data.load_splits()
    write_first_of_each(ROOT / "examples" / "digits", *digits, digits_data.LABELS)
    fashion = fashion_data.load_split("t10k")
    write_first_of_each(ROOT / "examples" / "fashion", *fashion, fashion_data.LABELS)


if __name__ == "__main__":
    main()
