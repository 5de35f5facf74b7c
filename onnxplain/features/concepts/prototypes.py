"""Typical ways in which a network decides for a class, and pictures that it decides otherwise.

Dreyer, Achtibat, Samek, Lapuschkin 2024, "Understanding the (extra-)ordinary: validating deep
model decisions with prototypical concept-based explanations" (PCX), arXiv:2311.16681.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.concepts.crp import channel_shares
from onnxplain.features.concepts.examples import require_common
from onnxplain.features.concepts.mixture import Mixture, fit_mixture
from onnxplain.features.passes import Progress, Skipped, batches, require_finite, silent
from onnxplain.features.patches import require_same_engines
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.relevance.composites import Composite
from onnxplain.targets.target import Target

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike

# Parts of the pictures, each of which is judged by a mixture of all others.
_FOLDS = 5


@dataclass(frozen=True)
class Prototypes:
    """Typical decisions for one target.

    Attributes
    ----------
    layer : str
        Tensor name.
    target : Target
        What was explained.
    vectors : (n, C) float64 array
        Relevance of each channel for each picture, as a share of the magnitude of all.
    images : (n,) int array
        Positions of these pictures among the samples.
    mixture : Mixture
        What describes them; its Gaussians are the prototypes, the most frequent first.
    members : (n,) int array
        Which prototype each picture belongs to.
    nearest : list of int
        For each prototype the position among `images` of the picture nearest to its mean.
    held_out : (n,) float64 array
        Log likelihood of each picture under a mixture of the pictures of the other folds, in
        nats: what pictures of the class have that the mixture has not seen.
    names : list of str
        The samples.
    skipped : list of Skipped
        Pictures that could not be read.
    record : dict
        Settings, model and versions.
    """

    layer: str
    target: Target
    vectors: NDArray[np.float64]
    images: NDArray[np.int64]
    mixture: Mixture
    members: NDArray[np.int64]
    nearest: list[int]
    held_out: NDArray[np.float64]
    names: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write ``vectors``, ``images``, ``members``, ``means``, ``weights`` and ``held_out``.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "layer": self.layer,
            "target": self.target.to_dict(),
            "nearest": [self.names[self.images[k]] for k in self.nearest],
            "names": self.names,
            "skipped": self.skipped,
        }
        arrays = {
            "vectors": self.vectors,
            "images": self.images,
            "members": self.members,
            "means": self.mixture.whole_means,
            "weights": self.mixture.weights,
            "held_out": self.held_out,
        }
        write_archive(path, "prototypes", record, arrays)

    def closest(self, prototype: int, count: int) -> list[int]:
        """Positions among `images` of members of a prototype, the nearest to its mean first."""
        own = np.flatnonzero(self.members == prototype)
        far = np.linalg.norm(self.vectors[own] - self.mixture.whole_means[prototype], axis=1)
        return [int(k) for k in own[np.argsort(far, kind="stable")][:count]]


@dataclass(frozen=True)
class Judged:
    """How usual the decision for one picture is.

    Attributes
    ----------
    picture : Picture
        The picture.
    score : float
        Value of the target.
    log_likelihood : float
        Under the mixture, in nats.
    rank : float
        Share of the pictures of the class that are less likely, each judged by a mixture that has
        not seen it: 0 is an outlier.
    prototype : int
        The one that it belongs to.
    difference : (C,) float64 array
        Relevance of each channel less that of the prototype.
    """

    picture: Picture
    score: float
    log_likelihood: float
    rank: float
    prototype: int
    difference: NDArray[np.float64]


def prototypes(
    model: Model,
    samples: Sequence[Sample],
    target: Target,
    layer: str | None = None,
    *,
    count: int = 3,
    composite: Composite | str = "auto",
    seed: int = 0,
    allow_mismatch: bool = False,
    progress: Progress = silent,
) -> Prototypes:
    """Describe the relevance of channels over the pictures of a class by a mixture of Gaussians.

    Parameters
    ----------
    model : Model
        The opened model; relevance is propagated in PyTorch.
    samples : sequence of Sample
        Pictures of the class, see `onnxplain.features.concepts.examples.examples_of`.
    target : Target
        The class's score.
    layer : str, optional
        A tensor with channels; the layer of class activation maps if not given.
    count : int
        Number of prototypes.
    composite : Composite or str
        Rules of the relevance, as in the method ``lrp``.
    seed : int
        Of the starts of the fit.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on a picture.
    progress : callable
        Told how many of how many pictures are done.

    Raises
    ------
    UsageError
        If there are too few pictures.
    ImageError
        If no picture can be read.
    ParityError
        If the engines disagree.
    """
    require_common(target)
    tensor = tensor_of(model.network, layer)
    skipped: list[Skipped] = []
    parts: list[NDArray[np.float64]] = []
    images: list[NDArray[np.int64]] = []
    for indices, x, done in batches(model, samples, skipped):
        if not images:
            first = model.read(samples[indices[0]].path)
            require_same_engines(model, first, allow_mismatch)
        parts.append(channel_shares(model, x, target, tensor, composite))
        require_finite(parts[-1], tensor)
        images.append(indices)
        progress(done, len(samples))
    vectors = np.concatenate(parts)
    least = _FOLDS * 2 * count
    if len(vectors) < least:
        raise UsageError(
            f"{count} prototypes need {least} or more pictures of the class, not {len(vectors)}"
        )
    mixture = _sorted(fit_mixture(vectors, count, seed))
    members = mixture.log_parts(vectors).argmax(axis=1)
    means = mixture.whole_means
    nearest = [int(np.linalg.norm(vectors - mean, axis=1).argmin()) for mean in means]
    held_out = np.empty(len(vectors))
    folds = np.arange(len(vectors)) % _FOLDS
    for k in range(_FOLDS):
        others = fit_mixture(vectors[folds != k], count, seed)
        held_out[folds == k] = others.log_likelihood(vectors[folds == k])
    settings = {"prototypes": count, "seed": seed, "composite": _name(composite)}
    return Prototypes(
        tensor,
        target,
        vectors,
        np.concatenate(images),
        mixture,
        members,
        nearest,
        held_out,
        [s.name for s in samples],
        skipped,
        {**origin(model), "settings": settings},
    )


def judge(
    model: Model,
    image: ImageLike | Picture,
    found: Prototypes,
    *,
    composite: Composite | str = "auto",
) -> Judged:
    """Say how usual the decision for a picture is among those of the class.

    Parameters
    ----------
    model, composite
        As given to `prototypes`.
    image : path, PIL.Image.Image, array or Picture
        The picture.
    found : Prototypes
        Its result.
    """
    picture = image if isinstance(image, Picture) else model.read(image)
    vector = channel_shares(model, picture.x, found.target, found.layer, composite)
    require_finite(vector, found.layer)
    likelihood = float(found.mixture.log_likelihood(vector)[0])
    prototype = int(found.mixture.log_parts(vector)[0].argmax())
    score = found.target.score(model.network.ort.activations(picture.x, found.target.tensors))
    return Judged(
        picture,
        float(score[0]),
        likelihood,
        float((found.held_out < likelihood).mean()),
        prototype,
        vector[0] - found.mixture.whole_means[prototype],
    )


def _sorted(mixture: Mixture) -> Mixture:
    order = np.argsort(-mixture.weights, kind="stable")
    parts = (mixture.weights[order], mixture.means[order], mixture.covariances[order])
    return Mixture(mixture.centre, mixture.axes, *parts, mixture.least)


def _name(composite: Composite | str) -> str:
    return composite if isinstance(composite, str) else composite.name
