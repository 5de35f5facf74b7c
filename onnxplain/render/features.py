"""Pictures of weights and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import scale, upsample
from onnxplain.render.canvas import Canvas
from onnxplain.render.colors import blend, painted
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Pixels, Tile, block, tile_page

if TYPE_CHECKING:
    from onnxplain.features.kernels import Kernels
    from onnxplain.features.maps import FeatureMaps

SCALES = ("each", "shared")
_COLUMNS, _SLICES = 16, 16
_SIDE, _LARGE = 0.74, 1.9


def draw_kernels(
    kernels: Kernels, name: str, *, filters: Sequence[int], scaling: str = "each"
) -> Canvas:
    """Draw filters as images: in colour where they see the picture, else slice by slice.

    Parameters
    ----------
    kernels : Kernels
        What to draw.
    name : str
        Name of the model, for the heading.
    filters : sequence of int
        Which filters.
    scaling : {"each", "shared"}
        Whether colours end at each filter's own largest magnitude or at that of all.

    Raises
    ------
    UsageError
        If the scaling is unknown.
    """
    if scaling not in SCALES:
        raise UsageError(f"scale {scaling!r} is not known; allowed: {', '.join(SCALES)}")
    values = kernels.values[list(filters)].astype(np.float64)
    channels, height, width = values.shape[1:]
    axes = (1, 2, 3) if scaling == "each" else None
    ends = np.abs(values).max(axis=axes, keepdims=True)
    scaled = values / np.where(ends > 0, ends, 1.0)
    ending = "each filter's own" if scaling == "each" else "the overall"
    notes = f"The colour scale ends at {ending} largest magnitude; "
    size = f"{height} x {width}, {len(kernels.values)} filters over {channels} channels"
    heading = [f"{name}  \u00b7  weights of {kernels.layer}", size]
    if kernels.colors:
        notes += "mid-grey is zero, brighter in a colour means a larger weight on it."
        pictures = np.round(127.5 + 127.5 * np.moveaxis(scaled, 1, -1)).astype(np.uint8)
        tiles = [Tile(p, str(k)) for p, k in zip(pictures, filters, strict=True)]
        return tile_page(heading, tiles, columns=_COLUMNS, side=_SIDE, notes=notes)
    notes += "red is positive, blue negative, white zero."
    if height == width == 1:
        matrix = _signed(scaled[:, :, 0, 0])
        heading[1] += "; one row for each filter drawn, one column for each channel"
        return tile_page(heading, [Tile(matrix)], columns=1, side=10.0, notes=notes)
    if channels == 1:
        tiles = [Tile(_signed(v[0]), str(k)) for v, k in zip(scaled, filters, strict=True)]
        return tile_page(heading, tiles, columns=_COLUMNS, side=_SIDE, notes=notes)
    heading[1] += f"; each block: the {min(_SLICES, channels)} slices of largest norm of a filter"
    tiles = [Tile(_slices(v), str(k)) for v, k in zip(scaled, filters, strict=True)]
    return tile_page(heading, tiles, columns=6, side=_LARGE, notes=notes)


def draw_maps(maps: FeatureMaps, name: str) -> Canvas:
    """Draw the chosen channels as a grid, the strongest first.

    Maps that are never negative run from black to yellow, others from blue over white to
    red; colours end at each map's own largest magnitude, which stands below it.
    """
    tiles = []
    for channel in maps.channels:
        values = maps.values[channel].astype(np.float64)
        top = float(np.abs(values).max())
        tiles.append(Tile(_colored(scale(values), maps), f"{channel}: {top:.3g}"))
    channels, height, width = maps.values.shape
    shown = f"{len(tiles)} of {channels} channels of {height} x {width}"
    notes = "Below each map: its channel, and the largest magnitude of its colour scale."
    heading = [f"{name}  \u00b7  {maps.layer}", f"{_source(maps)}; {shown}"]
    return tile_page(heading, tiles, columns=12, side=0.95, notes=notes)


def draw_maps_on_photo(maps: FeatureMaps, name: str, count: int = 12) -> Canvas:
    """Lay the first maps over what the model saw, enlarged bilinearly."""
    photo = enlarged(maps.picture.pixels)
    display = "signed" if maps.values.min() < 0 else "magnitude"
    tiles = [Tile(photo, "what the model sees")]
    for channel in maps.channels[:count]:
        values = scale(upsample(maps.values[channel], photo.shape[:2], maps.spread))
        tiles.append(Tile(blend(photo, values, display), f"channel {channel}"))
    heading = [f"{name}  \u00b7  {maps.layer}", _source(maps)]
    notes = "The strongest channels; colours end at each map's own largest magnitude."
    return tile_page(heading, tiles, columns=5, side=_LARGE, notes=notes)


def _source(maps: FeatureMaps) -> str:
    return maps.picture.source.replace("\\", "/").rpartition("/")[2]


def _colored(scaled: NDArray[np.float64], maps: FeatureMaps) -> Pixels:
    return _signed(scaled) if maps.values.min() < 0 else painted(scaled, "positive")


def _slices(values: NDArray[Any]) -> Pixels:
    norms = np.abs(values).sum(axis=(1, 2))
    order = np.argsort(-norms, kind="stable")[:_SLICES]
    return block([_signed(values[k]) for k in order], columns=4, gap=1)


def _signed(values: NDArray[np.float64]) -> Pixels:
    return painted(values, "signed")
