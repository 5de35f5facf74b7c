"""Does the CLEAR map name the class that was predicted? ``python -m benchmarks.clear``.

Over the test digits, for each way back through ReLU, with all responses of the last layer and
with positive ones only: the share of the dominant response that belongs to the predicted class,
and how often that class has the largest share. Then accuracy with only the fifth of the pixels
where the dominant response is strongest, and without them, next to as many random pixels (Kumar,
Wong, Taylor 2017 report such a table for MNIST and SVHN).

``python -m benchmarks.clear --table`` prints that table alone, for digits, for
Fashion-MNIST and for drawn flowers in colour, each with as many random pixels beside it;
``--write`` puts it into docs/founding-figures.md instead.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import onnxplain
from benchmarks.page import put
from models.build.digits_data import load_splits
from models.build.fashion_data import load_split
from onnxplain.evaluate.flowers import flowers
from onnxplain.methods import find
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill

MODELS = Path(__file__).parents[1] / "models"
FOUNDING = Path(__file__).parents[1] / "docs/founding-figures.md"
WAYS = ("none", "gradient", "deconvnet", "guided")
STRONG, PICTURES = 0.2, 200
ROWS = ("full image", "with only strong features", "without strong features",
        "with only as many random pixels", "without as many random pixels")  # fmt: skip


def measure(name: str) -> None:
    """Print the rows of one classifier."""
    model = onnxplain.load(MODELS / f"{name}.onnx")
    test = load_splits()[1]
    x = model.preprocess.encode(test.images[..., None])
    context = Context(model.network, model.preprocess)
    target = model.target(0, model.predict(test.images[0]))

    def winners(inputs: NDArray[Any]) -> NDArray[np.intp]:
        return context.all_scores(inputs.astype(np.float32), target).argmax(axis=1)

    def row(label: str, strength: NDArray[Any], more: str = "") -> None:
        kept = _strongest(strength)[:, None]
        only, without = (
            float((winners(x * mask) == test.classes).mean()) for mask in (kept, ~kept)
        )
        print(f"{name:15} {label:28} {more:22} {only:9.1%} {without:9.1%}")

    predicted = winners(x)
    print(f"{name}: {len(x)} digits, accuracy {(predicted == test.classes).mean():.1%}")
    random = np.random.default_rng(0).random((len(x), *x.shape[2:]))
    row("random pixels", random)
    for relu in WAYS:
        for positive in (False, True):
            found = find("clear").function(context, x, target, relu=relu, positive=positive).maps
            strength = np.maximum(found["dominant_response"], 0.0)
            shares = np.stack(
                [np.where(found["dominant_class"] == c, strength, 0).sum((1, 2)) for c in range(10)]
            )
            own = shares[predicted, np.arange(len(x))] / np.maximum(shares.sum(0), 1e-30)
            first = (shares.argmax(axis=0) == predicted).mean()
            row(f"relu={relu} positive={positive}", strength, f"{own.mean():9.1%} {first:9.1%}")


def _strongest(strength: NDArray[Any]) -> NDArray[np.bool_]:
    """The same number of places in every picture; ties go to the first ones."""
    flat = strength.reshape(len(strength), -1)
    kept = np.zeros(flat.shape, bool)
    best = np.argsort(-flat, axis=1, kind="stable")[:, : round(STRONG * flat.shape[1])]
    np.put_along_axis(kept, best, True, axis=1)
    return kept.reshape(strength.shape)


def table() -> str:
    """Accuracy with and without the strongest pixels, for three data sets, as a table of a page."""
    sets = {
        "digits (test split)": ("digits-gap", _digits()),
        "Fashion-MNIST (test split)": ("fashion-cnn", _fashion(PICTURES)),
        "flowers in colour (drawn)": ("flowers-gap", _flowers(PICTURES)),
    }
    rows: dict[str, list[str]] = {name: [] for name in ROWS}
    for stem, pictures in sets.values():
        for name, share in zip(ROWS, _accuracies(stem, pictures), strict=True):
            rows[name].append(f"{share:.1%}")
    lines = [
        "| accuracy | " + " | ".join(f"{n}, {len(p)}" for n, (_, p) in sets.items()) + " |",
        "|---" * (len(sets) + 1) + "|",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
    ]
    return "\n".join(lines)


Pictures = list[tuple[NDArray[np.uint8], int]]


def _accuracies(stem: str, pictures: Pictures) -> list[float]:
    """In the order of `ROWS`; what is strong is the dominant response, whatever its class."""
    model = onnxplain.load(MODELS / f"{stem}.onnx")
    context = Context(model.network, model.preprocess)
    rng = np.random.default_rng(0)
    right: list[list[bool]] = [[] for _ in ROWS]
    for pixels, label in pictures:
        picture = model.read(pixels)
        black = fill(context, picture.x, "black")
        maps = model.explain(picture, "clear").maps
        chosen = _strongest(np.maximum(maps["dominant_response"], 0.0)[None])[0]
        random = _strongest(rng.random(chosen.shape)[None])[0]
        for k, kept in enumerate((np.ones_like(chosen), chosen, ~chosen, random, ~random)):
            mask = np.expand_dims(kept[None], context.channel_axis)
            x = np.where(mask, picture.x, black).astype(picture.x.dtype)
            right[k].append(model.task.predict(
                model.network.ort.activations(x, model.task.tensors)).winner == label)  # fmt: skip
    return [float(np.mean(found)) for found in right]


def _digits() -> Pictures:
    test = load_splits()[1]
    return [(i[..., None], int(c)) for i, c in zip(test.images, test.classes, strict=True)]


def _fashion(count: int) -> Pictures:
    """The first test pictures; needs ``apt-get install dataset-fashion-mnist``."""
    images, classes = load_split("t10k")
    return [(i[..., None], int(c)) for i, c in zip(images[:count], classes[:count], strict=True)]


def _flowers(count: int) -> Pictures:
    return [(f.image, f.label) for f in flowers("double12", count, first_seed=20_000_000,
                                                decoys=True)]  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table())
        sys.exit()
    if sys.argv[1:] == ["--write"]:
        put("strong-features", table(), FOUNDING)
        sys.exit()
    print(f"{'':44} {'share':>9} {'largest':>9}   {'only':>9} {'without':>9}")
    for stem in ("digits-gap", "digits-softmax"):
        measure(stem)
