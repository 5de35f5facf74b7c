"""What grows when a picture is made: a target's score, or the mean of a channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Seed, Signal
from onnxplain.errors import UsageError
from onnxplain.features.activations import activations
from onnxplain.features.concepts.examples import require_common
from onnxplain.features.concepts.layer_vectors import pooled
from onnxplain.features.projecting import projecting_engine
from onnxplain.methods.channels import channel_axis
from onnxplain.model.model import Model
from onnxplain.targets.target import Target


@dataclass(frozen=True)
class Channel:
    """The mean activation of a channel of a tensor, as what grows.

    Attributes
    ----------
    tensor : str
        Tensor name.
    channel : int
        Which one.
    """

    tensor: str
    channel: int

    def describe(self) -> str:
        """One short phrase for captions."""
        return f"channel {self.channel} of {self.tensor}"

    @property
    def stem(self) -> str:
        """Part of a file name."""
        return f"channel-{self.channel}"

    @property
    def unit(self) -> str:
        """What the number is."""
        return "activation"


@dataclass(frozen=True)
class Raised:
    """What grows, as a seed of a backward pass.

    Attributes
    ----------
    model : Model
        The opened model.
    seed : Seed
        Where slopes start.
    aim : Target or Channel
        What it stands for.
    """

    model: Model
    seed: Seed
    aim: Target | Channel

    @classmethod
    def of(cls, model: Model, aim: Target | Channel) -> Raised:
        """Find out how a number grows.

        Raises
        ------
        UsageError
            If there is no such channel, or the target belongs to one picture.
        """
        if isinstance(aim, Target):
            require_common(aim)
            return cls(model, aim, aim)
        shape = model.network.shapes[aim.tensor]
        axis = channel_axis(model.network, aim.tensor)
        if not 0 <= aim.channel < shape[axis]:
            raise UsageError(
                f"channel {aim.channel} is out of range: {aim.tensor!r} has 0..{shape[axis] - 1}"
            )
        one = np.zeros((1, *shape[1:]))
        one.swapaxes(0, axis)[aim.channel] = shape[axis] / math.prod(shape[1:])
        return cls(model, Signal(aim.tensor, one), aim)

    def scores(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """What inputs reach, in ONNX Runtime."""
        return self._read(self.model.network.ort.activations(x, self.seed.tensors))

    def _read(self, values: Any) -> NDArray[np.float64]:
        if isinstance(self.aim, Target):
            return self.aim.score(values)
        assert isinstance(self.seed, Signal)
        rows = np.asarray(values[self.aim.tensor], np.float64)
        return np.asarray((rows * self.seed.values).reshape(len(rows), -1).sum(axis=1))

    def value_and_slopes(
        self, x: NDArray[Any], apart: str | None, count: int, diversity: float
    ) -> tuple[float, NDArray[np.float64]]:
        """Mean over crops and pictures less the part of diversity, and slopes at the inputs.

        Parameters
        ----------
        x : (count * crops, ...) array
            Crops of each picture, one picture after the other.
        apart : str, optional
            Tensor at which pictures are to differ.
        count : int
            Number of pictures.
        diversity : float
            Weight of the mean cosine of their vectors there.
        """
        network, image = self.model.network, self.model.network.image.name
        seeds: list[Seed] = [self.seed]
        if isinstance(self.seed, Signal):
            seeds = [Signal(self.seed.tensor, np.repeat(self.seed.values, len(x), axis=0))]
        shared = 0.0
        if apart is not None:
            values = activations(self.model, x, [apart])[apart]
            vectors = pooled(self.model, apart, np.asarray(values, np.float64), "mean")
            means = vectors.reshape(count, -1, vectors.shape[1]).mean(axis=1)
            shared, slope = alike(means)
            seeds.append(Signal(apart, self._spread(slope, values.shape, apart, count)))
        found = projecting_engine(network).pull_back(x, seeds, [image])
        slopes = np.asarray(found.gradients[0][image], np.float64) / len(x)
        scores = self._read(found.values)
        if apart is not None:
            slopes = slopes - diversity * np.asarray(found.gradients[1][image], np.float64)
        return float(scores.mean()) - diversity * shared, slopes

    def _spread(
        self, slope: NDArray[np.float64], shape: tuple[int, ...], apart: str, count: int
    ) -> NDArray[np.float64]:
        """Slope with respect to a tensor, from that with respect to each picture's mean vector."""
        axis = channel_axis(self.model.network, apart)
        each = shape[0] // count
        places = math.prod(shape[1:]) // shape[axis]
        rows = np.repeat(slope / (each * places), each, axis=0)
        wide = [shape[0], *(shape[axis] if k == axis else 1 for k in range(1, len(shape)))]
        return np.broadcast_to(rows.reshape(wide), shape).copy()


def alike(vectors: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean cosine between different rows, and its gradient with respect to them."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    units = vectors / lengths
    cosines = units @ units.T
    np.fill_diagonal(cosines, 0.0)
    pairs = len(vectors) * (len(vectors) - 1)
    along = (cosines.sum(axis=1))[:, None] * units
    others = units.sum(axis=0) - units
    return float(cosines.sum() / pairs), 2 * (others - along) / lengths / pairs
