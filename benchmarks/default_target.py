"""Which form of a logit points at the part that decides: ``python -m benchmarks.default_target``.

On drawn flowers the petals or the stem decide, and the mask marks them. Prints, for each method
and form of the target, the mean share of the map's positive part inside of the mask and how often
the largest value lies in it (within 3 pixels), with and without a weight vector that is added to
every class, which a Softmax does not see. The table of docs/decisions/031 is its output.

    python -m benchmarks.default_target [--count 40]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import onnxplain
from onnxplain.evaluate.flowers import flowers
from onnxplain.evaluate.localisation import energy_in_mask, pointing_game
from onnxplain.model.model import Model

MODEL = Path(__file__).parents[1] / "models" / "flowers-gap.onnx"
METHODS = ("lrp", "grad-cam", "gradient-x-input")
FORMS: Mapping[str, Mapping[str, Any]] = {
    "logit": {"kind": "logit"},
    "logit less the mean of the others": {},
    "margin over the next class": {"margin": True},
}
SEED = 4_000_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    count = parser.parse_args().count
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


def shifted() -> Model:
    """The model with one weight vector taken from every class: all logits are negative."""
    proto = onnx.load(MODEL)
    (weight,) = (t for t in proto.graph.initializer if t.name == proto.graph.node[-1].input[1])
    values = onnx.numpy_helper.to_array(weight)
    taken = values - 3 * np.abs(values).max(axis=0)
    weight.CopyFrom(onnx.numpy_helper.from_array(taken, weight.name))
    recipe = MODEL.with_name("flowers-gap.preprocess.json")
    return onnxplain.load(proto, preprocess=recipe, scores="logits")


if __name__ == "__main__":
    main()
