"""The classifiers that come with the project, and pictures that they were not trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import onnxplain
from models.build import digits_data, fashion_data
from onnxplain.evaluate.flowers import write_flowers
from onnxplain.model.model import Model

MODELS = Path(__file__).parents[2] / "models"
# As models/build/flowers.py draws its test pictures.
_FLOWERS, _FIRST_SEED = "double12", 1_000_000
SHIPPED = (
    "digits-gap",
    "digits-softmax",
    "digits-keras",
    "digits-vit",
    "fashion-cnn",
    "flowers-gap",
    "flowers-fc",
)


def opened(stem: str) -> Model:
    """Open a classifier of the project."""
    return onnxplain.load(MODELS / f"{stem}.onnx", batch_size=16)


def write_test_pictures(stem: str, folder: Path, count: int) -> Path:
    """Write the first test pictures of a classifier with their classes.

    Flowers have masks. The pictures of fashion are those of a Debian package, see
    ``models/build/fashion_data.py``.
    """
    if stem.startswith("flowers"):
        return write_flowers(folder, _FLOWERS, count, first_seed=_FIRST_SEED, decoys=True)
    if stem.startswith("fashion"):
        images, classes = fashion_data.load_split("t10k")
        return _write(folder, images[:count], classes, fashion_data.LABELS)
    _, (images, classes) = digits_data.load_splits()
    return _write(folder, images[:count], classes, digits_data.LABELS)


def _write(folder: Path, images: np.ndarray, classes: np.ndarray, labels: Sequence[str]) -> Path:
    """Write pictures and their table: the name of a class need not be one of a folder."""
    folder.mkdir(parents=True)
    rows = ["file,label"]
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:05}.png")
        rows.append(f"{k:05}.png,{labels[classes[k]]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder
