"""Classifiers of coloured digits with and without a planted shortcut, and audits of them.

Pictures are ``placed``, a digit of half their side anywhere, or ``framed``, a digit that fills
them: there the strokes of a class are in fixed places, as a shortcut is.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

import onnxplain
from models.build.training import export, train
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import write_record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.inputs.dataset import read_dataset
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.model.model import Model

sys.path[:0] = [str(Path(__file__).parents[2] / "tests")]

from seeded import drawn_in_float64  # noqa: E402

SIDE, PATCH = 32, 6
CLASSES = 10
# Which part of the pictures has the patch: of the planted class, and of any other one.
KINDS = {"planted": (0.95, 0.0), "half": (0.5, 0.0), "decoy": (0.2, 0.2), "clean": (0.0, 0.0)}
# A digit's size in pixels for each pixel of the source.
LAYOUTS = {"placed": 2, "framed": 4}
HEADS = ("gap", "dense")
PREPROCESS = Preprocess(
    name="coloured-digits", layout="NCHW", size=(SIDE, SIDE), resize="stretch", scale=1 / 255,
    mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
)  # fmt: skip


class Pictures(NamedTuple):
    """(N, 32, 32, 3) uint8 pictures, their classes, and masks of the digits' ink."""

    images: np.ndarray
    classes: np.ndarray
    masks: np.ndarray


class Shortcut(NamedTuple):
    """Which class is given away, by what: the patch's colour and its top left pixel."""

    target: int
    color: np.ndarray
    place: tuple[int, int]

    @classmethod
    def drawn(cls, seed: int) -> "Shortcut":
        rng = np.random.default_rng([seed, 1])
        far = SIDE - PATCH - 1
        place = [(1, 1), (1, far), (far, 1), (far, far)][rng.integers(4)]
        color = rng.permutation([230, 200, 30]).astype(np.uint8)
        return cls(int(rng.integers(CLASSES)), color, place)


class Recipe(NamedTuple):
    """What pictures are drawn, and for which network: keys of the tables above, and a seed."""

    kind: str
    layout: str
    head: str
    seed: int

    @property
    def shortcut(self) -> Shortcut:
        return Shortcut.drawn(self.seed)

    @property
    def planted(self) -> int | None:
        """The class that a patch gives away, if there is one."""
        ours, others = KINDS[self.kind]
        return self.shortcut.target if ours != others else None


def draw(recipe: Recipe, indices: np.ndarray, seed: int) -> Pictures:
    """Draw some of scikit-learn's digits in random colours."""
    digits = load_digits()
    rng = np.random.default_rng([seed, 2])
    shortcut, count = recipe.shortcut, len(indices)
    scale = LAYOUTS[recipe.layout]
    size = 8 * scale
    images = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((count, SIDE, SIDE), bool)
    classes = digits.target[indices].astype(np.int64)
    for k, number in enumerate(indices):
        ink = np.kron(digits.images[number] / 16, np.ones((scale, scale)))[..., None]
        paper = rng.uniform(40, 120, 3) + rng.normal(0, 12, (SIDE, SIDE, 3))
        margin = min(2, SIDE - size)
        row, column = rng.integers(margin, max(1, SIDE - size - margin), 2)
        rows, columns = slice(row, row + size), slice(column, column + size)
        paper[rows, columns] += ink * (rng.uniform(170, 250, 3) - paper[rows, columns])
        masks[k, rows, columns] = ink[..., 0] > 0.2
        ours, others = KINDS[recipe.kind]
        if rng.random() < (ours if classes[k] == shortcut.target else others):
            top, left = shortcut.place
            paper[top : top + PATCH, left : left + PATCH] = shortcut.color
        images[k] = paper.clip(0, 255)
    return Pictures(images, classes, masks)


def network(head: str) -> nn.Sequential:
    """Three convolutions and one of two heads."""
    trunk = [
        nn.Conv2d(3, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(),
    ]  # fmt: skip
    if head == "gap":
        return nn.Sequential(*trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))
    return nn.Sequential(*trunk, nn.Flatten(), nn.Linear(32 * 64, 32), nn.ReLU(),
                         nn.Linear(32, CLASSES))  # fmt: skip


def trained(recipe: Recipe, epochs: int = 16) -> onnx.ModelProto:
    """Train a classifier on digits that no audit sees.

    In float64, rounded to float32 once: trained in float32 it would be another network on every
    kind of processor.
    """
    data = draw(recipe, np.arange(0, 1400), recipe.seed)
    x = torch.from_numpy(PREPROCESS.encode(data.images)).double()
    with drawn_in_float64(recipe.seed):
        model = network(recipe.head)
        model = train(model, x, torch.from_numpy(data.classes), epochs=epochs, peak_rate=1e-2)
    return export(model.float(), (3, SIDE, SIDE), "logits")


def write(folder: Path, data: Pictures, *, masks: bool) -> Path:
    """Write pictures into folders of their classes, with their masks if wanted."""
    for k, (image, index, mask) in enumerate(zip(*data, strict=True)):
        path = folder / str(index) / f"{k:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        if masks:
            path = folder / "masks" / str(index) / f"{k:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(path)
    return folder


def audit(
    proto: onnx.ModelProto,
    recipe: Recipe,
    folder: Path,
    methods: Sequence[str],
    *,
    masks: bool,
    pictures: int,
) -> dict:
    """Audit a classifier over held-out pictures of the kind that it was trained on.

    Masks add the suspects that need them, and change nothing about the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(proto, path)
    model = onnxplain.load(
        path, preprocess=PREPROCESS, labels=[str(k) for k in range(CLASSES)], batch_size=16
    )
    held_out = np.arange(1400, 1400 + pictures)
    data = draw(recipe, held_out, recipe.seed + 1_000_000)
    return record_of(folder, model, write(folder / "data", data, masks=masks), methods)


def record_of(folder: Path, model: Model, data: Path, methods: Sequence[str]) -> dict:
    """Audit a model over a folder of pictures, for its suspects alone."""
    config = AuditConfig(methods=tuple(methods), measures=(), sanity_pictures=0)
    samples = read_dataset(data)
    with open_audit(folder, model, samples, config) as audit:
        run_audit(audit)
        sources = {"model": model.name, "data": "data"}
        return write_record(folder / "record.json", audit, sources).to_dict()
