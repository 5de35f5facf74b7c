"""A prediction with the features that made it: which ones, how strongly, and where.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import scale
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, require_same_model, write_archive
from onnxplain.features.patches import in_colors, project, require_same_engines
from onnxplain.features.relevant import RelevantFeatures
from onnxplain.features.responses import FeatureLayer, feature_layers, responses
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.filters import channel_signal
from onnxplain.network.selection import Feature
from onnxplain.targets.classes import class_of
from onnxplain.tasks.prediction import Prediction

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class FeatureEvidence:
    """One feature's part in a prediction.

    Attributes
    ----------
    position : int
        Where it stands in `RelevantFeatures.features`.
    feature : Feature
        Which filter.
    weight : float
        Its weight for the class.
    evidence : float
        Response times weight, as a share of the sum of magnitudes of the weights.
    heatmap : (H, W) array
        Where in the picture it was seen, in [0, 1].
    """

    position: int
    feature: Feature
    weight: float
    evidence: float
    heatmap: NDArray[np.float64]


@dataclass(frozen=True)
class Enriched:
    """A prediction, explained by features.

    Attributes
    ----------
    picture : Picture
        What was looked at.
    prediction : Prediction
        What the model says.
    index : int
        The class that is explained.
    features : list of FeatureEvidence
        The strongest first; may be empty.
    heatmap : (H, W) array
        Largest value of their heatmaps at each pixel.
    projection : str
        How responses were projected back to the pixels.
    resample : bool
        Whether projections leave out the grid that strided convolutions draw.
    """

    picture: Picture
    prediction: Prediction
    index: int
    features: list[FeatureEvidence]
    heatmap: NDArray[np.float64]
    projection: str = "guided"
    resample: bool = True

    def save(self, path: str | Path, model: Model) -> None:
        """Write the heatmaps (``heatmaps``, ``heatmap``) with what they belong to.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **origin(model),
            "input": self.picture.source,
            "input_sha256": self.picture.sha256,
            "class": self.index,
            "projection": self.projection,
            "resample": self.resample,
            self.prediction.unit: float(self.prediction.scores[self.index]),
            "features": [
                {
                    "layer": f.feature.layer,
                    "channel": f.feature.channel,
                    "weight": f.weight,
                    "evidence": f.evidence,
                }
                for f in self.features
            ],
        }
        maps = [f.heatmap for f in self.features]
        size = self.heatmap.shape
        arrays = {"heatmap": self.heatmap, "heatmaps": np.reshape(maps, (len(maps), *size))}
        write_archive(path, "enriched prediction", record, arrays)


def enrich(
    model: Model,
    image: ImageLike | Picture,
    bundle: RelevantFeatures,
    *,
    target: str | int | None = None,
    count: int = 3,
    projection: str = "guided",
    resample: bool = True,
    allow_mismatch: bool = False,
) -> Enriched:
    """Explain a prediction by the selected features that contribute most.

    Parameters
    ----------
    model : Model
        The model from which `bundle` was made.
    image : path, PIL.Image.Image, array or Picture
        The picture; the data set is not needed any more.
    bundle : RelevantFeatures
        The selected features.
    target : str or int, optional
        The class; the most probable one if not given.
    count : int
        Largest number of features; only those that speak for the class are taken.
    projection : str
        See `project`.
    resample : bool
        Leave no grid after strided convolutions; ``False`` shows the grid of a deconvnet.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on the picture.

    Returns
    -------
    Enriched

    Raises
    ------
    UsageError
        If the bundle belongs to another model or to other layers, or its data set did not have
        the class.
    ParityError
        If the engines disagree.
    """
    require_same_model(bundle.record, model, "these features")
    picture = image if isinstance(image, Picture) else model.read(image)
    prediction = model.predict(picture)
    index = class_of(model.target(target, prediction, picture=picture))
    layers = feature_layers(model, bundle.layers)
    by_name = {layer.name: layer for layer in layers}
    bundle.require_filters(layers)
    values = activations(model, picture.x, bundle.layers)
    answers = responses(values, layers)[0].astype(np.float64)
    kept = bundle.evidence(index, answers, count)
    if kept:
        require_same_engines(model, picture, allow_mismatch)
    found = []
    for evidence, k, weight in kept:
        feature = bundle.features[k]
        layer = by_name[feature.layer]
        heatmap = _heatmap(model, picture, layer, feature.channel, values, projection, resample)
        found.append(FeatureEvidence(k, feature, weight, evidence, heatmap))
    together = _together(found, model)
    return Enriched(picture, prediction, index, found, together, projection, resample)


def _heatmap(
    model: Model,
    picture: Picture,
    layer: FeatureLayer,
    channel: int,
    values: dict[str, NDArray[Any]],
    projection: str,
    resample: bool,
) -> NDArray[np.float64]:
    """Largest magnitude over the colours, from 0 to 1."""
    seed = channel_signal(values[layer.name], layer, channel)
    signal = project(model, picture.x, layer.name, seed, projection, resample)[:, 0]
    return scale(np.abs(in_colors(model, signal)[0]).max(axis=-1), "minmax")


def _together(found: Sequence[FeatureEvidence], model: Model) -> NDArray[np.float64]:
    if not found:
        return np.zeros(model.network.image.size)
    return np.max([f.heatmap for f in found], axis=0)
