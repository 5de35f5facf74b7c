"""Pictures of what channels of a layer contribute, and of what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.explanations.display import scale, upsample
from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import percent, score_of
from onnxplain.render.colors import blend
from onnxplain.render.patches import as_rgb
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Pixels, Tile, fitting_side, tile_page

if TYPE_CHECKING:
    from onnxplain.features.concepts.craft import ConceptExamples, Craft
    from onnxplain.features.concepts.crp import ConceptRelevance
    from onnxplain.features.concepts.relmax import ReferencePictures

# Share of the strongest blurred relevance from which a place is lit, and how dark others are.
_LIT, _DIM = 0.2, 0.3
# Standard deviation of the blur, as a share of the picture.
_BLUR = 1 / 40


def draw_concept_relevance(
    found: ConceptRelevance, shown: Sequence[ReferencePictures], name: str, images: int
) -> Canvas:
    """Draw one row for each channel: its map, and the pictures in which it is most relevant.

    Parameters
    ----------
    found : ConceptRelevance
        What was found for one picture.
    shown : sequence of ReferencePictures
        For each of its channels; empty if there is no data set.
    name : str
        Name of the model.
    images : int
        Reference pictures in a full row.
    """
    photo = enlarged(found.picture.pixels)
    target = found.explanation.target
    said = f"{target.describe()} {score_of(target.unit, found.explanation.score)}"
    total = float(np.abs(found.relevance).sum())
    front = [Tile(photo, said), Tile(over(photo, found.whole), "all channels")]
    maps = [
        Tile(over(photo, values), f"channel {k}: {percent(float(found.relevance[k]) / total)}")
        for k, values in zip(found.channels, found.maps, strict=True)
    ]
    tiles: list[Tile | None] = [*front]
    if shown:
        columns = 1 + images
        tiles += [None] * (columns - len(front))
        for own, row in zip(maps, shown, strict=True):
            lit = [
                Tile(spotlight(as_rgb(p), m), f"{percent(s)}")
                for p, m, s in zip(row.pixels, row.maps, row.shares, strict=True)
            ]
            tiles += [own, *lit, *[None] * (images - len(lit))]
    else:
        columns = min(len(front) + len(maps), 6)
        tiles += maps
    source = found.picture.source.replace("\\", "/").rpartition("/")[2]
    heading = [
        f"{name}  \u00b7  {source}",
        f"relevance through channels of {found.layer}; rules: "
        f"{found.explanation.parameters['composite']}",
    ]
    notes = (
        "Percentages: relevance of the channel, as a share of the magnitude of all channels. Maps: "
        "red supports the target, blue opposes it; each is scaled to its own magnitude. "
    )
    if shown:
        notes += (
            "At the right: the pictures of the data set in which the channel is most relevant; "
            "lit is where its relevance comes from."
        )
    return tile_page(heading, tiles, columns=columns, side=fitting_side(columns, 1.7), notes=notes)


def draw_craft(found: Craft, shown: Sequence[ConceptExamples], name: str) -> Canvas:
    """Draw one row for each concept: where it is, and the crops with most of it.

    Parameters
    ----------
    found : Craft
        The concepts.
    shown : sequence of ConceptExamples
        For each of them.
    name : str
        Name of the model.
    """
    located = max(len(one.pixels) for one in shown)
    cut = max(len(one.crops) for one in shown)
    columns = located + cut
    tiles: list[Tile | None] = []
    for k, one in enumerate(shown):
        said = f"concept {k + 1}: {percent(float(found.importance[k]))}"
        maps = [
            Tile(over(enlarged(p), m, "magnitude"), said if j == 0 else "")
            for j, (p, m) in enumerate(zip(one.pixels, one.maps, strict=True))
        ]
        crops: list[Tile | None] = [Tile(as_rgb(c)) for c in one.crops]
        row = [*maps, *[None] * (located - len(maps)), *crops]
        tiles += [*row, *[None] * (columns - len(row))]
    heading = [
        f"{name}  \u00b7  concepts of {found.target.describe()}",
        f"{len(found.basis)} factors of {found.layer} in {len(found.crops)} crops of "
        f"{len(found.names) - len(found.skipped)} pictures; they leave {percent(found.error)} of "
        "the activations",
    ]
    notes = (
        "Percentages: total Sobol index, the share of the score's variance that a concept has a "
        "part in when the concepts of a picture are dimmed at random. Left: where the concept is; "
        "each map is scaled to its own largest value. Right: the crops with most of it."
    )
    return tile_page(heading, tiles, columns=columns, side=fitting_side(columns, 1.4), notes=notes)


def over(photo: Pixels, values: NDArray[np.float64], display: str = "signed") -> Pixels:
    """Lay a map over a photo of any larger size, scaled to its own magnitude."""
    return blend(photo, scale(upsample(values, photo.shape[:2]), "percentile"), display)


def spotlight(photo: Pixels, values: NDArray[np.float64]) -> Pixels:
    """Darken a photo where a blurred map has less than a fifth of its largest magnitude.

    The look of Achtibat et al. 2023, figure 2, without its crop.
    """
    size = photo.shape[:2]
    sigma = max(size) * _BLUR
    heat = scipy.ndimage.gaussian_filter(np.abs(upsample(values, size)), sigma)
    lit = heat >= _LIT * heat.max()
    return np.where(lit[..., None], photo, np.round(_DIM * photo)).astype(np.uint8)
