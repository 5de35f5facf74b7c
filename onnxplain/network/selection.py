"""Filters selected for classes, with their weights: what explaining a picture by them takes.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.archive import read_archive
from onnxplain.network.filters import FeatureLayer

KIND = "relevant features"


@dataclass(frozen=True)
class Feature:
    """One filter that was selected for some class."""

    layer: str
    channel: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.channel}"


@dataclass(frozen=True)
class Selection:
    """Which filters were selected for which classes.

    Attributes
    ----------
    layers : list of str
        Tensors whose filters were candidates; a picture's responses are normalised over
        all of them.
    features : list of Feature
        Those selected for any class.
    positions : (F,) int array
        Where they stand among all filters.
    classes : list of int
        Classes that the data set has.
    weights : (K, F) float array
        Of each feature for each of these classes; zero if it was not selected.
    typical : (K, F) float array
        Mean response of each feature to the pictures of these classes.
    record : dict
        Model, preprocessing and versions.
    """

    layers: list[str]
    features: list[Feature]
    positions: NDArray[np.int64]
    classes: list[int]
    weights: NDArray[np.float64]
    typical: NDArray[np.float64]
    record: dict[str, Any]

    def of_class(self, index: int) -> list[tuple[int, float]]:
        """Positions in `features` with their weights for a class.

        They are in the order of weight times mean response: what speaks most for the class
        on its own pictures comes first, what speaks against it last.

        Raises
        ------
        UsageError
            If the data set had no picture of the class.
        """
        if index not in self.classes:
            raise UsageError(
                f"class {index} was not in the data set from which features were selected; "
                f"it had {len(self.classes)} classes"
            )
        k = self.classes.index(index)
        row = self.weights[k]
        order = np.argsort(-row * self.typical[k], kind="stable")
        return [(int(k), float(row[k])) for k in order if row[k] != 0]

    def evidence(
        self, index: int, answers: NDArray[np.float64], count: int
    ) -> list[tuple[float, int, float]]:
        """Features that contribute most to a prediction, the strongest first.

        Parameters
        ----------
        index : int
            The class.
        answers : (m,) array
            Responses of all filters to the picture; see `onnxplain.network.filters.responses`.
        count : int
            Largest number of features; only those that speak for the class are taken.

        Returns
        -------
        list of (float, int, float)
            Response times weight as a share of the sum of magnitudes of the weights, position in
            `features`, weight.

        Raises
        ------
        UsageError
            If the data set had no picture of the class.
        """
        chosen = self.of_class(index)
        total = sum(abs(weight) for _, weight in chosen)
        ranked = sorted(
            ((float(answers[self.positions[k]] * w / total), k, w) for k, w in chosen),
            reverse=True,
        )
        return [(r, k, w) for r, k, w in ranked[:count] if r > 0]

    def require_filters(self, layers: Sequence[FeatureLayer]) -> None:
        """Refuse features that do not stand where the layers have them.

        Raises
        ------
        UsageError
            If one does not.
        """
        by_name = {layer.name: layer for layer in layers}
        for feature, position in zip(self.features, self.positions.tolist(), strict=True):
            layer = by_name.get(feature.layer)
            here = layer is not None and 0 <= feature.channel < layer.channels
            if layer is None or not here or layer.first + feature.channel != position:
                raise UsageError(
                    f"feature {str(feature)!r} is none of the layers that the features were "
                    "selected from; select them anew"
                )


def load_selection(path: str | Path) -> Selection:
    """Read what explaining a picture takes from a file of `onnxplain features relevant`.

    Raises
    ------
    UsageError
        If it is no such file.
    """
    record, arrays = read_archive(path, KIND)
    try:
        found = Selection(**selection_parts(record, arrays), record=record)
        require_sound(found)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} is not a saved {KIND} file: {error}") from error
    return found


def selection_parts(record: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Fields of a `Selection` but its record, which loses what belongs to the fields."""
    return {
        "layers": record.pop("layers"),
        "features": [Feature(layer, channel) for layer, channel in record.pop("features")],
        "classes": record.pop("classes"),
        **{name: arrays[name] for name in ("positions", "weights", "typical")},
    }


def require_sound(found: Selection) -> None:
    """Refuse lists and arrays that do not fit each other.

    Raises
    ------
    ValueError
        If some do not.
    """
    features = [(f.layer, f.channel) for f in found.features]
    require_lists(
        {
            "layers": (found.layers, str),
            "classes": (found.classes, int),
            "layers of features": ([layer for layer, _ in features], str),
            "channels of features": ([channel for _, channel in features], int),
        }
    )
    F, K = len(found.features), len(found.classes)
    require_arrays(
        {
            "positions": (found.positions, "iu", (F,)),
            "weights": (found.weights, "f", (K, F)),
            "typical": (found.typical, "f", (K, F)),
        }
    )


def require_lists(lists: Mapping[str, tuple[Any, type]]) -> None:
    """Refuse what is not a list of one kind."""
    for name, (values, kind) in lists.items():
        if not isinstance(values, list) or any(type(v) is not kind for v in values):
            raise ValueError(f"{name} are not a list of {kind.__name__}")


def require_arrays(expected: Mapping[str, tuple[NDArray[Any], str, tuple[int, ...]]]) -> None:
    """Refuse arrays of another kind or shape, and what is not finite."""
    for name, (array, kinds, shape) in expected.items():
        fits = array.dtype.kind in kinds and array.shape == shape
        if not fits or not np.isfinite(array).all():
            raise ValueError(f"{name} is not a finite array of shape {shape}")
