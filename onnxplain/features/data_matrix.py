"""Responses of all filters to a labelled data set, before anything is selected or normalised.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.1: the matrices X and L.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.collect import class_of_sample
from onnxplain.features.passes import Progress, Skipped, batches, require_finite, silent
from onnxplain.features.responses import batch_size, feature_layers, responses
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.network.filters import FeatureLayer, powers


@dataclass(frozen=True)
class DataMatrix:
    """What every filter answers to every picture.

    Attributes
    ----------
    X : (m, N) float64 array
        Response x_i of each picture in a column: the length (L2 norm) of each filter's map.
    normalised : (m, N) float32 array
        What the mu-LASSO is given; see `onnxplain.network.filters.responses`.
    L : (C, N) uint8 array
        1 where a picture is of the class, of all classes of the model.
    layers : list of FeatureLayer
        Whose filters the rows are, in this order.
    names : list of str
        The pictures, without those that could not be read.
    skipped : list of Skipped
        Pictures that could not be read.
    record : dict
        Model, preprocessing and versions.
    """

    X: NDArray[np.float64]
    normalised: NDArray[np.float32]
    L: NDArray[np.uint8]
    layers: list[FeatureLayer]
    names: list[str]
    skipped: list[Skipped]
    record: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write the arrays ``X``, ``normalised`` and ``L``, with the names of rows and columns.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "rows": [[layer.name, layer.first, layer.channels] for layer in self.layers],
            "names": self.names,
            "skipped": self.skipped,
        }
        arrays: dict[str, NDArray[Any]] = {"X": self.X, "normalised": self.normalised, "L": self.L}
        write_archive(path, "responses", record, arrays)


def data_matrix(
    model: Model,
    samples: Sequence[Sample],
    layers: Sequence[str] | None = None,
    *,
    progress: Progress = silent,
) -> DataMatrix:
    """Run a labelled data set through the model once and keep every response.

    Parameters
    ----------
    model : Model
        The opened model; responses are computed in ONNX Runtime.
    samples : sequence of Sample
        The data set, every picture with its class.
    layers : sequence of str, optional
        Tensors whose filters count; all convolutions and fully connected layers if not given.
    progress : callable
        Told how many of how many pictures are done.

    Returns
    -------
    DataMatrix

    Raises
    ------
    UsageError
        If a picture has no class, or one that the model does not know.
    ImageError
        If no picture can be read.
    NumericalError
        If an activation is NaN or infinite.
    """
    classes = np.array([class_of_sample(model, s) for s in samples])
    found = feature_layers(model, layers)
    names = [layer.name for layer in found]
    raw, normalised, read = [], [], []
    skipped: list[Skipped] = []
    size = batch_size(model, found)
    for indices, x, done in batches(model, samples, skipped, size=size):
        values = activations(model, x, names)
        for name in names:
            require_finite(values[name], name)
        raw.append(np.sqrt(powers(values, found)))
        normalised.append(responses(values, found))
        read += indices.tolist()
        progress(done, len(samples))
    if not read:
        raise UsageError("the data set has no pictures")
    labels = np.zeros((model.task.count, len(read)), np.uint8)
    labels[classes[read], np.arange(len(read))] = 1
    return DataMatrix(
        np.concatenate(raw).T,
        np.concatenate(normalised).T,
        labels,
        found,
        [samples[k].name for k in read],
        skipped,
        origin(model),
    )
