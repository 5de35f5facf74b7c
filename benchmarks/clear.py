"""Does the CLEAR map name the class that was predicted? ``python -m benchmarks.clear``.

Over the test digits, for each way back through ReLU, with all responses of the last layer and
with positive ones only: the share of the dominant response that belongs to the predicted class,
and how often that class has the largest share. Then accuracy with only the fifth of the pixels
where the dominant response is strongest, and without them, next to as many random pixels (Kumar,
Wong, Taylor 2017 report such a table for MNIST and SVHN).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import onnxplain
from models.build.digits_data import load_splits
from onnxplain.methods import find
from onnxplain.network.context import Context

MODELS = Path(__file__).parents[1] / "models"
WAYS = ("none", "gradient", "deconvnet", "guided")
STRONG = 0.2


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


if __name__ == "__main__":
    print(f"{'':44} {'share':>9} {'largest':>9}   {'only':>9} {'without':>9}")
    for stem in ("digits-gap", "digits-softmax"):
        measure(stem)
