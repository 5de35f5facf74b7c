"""Write one test picture per class into examples/digits, examples/fashion and examples/flowers.

The first of each class is taken, whether or not a model gets it right. The number in a file's
name is the picture's position in its test split; of a flower, its seed.
"""

import re
from pathlib import Path

import digits_data
import fashion_data
import numpy as np
from flowers import CLASSES, FIRST_TEST_SEED, VARIANT
from PIL import Image
from publish import ROOT

from onnxplain.evaluate.flowers import VARIANTS, flowers


def write_first_of_each(
    folder: Path, images: np.ndarray, classes: np.ndarray, labels: list[str]
) -> None:
    """Save ``<label>-<position>.png`` for each label; images are (N, H, W) uint8."""
    for index, label in enumerate(labels):
        position = int(np.flatnonzero(classes == index)[0])
        stem = re.sub(r"\W+", "-", label.lower())
        Image.fromarray(images[position]).save(folder / f"{stem}-{position}.png")


def write_flowers() -> None:
    drawn = flowers(VARIANT, CLASSES, first_seed=FIRST_TEST_SEED, decoys=True)
    for k, found in enumerate(drawn):
        name = f"{VARIANTS[VARIANT][found.label]}-{FIRST_TEST_SEED + k}.png"
        Image.fromarray(found.image).save(ROOT / "examples" / "flowers" / name)


def main() -> None:
    write_flowers()
    _, digits = digits_data.load_splits()
    write_first_of_each(ROOT / "examples" / "digits", *digits, digits_data.LABELS)
    fashion = fashion_data.load_split("t10k")
    write_first_of_each(ROOT / "examples" / "fashion", *fashion, fashion_data.LABELS)


if __name__ == "__main__":
    main()
