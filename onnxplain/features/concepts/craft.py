"""The parts that a class is made of for a network: what they are, how much they count, and where.

Fel, Picard, Bethune, Boissin, Vigouroux, Colin, Cadene, Serre 2023, "CRAFT: Concept Recursive
Activation FacTorization for explainability", arXiv:2211.10154; without the recursion into earlier
layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.display import upsample
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.concepts.examples import require_common
from onnxplain.features.concepts.factors import (
    coefficients_of,
    factorise,
    require_non_negative,
)
from onnxplain.features.concepts.sobol import sobol_design, total_indices
from onnxplain.features.passes import Progress, Skipped, batches, require_finite, silent
from onnxplain.graph.layers import SpatialLayer
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import made_of
from onnxplain.methods.layer_values import layer_values
from onnxplain.model.model import Model
from onnxplain.network.context import Context
from onnxplain.targets.target import Target

# Of a crop's side, between two crops, as in the authors' code.
_STRIDE = 0.8


@dataclass(frozen=True)
class Crop:
    """A part of a picture.

    Attributes
    ----------
    image : int
        Position of the picture among the samples.
    top, left, height, width : int
        In the pixels that the model sees.
    """

    image: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Craft:
    """Concepts of one target.

    Attributes
    ----------
    layer : str
        Tensor name.
    target : Target
        What they explain.
    basis : (k, C) float64 array
        Each concept as a direction in the layer, of length one; the most important first.
    importance : (k,) float64 array
        Total Sobol index: share of the score's variance that a concept has a part in, when all
        concepts of a picture are dimmed at random; mean over the pictures.
    crops : list of Crop
        The parts of pictures in which concepts were found.
    coefficients : (n, k) float64 array
        How much of each concept is in each crop.
    error : float
        What the concepts leave of the crops' activations, as a share of their norm.
    names : list of str
        The pictures.
    skipped : list of Skipped
        Pictures that could not be read.
    record : dict
        Settings, model and versions.
    """

    layer: str
    target: Target
    basis: NDArray[np.float64]
    importance: NDArray[np.float64]
    crops: list[Crop]
    coefficients: NDArray[np.float64]
    error: float
    names: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write ``basis``, ``importance``, ``coefficients`` and ``crops`` (one row each).

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "layer": self.layer,
            "target": self.target.to_dict(),
            "error": self.error,
            "names": self.names,
            "skipped": self.skipped,
        }
        rows = [[c.image, c.top, c.left, c.height, c.width] for c in self.crops]
        arrays = {
            "basis": self.basis,
            "importance": self.importance,
            "coefficients": self.coefficients,
            "crops": np.array(rows, np.int64),
        }
        write_archive(path, "craft concepts", record, arrays)

    def best_crops(self, concept: int, count: int) -> list[Crop]:
        """Crops with most of a concept, at most one of each picture."""
        order = np.argsort(-self.coefficients[:, concept], kind="stable")
        found: dict[int, Crop] = {}
        for k in order[self.coefficients[order, concept] > 0].tolist():
            found.setdefault(self.crops[k].image, self.crops[k])
        return list(found.values())[:count]


def craft(
    model: Model,
    samples: Sequence[Sample],
    target: Target,
    layer: str | None = None,
    *,
    concepts: int = 8,
    crop: float = 0.3,
    designs: int = 32,
    seed: int = 0,
    progress: Progress = silent,
) -> Craft:
    """Factorise what a layer answers to crops of a class, and weigh the factors.

    Parameters
    ----------
    model : Model
        The opened model; everything is computed in ONNX Runtime, without gradients.
    samples : sequence of Sample
        Pictures of the class, see `onnxplain.features.concepts.examples.examples_of`.
    target : Target
        The class's score.
    layer : str, optional
        A layer with height and width whose values are 0 or more; the layer of class activation
        maps if not given.
    concepts : int
        How many.
    crop : float
        Side of a crop, as a share of the picture's; crops are resized to the model's input.
    designs : int
        Points of a Sobol design, a power of two; each picture needs ``designs (concepts + 2)``
        runs of what follows the layer.
    seed : int
        Of the design.
    progress : callable
        Told how many of how many pictures are done; each counts twice.

    Returns
    -------
    Craft

    Raises
    ------
    UsageError
        If a setting is out of range, or there are too few crops.
    MethodRefusedError
        If the layer has no places, or negative values.
    ImageError
        If no picture can be read.
    """
    if not 0 < crop <= 1 or designs < 2 or designs & (designs - 1):
        raise UsageError("crop must be in (0, 1], and designs a power of two")
    require_common(target)
    spatial = model.network.layer(layer)
    skipped: list[Skipped] = []
    crops: list[Crop] = []
    rows: list[NDArray[np.float64]] = []
    for indices, _, done in batches(model, samples, skipped, size=1):
        picture = model.read(samples[indices[0]].path)
        pixels = picture.pixels if picture.values is None else picture.values
        own = crops_of(pixels.shape[:2], crop, int(indices[0]))
        for part in _in_batches(own, model.network.batch_size):
            x = np.concatenate([_enlarged(model, pixels, c) for c in part])
            values = activations(model, x, [spatial.name])[spatial.name]
            require_finite(values, spatial.name)
            require_non_negative(values, spatial.name)
            rows.append(spatial.to_maps(values).mean(axis=(2, 3), dtype=np.float64))
        crops += own
        progress(done, 2 * len(samples))
    coefficients, basis, error = factorise(np.concatenate(rows), concepts)
    importance = np.zeros(concepts)
    again: list[Skipped] = []
    read = 0
    for _, x, done in batches(model, samples, again, size=1):
        importance += _importance(model, x, target, spatial, basis, designs, seed)
        read += 1
        progress(len(samples) + done, 2 * len(samples))
    order = np.argsort(-importance, kind="stable")
    settings = {"concepts": concepts, "crop": crop, "designs": designs, "seed": seed}
    return Craft(
        spatial.name,
        target,
        basis[order],
        importance[order] / read,
        crops,
        coefficients[:, order],
        error,
        [s.name for s in samples],
        skipped,
        {**origin(model), "settings": settings},
    )


def concept_maps(
    model: Model, x: NDArray[Any], layer: str, basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much of each concept is at each place of a layer.

    Parameters
    ----------
    model : Model
        The opened model.
    x : (1, ...) array
        Model input.
    layer : str
        `Craft.layer`.
    basis : (k, C) array
        `Craft.basis`.

    Returns
    -------
    (k, h, w) float64 array
        Coefficients, 0 or more.
    """
    spatial = model.network.layer(layer)
    maps = spatial.to_maps(activations(model, x, [layer])[layer])[0]
    require_non_negative(maps, layer)
    found = coefficients_of(maps.reshape(len(maps), -1).T, basis)
    return found.T.reshape(len(basis), *maps.shape[1:])


