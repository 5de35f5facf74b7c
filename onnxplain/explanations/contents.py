"""What an explanation holds, apart from how it is drawn and saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import displayed, reduce_channels, upsample
from onnxplain.explanations.spread import Spread
from onnxplain.targets.target import Target

#: Note of a map of a logit: the largest number of the map of the probability that it replaces.
PROBABILITY_MOVES = "probability_moves"


@dataclass(frozen=True)
class Contents:
    """One image, one target, one method: the attribution with its provenance.

    Attributes
    ----------
    attribution : array
        Raw, signed, never normalised; in the shape of one input, or of the layer's map.
    axes : tuple of str
        Meaning of each axis: C, H, W.
    method : str
        Name in the registry.
    display : {"signed", "positive", "magnitude"}
        Which part of the numbers pictures show.
    parameters : mapping
        Every parameter of the method, defaults included.
    target : Target
        What was explained.
    score : float
        Its value for this image.
    scores : (K,) array
        What the model says of all classes or values.
    unit : str
        What they are: ``probability``, ``logit``, ``score``, ``value``, ``area``, ...
    labels : mapping of int to str
        Names of the classes that this record speaks of.
    layer : str or None
        ONNX tensor at which the attribution was read.
    pixels : (H, W, 3) or (H, W, 1) uint8 array
        The picture as the model saw it.
    measures : mapping of str to float
        Completeness gap, conservation, parity error, ... where they exist.
    maps : mapping of str to array
        Further maps of the method, such as occlusion's probability map.
    notes : mapping
        Further plain data, such as the nodes that lose most relevance.
    seconds : float
        Time the method took.
    provenance : mapping
        Digests of model, its files, input and preprocessing; versions; engine; seed; source
        file. Without ``model_files`` it was written by a version whose ``model_sha256`` is that
        of the .onnx file alone.
    warnings : tuple of str
        Why this map may not be what the method promises, one line each: a completeness gap
        above the tolerance, relevance that explodes, ... Shown with every picture of it.
    """

    attribution: NDArray[Any]
    axes: tuple[str, ...]
    method: str
    display: str
    parameters: Mapping[str, Any]
    target: Target
    score: float
    scores: NDArray[Any]
    unit: str
    labels: Mapping[int, str]
    layer: str | None
    pixels: NDArray[np.uint8]
    measures: Mapping[str, float]
    maps: Mapping[str, NDArray[Any]]
    notes: Mapping[str, Any]
    seconds: float
    provenance: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def probabilities(self) -> NDArray[Any]:
        """Probabilities of all classes, (K,).

        Raises
        ------
        UsageError
            If nothing made the scores probabilities.
        """
        if self.unit != "probability":
            raise UsageError(f"the scores of this explanation are of unit {self.unit!r}")
        return self.scores

    def heatmap(self, *, size: tuple[int, int] | None = None) -> NDArray[np.float64]:
        """Two-dimensional map of what pictures of this method show; not rescaled.

        Parameters
        ----------
        size : (int, int), optional
            Height and width; that of the model's input if not given.

        Returns
        -------
        (H, W) float64 array
            Channels summed, resized bilinearly, and reduced to the part named in
            `display`.
        """
        flat = displayed(reduce_channels(self.attribution, self.axes), self.display)
        size = size or (self.pixels.shape[0], self.pixels.shape[1])
        return upsample(flat, size, Spread.of_notes(self.notes))

    def top(self, count: int = 5) -> list[tuple[int, str, float]]:
        """The classes or values with the largest scores: index, name, score."""
        order = np.argsort(-self.scores, kind="stable")[:count]
        return [(int(i), self.labels.get(int(i), ""), float(self.scores[i])) for i in order]
