"""Pictures of selected features, and of predictions that they explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import scale, upsample
from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import percent, score_of
from onnxplain.render.colors import blend
from onnxplain.render.patches import as_rgb
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Pixels, Tile, tile_page

if TYPE_CHECKING:
    from onnxplain.features.enriched import Enriched
    from onnxplain.features.relevant import RelevantFeatures

_PER_CLASS = 8


def draw_relevant(
    found: RelevantFeatures, name: str, labels: Sequence[str], *, classes: Sequence[int]
) -> Canvas:
    """Draw one row for each class: the average images of the features that speak for it.

    Parameters
    ----------
    found : RelevantFeatures
        What was selected.
    name : str
        Name of the model.
    labels : sequence of str
        Class names; may be empty.
    classes : sequence of int
        Which classes.
    """
    chosen = {c: [(k, w) for k, w in found.of_class(c) if w > 0][:_PER_CLASS] for c in classes}
    columns = max([1, *(len(positive) for positive in chosen.values())])
    tiles: list[Tile | None] = []
    for index, positive in chosen.items():
        if not positive:
            continue
        row: list[Tile | None] = [
            Tile(
                as_rgb(found.averages[k]),
                f"{class_label(labels, index)} {w:.2f}: {found.features[k]}",
            )
            for k, w in positive
        ]
        tiles += [*row, *[None] * (columns - len(row))]
    patches = int(found.counts.max(initial=0))
    heading = [
        f"{name}  \u00b7  features relevant for each class",
        f"mu {found.mu:g}; {len(found.features)} filters selected for {len(found.classes)} classes "
        f"from {len(found.names) - len(found.skipped)} pictures",
    ]
    notes = (
        f"Each tile: the average of up to {patches} patches that excite the filter most, in its "
        "receptive field. Below it: class, weight, layer and channel. Filters that oppose a class "
        "are in the files only."
    )
    return tile_page(heading, tiles, columns=columns, side=1.3, notes=notes)


def draw_enriched(
    found: Enriched, bundle: RelevantFeatures, name: str, labels: Sequence[str]
) -> Canvas:
    """Draw what the model saw, where its features were found, and what they stand for."""
    photo = enlarged(found.picture.pixels)
    score = float(found.prediction.scores[found.index])
    said = f"{class_label(labels, found.index)}, {score_of(found.prediction.unit, score)}"
    tiles: list[Tile | None] = [
        Tile(photo, said),
        Tile(_over(photo, found.heatmap), "all together"),
    ]
    for evidence in found.features:
        where = f"{evidence.feature}: {percent(evidence.evidence)}"
        tiles.append(Tile(_over(photo, evidence.heatmap), where))
    if found.features:
        tiles += [None, None]
    tiles += [
        Tile(as_rgb(bundle.averages[e.position]), f"what {e.feature} represents")
        for e in found.features
    ]
    source = found.picture.source.replace("\\", "/").rpartition("/")[2]
    heading = [f"{name}  \u00b7  {source}"]
    if not found.features:
        heading.append("none of the selected features supports this class here")
    notes = (
        "Below each heatmap: layer, channel, and response times weight as a share of the sum of "
        f"weights. Heatmaps: {found.projection} projection of all of the filter's activations"
        f"{'' if found.resample else ', with the grid of strided convolutions'}."
    )
    columns = 2 + len(found.features)
    return tile_page(heading, tiles, columns=columns, side=2.0, notes=notes)


def class_label(labels: Sequence[str], index: int) -> str:
    """Name of a class, or its index."""
    return labels[index] if labels else f"class {index}"


def _over(photo: Pixels, heatmap: NDArray[np.float64]) -> Pixels:
    # A few single pixels are far above all others; the colours end before them.
    shown = scale(upsample(heatmap, photo.shape[:2]), "percentile")
    return blend(photo, shown, "magnitude")
