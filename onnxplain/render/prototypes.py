"""Pictures of typical decisions, and of how usual further ones are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import percent, score_of
from onnxplain.render.patches import as_rgb
from onnxplain.render.tiles import Tile, fitting_side, tile_page

if TYPE_CHECKING:
    from onnxplain.features.concepts.prototypes import Judged, Prototypes

_CHANNELS = 3


def draw_prototypes(
    found: Prototypes,
    members: Sequence[Sequence[NDArray[np.uint8]]],
    judged: Sequence[Judged],
    name: str,
) -> Canvas:
    """Draw one row for each prototype, the picture nearest to its mean first; then other pictures.

    Parameters
    ----------
    found : Prototypes
        The prototypes.
    members : sequence of sequences of (H, W, C) uint8 arrays
        For each prototype its pictures, the nearest to its mean first.
    judged : sequence of Judged
        Other pictures.
    name : str
        Name of the model.
    """
    columns = max([1, *map(len, members)])
    tiles: list[Tile | None] = []
    means = found.mixture.whole_means
    for k, pictures in enumerate(members):
        strongest = np.argsort(-np.abs(means[k]), kind="stable")[:_CHANNELS]
        channels = ", ".join(f"{c} ({percent(float(means[k, c]))})" for c in strongest)
        said = f"prototype {k + 1}: {percent(float(found.mixture.weights[k]))}; channels {channels}"
        row = [Tile(as_rgb(p), "" if j else said) for j, p in enumerate(pictures)]
        tiles += [*row, *[None] * (columns - len(row))]
    for one in judged:
        source = one.picture.source.replace("\\", "/").rpartition("/")[2]
        score = score_of(found.target.unit, one.score)
        said = (
            f"{source}: {found.target.unit} {score}; like prototype {one.prototype + 1}; more "
            f"usual than {percent(one.rank)} of the class"
        )
        tiles.append(Tile(as_rgb(one.picture.pixels), said))
    heading = [
        f"{name}  \u00b7  typical decisions for {found.target.describe()}",
        f"relevance of the channels of {found.layer} in {len(found.vectors)} pictures",
    ]
    notes = (
        "Each row: pictures for which the same channels are relevant, the nearest to their mean "
        "first. Percentages: share of the pictures, and relevance of a channel as a share of the "
        "magnitude of all. "
    )
    if judged:
        notes += (
            "Last rows: other pictures, with the share of the class's pictures whose log "
            "likelihood is smaller; each of those is judged by pictures without it."
        )
    return tile_page(heading, tiles, columns=columns, side=fitting_side(columns, 1.6), notes=notes)
