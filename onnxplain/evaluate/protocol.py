"""Selected features against other maps, where it is known which pixels decide.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 5: features are selected on one part of
a data set; on another part each map is cut at many thresholds and compared with the mask of
what decides (intersection over union).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.cases import Plan, look
from onnxplain.evaluate.evaluation import Evaluation
from onnxplain.evaluate.run import Progress, evaluate
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

# Method and the name that it has in the paper.
COMPARED: Mapping[str, str] = {
    "enriched": "ours: selected features, projected back",
    "activation": "the same features, upsampled activation",
    "guided-backprop": "deconv + guided backprop",
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
}
_MEASURES = ("mean-iou", "iou-at-area", "energy-in-mask")
_OF_FEATURES = ("enriched", "activation")


@dataclass(frozen=True)
class Example:
    """One picture with the maps that are compared.

    Attributes
    ----------
    name : str
        The picture.
    pixels : (H, W, 1 or 3) uint8 array
        What the model saw.
    mask : (H, W) bool array or None
        Where the evidence is.
    label : str
        What is explained.
    maps : mapping of str to (H, W) array
        By method; signed.
    """

    name: str
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    label: str
    maps: Mapping[str, NDArray[np.float64]]


def protocol(
    model: Model,
    samples: Sequence[Sample],
    features: str,
    *,
    count: int = 3,
    blur: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure the maps of `COMPARED` by their overlap with masks.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        Pictures with masks that features were not selected on.
    features : str
        File of features selected for the model.
    count : int
        Features of each picture.
    blur : float
        Standard deviation in pixels of a blur of every map before it is measured.
    seed : int
        Of the control maps.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Evaluation
        With the curve of overlap against the threshold for every method and control map.

    Raises
    ------
    UsageError
        If no picture has a mask, or a file is of another model.
    """
    plan = Plan(methods_of(features, count), _MEASURES, blur=blur, seed=seed)
    return evaluate(model, samples, plan, progress)


def methods_of(features: str, count: int) -> dict[str, Mapping[str, Any]]:
    """The compared methods with their parameters."""
    own = {"features": features, "count": count}
    return {name: own if name in _OF_FEATURES else {} for name in COMPARED}


def examples(
    model: Model, samples: Sequence[Sample], features: str, *, count: int = 3
) -> list[Example]:
    """Make the compared maps of a few pictures, for looking at.

    Raises
    ------
    UsageError
        If features are of another model, or a picture's class was not selected for.
    """
    found = []
    plan = Plan(methods_of(features, count), ())
    for sample in samples:
        seen = look(model, sample, plan, [])
        maps = {
            name: model.explain(
                seen.picture, name, seen.aim(name), prediction=seen.prediction, **given
            ).heatmap()
            for name, given in plan.methods.items()
        }
        label = model.labels[seen.index] if model.labels and seen.index is not None else ""
        found.append(Example(sample.name, seen.picture.pixels, seen.mask, label, maps))
    return found
