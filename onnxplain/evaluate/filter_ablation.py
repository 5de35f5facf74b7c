"""Does a class suffer when the features selected for it are silenced?

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 4.1: class accuracy against the
number of silenced filters: the relevant ones, as many random ones of the same layers, or as
many that matter least. The filters are multiplied by a mask which is an input of the
edited graph, so that one session serves all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.features.relevant import RelevantFeatures
from onnxplain.features.responses import FeatureLayer, feature_layers
from onnxplain.graph.edit import with_mask_inputs
from onnxplain.model.model import Model
from onnxplain.network.selection import Feature

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FilterAblation:
    """Accuracy of each class on its own pictures, with filters silenced.

    Attributes
    ----------
    classes : list of int
        Class indices, K of them.
    counts : list of int
        How many filters were silenced, M numbers; fewer where fewer were selected.
    relevant : (K, M) array
        With those silenced that speak most for the class (see `RelevantFeatures.of_class`).
    random : (S, K, M) array
        With as many others from the same layers, for S seeds.
    least : (K, M) array
        With as many from the same layers that were selected for no class at all.
    """

    classes: list[int]
    counts: list[int]
    relevant: NDArray[np.float64]
    random: NDArray[np.float64]
    least: NDArray[np.float64]

    def means(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean class accuracy for each count.

        Returns
        -------
        (M,) array
            With relevant filters silenced.
        (M,) array
            With random ones, mean over seeds.
        (M,) array
            Standard deviation of that over seeds.
        """
        by_seed = self.random.mean(axis=1)
        return self.relevant.mean(axis=0), by_seed.mean(axis=0), by_seed.std(axis=0)


def filter_ablation(
    model: Model,
    x: NDArray[Any],
    labels: NDArray[np.int64],
    bundle: RelevantFeatures,
    *,
    counts: Sequence[int] = (0, 1, 2, 4, 8),
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    progress: Progress = lambda done, total: None,
) -> FilterAblation:
    """Silence filters in the graph and count what is still recognised.

    Parameters
    ----------
    model : Model
        The opened model.
    x : (N, ...) array
        Pictures that were not used for the selection.
    labels : (N,) array
        Their classes.
    bundle : RelevantFeatures
        The selection.
    counts : sequence of int
        Numbers of filters to silence.
    seeds : sequence of int
        One random choice each; filters with a weight for the class are not among it.
    progress : callable
        Called with (steps done, steps in all).

    Returns
    -------
    FilterAblation
    """
    ablated = Ablated(model, bundle.layers)
    classes = [c for c in bundle.classes if np.any(labels == c)]
    relevant = np.zeros((len(classes), len(counts)))
    least, random = np.zeros_like(relevant), np.zeros((len(seeds), *relevant.shape))
    for k, index in enumerate(classes):
        own = x[labels == index]
        chosen = [bundle.features[f] for f, weight in bundle.of_class(index) if weight > 0]
        for m, count in enumerate(counts):
            relevant[k, m] = ablated.accuracy(own, index, chosen[:count])
            rng = np.random.default_rng([0, index])
            others = _random_like(chosen, count, ablated.layers, rng, bundle.features)
            least[k, m] = ablated.accuracy(own, index, others)
            for s, seed in enumerate(seeds):
                rng = np.random.default_rng([seed, index])
                others = _random_like(chosen, count, ablated.layers, rng, chosen)
                random[s, k, m] = ablated.accuracy(own, index, others)
        progress(k + 1, len(classes))
    return FilterAblation(classes, list(counts), relevant, random, least)


class Ablated:
    """A network whose filters can be silenced, in one session of ONNX Runtime.

    Parameters
    ----------
    model : Model
        The opened model.
    names : sequence of str, optional
        Layers whose filters may be silenced; all that have filters if not given.
    """

    def __init__(self, model: Model, names: Sequence[str] | None = None) -> None:
        self._task = model.task
        found = feature_layers(model, names) if names else feature_layers(model)
        self.layers = {layer.name: layer for layer in found}
        self._open = {n: _mask(model, layer) for n, layer in self.layers.items()}
        graph, self._inputs = with_mask_inputs(model.network.graph, self._open)
        bound = {self._inputs[name]: mask for name, mask in self._open.items()}
        self._engine = model.network.with_graph(graph, bound=bound).ort

    def accuracy(self, x: NDArray[Any], label: int, silenced: Sequence[Feature]) -> float:
        """Share of pictures of one class that are still recognised, with filters at zero."""
        masks = {name: mask.copy() for name, mask in self._open.items()}
        for feature in silenced:
            masks[feature.layer].reshape(-1)[feature.channel] = 0.0
        engine = self._engine.with_bound({self._inputs[n]: m for n, m in masks.items()})
        values = engine.activations(x, self._task.tensors)
        rows = ({n: v[k : k + 1] for n, v in values.items()} for k in range(len(x)))
        return float(np.mean([self._task.predict(row).winner == label for row in rows]))


def _mask(model: Model, layer: FeatureLayer) -> NDArray[np.float32]:
    shape = model.network.shapes[layer.name]
    axis = 1 if layer.spatial is None else layer.spatial.axes.index("C")
    return np.ones([layer.channels if k == axis else 1 for k in range(len(shape))], np.float32)


def _random_like(
    chosen: Sequence[Feature],
    count: int,
    layers: dict[str, FeatureLayer],
    rng: np.random.Generator,
    excluded: Sequence[Feature],
) -> list[Feature]:
    """Draw as many filters of each layer as are among the first chosen, none of them excluded."""
    found = []
    for name in dict.fromkeys(f.layer for f in chosen[:count]):
        taken = {f.channel for f in excluded if f.layer == name}
        rest = [c for c in range(layers[name].channels) if c not in taken]
        wanted = sum(f.layer == name for f in chosen[:count])
        drawn = rng.permutation(rest)[:wanted]
        found += [Feature(name, int(c)) for c in drawn]
    return found