@dataclass(frozen=True)
class ConceptExamples:
    """What one concept looks like.

    Attributes
    ----------
    crops : list of (h, w, C) uint8 arrays
        The crops with most of it.
    pixels : list of (H, W, C) uint8 arrays
        The pictures of the first of these.
    maps : list of (h', w') arrays
        Where it is in them, at the layer's places.
    """

    crops: list[NDArray[np.uint8]]
    pixels: list[NDArray[np.uint8]]
    maps: list[NDArray[np.float64]]


def concept_examples(
    model: Model, samples: Sequence[Sample], found: Craft, *, crops: int = 5, pictures: int = 2
) -> list[ConceptExamples]:
    """Read the pictures that show each concept best, and locate it in them.

    Parameters
    ----------
    model, samples
        As given to `craft`.
    found : Craft
        Its result.
    crops, pictures : int
        How many of each are shown.
    """
    shown = []
    for k in range(len(found.basis)):
        best = found.best_crops(k, crops)
        read = [model.read(samples[c.image].path) for c in best]
        cuts = [
            p.pixels[c.top : c.top + c.height, c.left : c.left + c.width]
            for p, c in zip(read, best, strict=True)
        ]
        first = read[:pictures]
        maps = [concept_maps(model, p.x, found.layer, found.basis)[k] for p in first]
        shown.append(ConceptExamples(cuts, [p.pixels for p in first], maps))
    return shown


def crops_of(size: Sequence[int], share: float, image: int = 0) -> list[Crop]:
    """Overlapping crops of a picture, row by row, evenly spread over all of it."""
    sides = [max(1, round(share * n)) for n in size]
    starts = []
    for n, side in zip(size, sides, strict=True):
        count = int((n - side) / max(1.0, _STRIDE * side)) + 1
        starts.append(np.linspace(0, n - side, count).round().astype(int).tolist())
    return [Crop(image, top, left, *sides) for top in starts[0] for left in starts[1]]


def _enlarged(model: Model, pixels: NDArray[Any], crop: Crop) -> NDArray[Any]:
    """Model input of a crop, resized bilinearly to the model's size."""
    part = pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    size = (pixels.shape[0], pixels.shape[1])
    large = np.stack([upsample(part[..., c], size) for c in range(part.shape[2])], axis=-1)
    whole = np.round(large) if pixels.dtype.kind in "iu" else large
    return made_of(whole.astype(pixels.dtype), model.preprocess, "crop").x


def _importance(
    model: Model,
    x: NDArray[Any],
    target: Target,
    spatial: SpatialLayer,
    basis: NDArray[np.float64],
    designs: int,
    seed: int,
) -> NDArray[np.float64]:
    """Total indices of the concepts of one picture, dimmed at all places alike."""
    needs = Capability.ACTIVATIONS | Capability.FORWARD | Capability.RERUN
    context = Context(model.network, model.preprocess, seed, needs=needs)
    values = layer_values(context, x, spatial.name)
    maps = values.maps(0)
    require_non_negative(maps, spatial.name)
    flat = maps[0].reshape(maps.shape[1], -1)
    found = coefficients_of(flat.T, basis)  # (places, k)
    design = sobol_design(len(basis), designs, seed)
    answers = []
    for rows in context.slices(len(design)):
        dimmed = np.einsum("mk,pk,kc->mcp", design[rows], found, basis, optimize=True)
        changed = values.with_maps(0, dimmed.reshape(-1, *maps.shape[1:]))
        answers.append(context.scores_from(x, spatial.name, changed, target))
    return total_indices(np.concatenate(answers), len(basis))


def _in_batches(crops: Sequence[Crop], size: int) -> Iterator[Sequence[Crop]]:
    for start in range(0, len(crops), size):
        yield crops[start : start + size]
