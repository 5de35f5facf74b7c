"""A few pictures with the maps of several methods: one row for each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import displayed, scale, upsample
from onnxplain.methods import find
from onnxplain.render.canvas import Canvas
from onnxplain.render.colors import blend
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Pixels, Tile, tile_page

if TYPE_CHECKING:
    from onnxplain.evaluate.protocol import Example

_SIDE, _DIM = 1.6, 0.25


def draw_examples(
    found: Sequence[Example], names: Mapping[str, str], heading: Sequence[str]
) -> Canvas:
    """Draw each picture, what decides in it, and its maps.

    Parameters
    ----------
    found : sequence of Example
        The pictures, all with the same methods.
    names : mapping of str to str
        What each method is called below its maps.
    heading : sequence of str
        See `tile_page`.

    Returns
    -------
    Canvas
    """
    tiles: list[Tile | None] = []
    for example in found:
        photo = enlarged(example.pixels)
        tiles.append(Tile(photo, f"{example.label}  {example.name.rpartition('/')[2]}"))
        masked = None if example.mask is None else Tile(_cut(photo, example.mask), "what decides")
        tiles.append(masked)
        for name, values in example.maps.items():
            tiles.append(Tile(_over(photo, values, find(name).display), names.get(name, name)))
    columns = 2 + len(found[0].maps)
    notes = "Colours end at the 99th percentile of each map's own values."
    return tile_page(heading, tiles, columns=columns, side=_SIDE, notes=notes)


def _cut(photo: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """The photo, dim outside of a mask."""
    rows, columns = (
        np.arange(large) * small // large
        for large, small in zip(photo.shape[:2], mask.shape, strict=True)
    )
    share = np.where(mask[rows[:, None], columns], 1.0, _DIM)[..., None]
    return np.round(photo * share).astype(np.uint8)


def _over(photo: Pixels, values: NDArray[np.float64], display: str) -> Pixels:
    shown = scale(upsample(displayed(values, display), photo.shape[:2]), "percentile")
    return blend(photo, shown, display)
