"""All that a layer tells apart in a data set, laid out in two dimensions.

Carter, Armstrong, Schubert, Johnson, Olah 2019, "Activation Atlas", Distill,
doi:10.23915/distill.00015: one activation vector from each picture, laid out so that
neighbours stay neighbours, and averaged in the cells of a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.passes import (
    Progress,
    Skipped,
    batches,
    require_finite,
    silent,
)
from onnxplain.features.patches import cut, fields_of
from onnxplain.graph.layers import SpatialLayer
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

LAYOUTS = ("tsne", "umap")
_FEWEST = 5
# Vectors that differ by less, as a share of the largest number, are the same.
_SAME = 1e-6
_PERPLEXITY = 30.0


@dataclass
class Atlas:
    """Activation vectors of a data set, laid out.

    Attributes
    ----------
    layer : str
        Tensor name.
    vectors : (n, C) array
        One for each sampled place of each picture, without those that are all zero.
    images, places : (n,) and (n, 2) int arrays
        Which picture and which unit it comes from.
    layout : (n, 2) array
        Where it stands, in [0, 1].
    names : list of str
        The data set.
    skipped : list of Skipped
        Pictures that could not be read.
    record : dict
        Settings, model and versions.
    """

    layer: str
    vectors: NDArray[np.float32]
    images: NDArray[np.int64]
    places: NDArray[np.int64]
    layout: NDArray[np.float64]
    names: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write vectors and layout.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {**self.record, "layer": self.layer, "names": self.names, "skipped": self.skipped}
        own = ("vectors", "images", "places", "layout")
        write_archive(path, "atlas", record, {name: getattr(self, name) for name in own})

    def cells(self, side: int) -> dict[tuple[int, int], NDArray[np.int64]]:
        """Vectors in each cell of a grid of `side` x `side`; empty cells are left out."""
        rows, columns = np.minimum((self.layout[:, ::-1] * side).astype(int), side - 1).T
        found: dict[tuple[int, int], list[int]] = {}
        for k, cell in enumerate(zip(rows, columns, strict=True)):
            found.setdefault((int(cell[0]), int(cell[1])), []).append(k)
        return {cell: np.array(found[cell]) for cell in sorted(found)}

    def nearest(self, members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Members nearest to their own mean, the nearest first."""
        own = self.vectors[members].astype(np.float64)
        distances = np.linalg.norm(own - own.mean(axis=0), axis=1)
        return members[np.argsort(distances, kind="stable")[:count]]


def activation_atlas(
    model: Model,
    samples: Sequence[Sample],
    layer: str | None = None,
    *,
    layout: str = "tsne",
    per_image: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> Atlas:
    """Collect activation vectors in one pass and lay them out.

    Parameters
    ----------
    model : Model
        The opened model; activations are computed in ONNX Runtime.
    samples : sequence of Sample
        The data set.
    layer : str, optional
        A layer with height and width; the layer of class activation maps if not given.
    layout : {"tsne", "umap"}
        t-SNE, or UMAP, which the extra ``onnxplain[umap]`` installs.
    per_image : int
        Vectors from each picture, from places drawn at random without its border.
    seed : int
        Of places and layout.
    progress : callable
        Told how many of how many pictures are done.

    Returns
    -------
    Atlas

    Raises
    ------
    UsageError
        If there are fewer than five vectors, the layout is unknown, or its library missing.
    MethodRefusedError
        If the layer has no places in the picture.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"layout {layout!r} is not known; allowed: {', '.join(LAYOUTS)}")
    spatial = model.network.layer(layer)
    rng = np.random.default_rng(seed)
    skipped: list[Skipped] = []
    vectors: list[NDArray[Any]] = []
    images: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    for indices, x, done in batches(model, samples, skipped):
        values = activations(model, x, [spatial.name])[spatial.name]
        require_finite(values, spatial.name)
        for index, maps in zip(indices, spatial.to_maps(values), strict=True):
            where = _draw(rng, spatial, per_image)
            vectors.append(maps[:, where[:, 0], where[:, 1]].T.astype(np.float32))
            images.append(np.full(len(where), index))
            places.append(where)
        progress(done, len(samples))
    joined = np.concatenate(vectors)
    # A unit that answers nothing has no direction, and no place in the layout.
    awake = np.flatnonzero(np.abs(joined).max(axis=1) > 0)
    joined = joined[awake]
    if len(joined) < _FEWEST:
        raise UsageError(
            f"an atlas needs at least {_FEWEST} vectors that are not zero, the data set gives "
            f"{len(joined)}; give more pictures or raise --per-image"
        )
    return Atlas(
        spatial.name,
        joined,
        np.concatenate(images)[awake],
        np.concatenate(places)[awake],
        _laid_out(joined, layout, seed),
        [s.name for s in samples],
        skipped,
        {**origin(model), "layout": layout, "per_image": per_image, "seed": seed},
    )


def cell_patches(
    model: Model, samples: Sequence[Sample], atlas: Atlas, side: int
) -> dict[tuple[int, int], NDArray[np.uint8]]:
    """Cut out, for each cell, the patch whose vector is nearest to the cell's mean."""
    fields, _ = fields_of(model, atlas.layer)
    found = {}
    for cell, members in atlas.cells(side).items():
        (nearest,) = atlas.nearest(members, 1)
        pixels = model.read(samples[atlas.images[nearest]].path).pixels
        row, column = (int(p) for p in atlas.places[nearest])
        found[cell] = cut(pixels, fields.box(row, column), fields.size)
    return found


def cell_classes(samples: Sequence[Sample], atlas: Atlas, side: int) -> dict[tuple[int, int], str]:
    """Class that most vectors of each cell come from; cells without labelled pictures are left out.

    Among equals the class of the first name counts.
    """
    found = {}
    for cell, members in atlas.cells(side).items():
        labels = [samples[k].label for k in atlas.images[members]]
        known = sorted(label for label in labels if label is not None)
        if known:
            found[cell] = max(dict.fromkeys(known), key=known.count)
    return found


def _draw(rng: np.random.Generator, spatial: SpatialLayer, count: int) -> NDArray[np.int64]:
    """Different places of a map, not at its border where padding is seen."""
    height, width = spatial.grid
    rows = np.arange(1, height - 1) if height > 2 else np.arange(height)
    columns = np.arange(1, width - 1) if width > 2 else np.arange(width)
    total = len(rows) * len(columns)
    drawn = rng.permutation(total)[: min(count, total)]
    return np.column_stack([rows[drawn // len(columns)], columns[drawn % len(columns)]])


def _laid_out(vectors: NDArray[np.float32], layout: str, seed: int) -> NDArray[np.float64]:
    if np.ptp(vectors, axis=0).max() <= _SAME * np.abs(vectors).max():
        # Scaled by their deviation, which is zero, t-SNE ends the whole process.
        raise UsageError(
            f"an atlas needs vectors that differ, and all {len(vectors)} are the same; give other "
            "pictures or raise --per-image"
        )
    if layout == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
        settings = {"perplexity": perplexity, "init": "pca", "metric": "cosine"}
        found = TSNE(**settings, random_state=seed).fit_transform(vectors)
    else:
        try:
            from umap import UMAP
        except ImportError as error:
            raise UsageError("layout umap is not installed: pip install umap-learn") from error
        neighbours = min(15, len(vectors) - 1)
        settings = {"n_neighbors": neighbours, "metric": "cosine"}
        found = UMAP(**settings, random_state=seed, n_jobs=1).fit_transform(vectors)
    low, high = found.min(axis=0), found.max(axis=0)
    return np.asarray((found - low) / np.maximum(high - low, 1e-12), np.float64)
