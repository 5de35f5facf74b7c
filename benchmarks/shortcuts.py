"""How often does an audit find a planted shortcut, and how often does it cry wolf?

Small classifiers of coloured digits are trained on three kinds of data: ``planted``, where
a coloured patch in a corner gives one class away; ``decoy``, where the same patch is on
pictures of all classes; and ``clean``, without one. Each is then audited.

    python -m benchmarks.shortcuts --seeds 100-109 --pictures 200
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator
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
from onnxplain.audit.run import open_store, run_audit
from onnxplain.dataset import read_dataset
from onnxplain.preprocess import Preprocess

SIDE, INK, PATCH = 32, 16, 6
CLASSES = 10
KINDS = ("planted", "decoy", "clean")
# Of the pictures of the planted class, and of any class.
PLANTED_SHARE, DECOY_SHARE = 0.95, 0.2
METHODS = ("grad-cam", "lrp")
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


def draw(kind: str, shortcut: Shortcut, indices: np.ndarray, seed: int) -> Pictures:
    """Draw some of scikit-learn's digits in random colours at random places."""
    digits = load_digits()
    rng = np.random.default_rng([seed, 2])
    count = len(indices)
    images = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((count, SIDE, SIDE), bool)
    classes = digits.target[indices].astype(np.int64)
    for k, number in enumerate(indices):
        ink = np.kron(digits.images[number] / 16, np.ones((2, 2)))[..., None]
        paper = rng.uniform(40, 120, 3) + rng.normal(0, 12, (SIDE, SIDE, 3))
        row, column = rng.integers(2, SIDE - INK - 2, 2)
        rows, columns = slice(row, row + INK), slice(column, column + INK)
        paper[rows, columns] += ink * (rng.uniform(170, 250, 3) - paper[rows, columns])
        masks[k, rows, columns] = ink[..., 0] > 0.2
        share = {"clean": 0.0, "decoy": DECOY_SHARE}.get(
            kind, PLANTED_SHARE * (classes[k] == shortcut.target)
        )
        if rng.random() < share:
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


def trained(kind: str, seed: int, head: str, epochs: int = 16) -> onnx.ModelProto:
    """Train a classifier on digits that no audit sees."""
    torch.manual_seed(seed)
    data = draw(kind, Shortcut.drawn(seed), np.arange(0, 1400), seed)
    x = torch.from_numpy(PREPROCESS.encode(data.images))
    model = train(network(head), x, torch.from_numpy(data.classes), epochs=epochs, peak_rate=1e-2)
    return export(model, (3, SIDE, SIDE), "logits")


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
    proto: onnx.ModelProto, kind: str, seed: int, folder: Path, *, masks: bool, pictures: int
) -> dict:
    """Audit a classifier over held-out pictures of the kind that it was trained on."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(proto, path)
    config = AuditConfig(methods=METHODS, measures=(), sanity_pictures=0)
    model = onnxplain.load(
        path, preprocess=PREPROCESS, labels=[str(k) for k in range(CLASSES)], batch_size=16
    )
    held_out = np.arange(1400, 1400 + pictures)
    data = draw(kind, Shortcut.drawn(seed), held_out, seed + 1_000_000)
    samples = read_dataset(write(folder / "data", data, masks=masks))
    with open_store(folder, model, samples, config) as store:
        run_audit(store, model, samples, config)
        sources = {"model": path.name, "data": "data"}
        return write_record(folder / "record.json", store, model, samples, config, sources)


def cases(seeds: range, pictures: int) -> Iterator[dict]:
    """Audit a classifier of each kind and head for each seed.

    Masks are given; without them the same suspects are found but for those of the masks.
    """
    for seed, kind, head in itertools.product(seeds, KINDS, ("gap", "dense")):
        with tempfile.TemporaryDirectory() as folder:
            proto = trained(kind, seed, head)
            found = audit(proto, kind, seed, Path(folder), masks=True, pictures=pictures)
        yield {
            "seed": seed,
            "kind": kind,
            "head": head,
            "planted": Shortcut.drawn(seed).target if kind == "planted" else None,
            "accuracy": found["predictions"]["accuracy"],
            "suspects": [
                {k: v for k, v in s.items() if k != "examples"} for s in found["suspects"]
            ],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="100-101", help="first-last")
    parser.add_argument("--pictures", type=int, default=200, help="in each audit, at most 397")
    options = parser.parse_args()
    torch.set_num_threads(1)
    first, last = map(int, options.seeds.split("-"))
    found = []
    for case in cases(range(first, last + 1), options.pictures):
        found.append(case)
        print(json.dumps(case), flush=True)
    planted = [c for c in found if c["kind"] == "planted"]
    ranked = sum(bool(c["suspects"]) and c["suspects"][0]["index"] == c["planted"] for c in planted)
    print(f"planted: ranked first in {ranked} of {len(planted)} audits")
    for kind in KINDS:
        audits = [c for c in found if c["kind"] == kind]
        for alarm in ("fixed place", "outside the mask"):
            wrong = sum(
                any(s["kind"] == alarm and s["index"] != c["planted"] for s in c["suspects"])
                for c in audits
            )
            print(f"{kind}: a wrong alarm {alarm!r} in {wrong} of {len(audits)} audits")


if __name__ == "__main__":
    main()
