"""Features selected on drawn flowers: do they answer to what decides, and does the class need them?

Prints the table of docs/features.md: for each shipped flower classifier, the accuracy of a
class with its relevant filters silenced, or as many random ones of the same layers, and the
share of the features' heatmap on the part that decides, next to that of random features.

    python benchmarks/flower_features.py [--train 480] [--test 240] [--seeds 5]
"""

from __future__ import annotations

import argparse
import tempfile

import numpy as np

import onnxplain
from onnxplain.evaluate.filter_ablation import filter_ablation
from onnxplain.evaluate.flowers import Flower, flowers, write_flowers
from onnxplain.features.enriched import enrich
from onnxplain.features.patches import in_colors, project
from onnxplain.features.relevant import RelevantFeatures, relevant_features
from onnxplain.features.responses import feature_layers
from onnxplain.inputs.dataset import read_dataset
from onnxplain.model.model import Model
from onnxplain.network.filters import channel_signal

VARIANT, TRAIN_SEED, TEST_SEED = "double12", 7_000_000, 8_000_000
COUNTS = (0, 1, 2, 4, 6, 8)
LOCATED = 60
_SHOWN = 3


def located(
    model: Model, bundle: RelevantFeatures, drawn: list[Flower]
) -> tuple[list[float], list[float], list[float]]:
    """Shares of heatmap in the mask: of the class's features, of random ones; the mask's area."""
    layers = feature_layers(model, bundle.layers)
    owners = [(layer, c) for layer in layers for c in range(layer.channels)]
    rng = np.random.default_rng(0)
    own, random, area = [], [], []
    for flower in drawn:
        found = enrich(model, flower.image, bundle, target=flower.label, count=_SHOWN)
        if not found.features:
            continue
        own.append(share(found.heatmap, flower))
        area.append(float(flower.mask.mean()))
        values = model.network.ort.activations(found.picture.x, bundle.layers)
        names = [f.feature.layer for f in found.features]
        shares = []
        for name in names:
            candidates = [(a, c) for a, c in owners if a.name == name]
            layer, channel = candidates[rng.integers(len(candidates))]
            seed = channel_signal(values[name], layer, channel)
            signal = in_colors(model, project(model, found.picture.x, name, seed)[:, 0])[0]
            shares.append(np.abs(signal).max(axis=-1))
        tops = [s / s.max() if s.max() else s for s in shares]
        random.append(share(np.max(tops, axis=0), flower))
    return own, random, area


def share(heatmap: np.ndarray, flower: Flower) -> float:
    total = heatmap.sum()
    return float(heatmap[flower.mask].sum() / total) if total else 0.0


def report(stem: str, train: int, test: int, seeds: int, mu: float) -> None:
    model = onnxplain.load(f"models/{stem}.onnx")
    with tempfile.TemporaryDirectory() as folder:
        write_flowers(folder, VARIANT, train, first_seed=TRAIN_SEED, decoys=True)
        bundle = relevant_features(model, read_dataset(folder), mu=mu, top=10)
    drawn = list(flowers(VARIANT, test, first_seed=TEST_SEED, decoys=True))
    x = model.preprocess.encode(np.stack([f.image for f in drawn]))
    labels = np.array([f.label for f in drawn])
    found = filter_ablation(model, x, labels, bundle, counts=COUNTS, seeds=range(seeds))
    relevant, random, spread = found.means()
    print(f"\n{stem}: mu {mu:g}, {len(bundle.features)} filters selected; largest duality gap "
          f"{bundle.gaps.max():.1e}")  # fmt: skip
    print("| silenced | relevant | random | spread | least relevant |\n|---|---|---|---|---|")
    for row in zip(COUNTS, relevant, random, spread, found.least.mean(axis=0), strict=True):
        print("| {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |".format(*row))
    own, other, area = located(model, bundle, drawn[:LOCATED])
    for name, values in (("features", own), ("random", other), ("area", area)):
        print(f"share in the mask, {name}: {np.mean(values):.3f} (sd {np.std(values):.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=480)
    parser.add_argument("--test", type=int, default=240)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--mu", type=float, default=10.0)
    given = parser.parse_args()
    for stem in ("flowers-gap", "flowers-fc"):
        report(stem, given.train, given.test, given.seeds, given.mu)


if __name__ == "__main__":
    main()
