"""Which form of a logit points at the part that decides: ``python -m benchmarks.default_target``.

On drawn flowers the petals or the stem decide, and the mask marks them. Prints, for each method
and form of the target, the mean share of the map's positive part inside of the mask and how often
the largest value lies in it (within 3 pixels), with and without a weight vector that is added to
every class, which a Softmax does not see. The table of docs/decisions/031 is its output.

    python -m benchmarks.default_target [--count 40]
    python -m benchmarks.default_target --confident [--count 12]

The second form multiplies all logits and asks occlusion, which explains the probability.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import onnxplain
from onnxplain.evaluate.flowers import flowers
from onnxplain.evaluate.localisation import energy_in_mask, pointing_game
from onnxplain.model.model import Model

MODEL = Path(__file__).parents[1] / "models" / "flowers-gap.onnx"
METHODS = ("lrp", "grad-cam", "gradient-x-input")
FORMS: Mapping[str, Mapping[str, Any]] = {
    "logit": {"kind": "logit"},
    "logit minus the mean of the others": {},
    "margin over the next class": {"margin": True},
}
SEED = 4_000_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--confident", action="store_true")
    asked = parser.parse_args()
    count = asked.count
    if asked.confident:
        confident(count)
        return
    print("| head | target | method | energy in the mask | largest value in the mask |")
    print("|---|---|---|---|---|")
    for head, model in (("as trained", onnxplain.load(MODEL)), ("shifted", shifted())):
        for form, options in FORMS.items():
            for method in METHODS:
                energy, hits = measured(model, method, options, count)
                print(f"| {head} | {form} | {method} | {energy:.3f} | {hits:.2f} |", flush=True)


def measured(
    model: Model, method: str, options: Mapping[str, Any], count: int
) -> tuple[float, float]:
    """Mean energy in the mask, and share of hits, over drawn flowers."""
    energies, hits = [], []
    for flower in flowers("double12", count, first_seed=SEED):
        found = model.explain(flower.image, method, flower.label, **options).heatmap()
        shown = np.maximum(found, 0.0)
        energies.append(energy_in_mask(shown, flower.mask) if shown.any() else 0.0)
        hits.append(bool(shown.any()) and bool(pointing_game(shown, flower.mask, tolerance=3)))
    return float(np.mean(energies)), float(np.mean(hits))


def confident(count: int) -> None:
    """Print what occlusion shows of the same network with larger and larger logits."""
    print("| logits times | explained | energy in the mask | largest value in the mask |")
    print("|---|---|---|---|")
    for factor in (1, 3, 10, 30):
        model = changed(2, lambda values, by=factor: values * by)
        for said, options in (("probability", {"kind": "probability"}), ("default", {})):
            energy, hits = measured(model, "occlusion", options, count)
            print(f"| {factor} | {said} | {energy:.3f} | {hits:.2f} |", flush=True)


def shifted() -> Model:
    """The model with one weight vector taken from every class: all logits are negative."""
    return changed(1, lambda values: values - 3 * np.abs(values).max(axis=0))


def changed(count: int, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Model:
    """The model with other weights, or weights and biases, of its last layer."""
    proto = onnx.load(MODEL)
    names = proto.graph.node[-1].input[1 : 1 + count]
    for tensor in (t for t in proto.graph.initializer if t.name in names):
        made = np.float32(change(onnx.numpy_helper.to_array(tensor)))
        tensor.CopyFrom(onnx.numpy_helper.from_array(made, tensor.name))
    recipe = MODEL.with_name("flowers-gap.preprocess.json")
    return onnxplain.load(proto, preprocess=recipe, scores="logits")


if __name__ == "__main__":
    main()
