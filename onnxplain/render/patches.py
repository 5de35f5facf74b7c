"""Zeiler's blocks: for each channel its nine strongest patches, and what of them arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.canvas import Canvas
from onnxplain.render.tiles import Pixels, Tile, block, tile_page

if TYPE_CHECKING:
    from onnxplain.features.top_patches import ChannelPatches

_LEAST_SIDE = 64
# Classes that name a channel.
_NAMED = 2


def draw_patches(
    channels: Sequence[ChannelPatches], heading: Sequence[str], *, count: int, projection: str
) -> Canvas:
    """Draw one block for each channel: projections at the left, patches at the right.

    Parameters
    ----------
    channels : sequence of ChannelPatches
        What to draw; a channel without any patch gets a line of text only.
    heading : sequence of str
        See `tile_page`.
    count : int
        Patches in a full block.
    projection : str
        What the left blocks are; empty if there are none.
    """
    tiles = [_tile(c, count) for c in channels]
    named = any(c.classes for c in channels)
    of = ", the classes most of its pictures are of" if named else ""
    notes = f"Below each block: channel{of}, largest and smallest response in it. "
    if projection:
        notes += (
            f"Left: the {projection} projection of each unit (grey is zero; each is scaled to its "
            "own largest magnitude). Right: "
        )
    notes += "the patch of the picture in the unit's receptive field, in the same order."
    sides = 2 if projection else 1
    columns = {1: 5, 2: 3}[sides]
    return tile_page(heading, tiles, columns=columns, side=2.0 * sides, notes=notes)


def signal_picture(values: NDArray[Any]) -> Pixels:
    """Show a signed (H, W, C) signal in colour: grey is zero, ends at its own magnitude."""
    top = float(np.abs(values).max()) or 1.0
    return as_rgb(np.round(127.5 + 127.5 * values / top).astype(np.uint8))


def as_rgb(pixels: NDArray[np.uint8]) -> Pixels:
    """Repeat a grey channel."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _tile(found: ChannelPatches, count: int) -> Tile:
    if not found.patches:
        empty = np.full((_LEAST_SIDE, _LEAST_SIDE, 3), 235, np.uint8)
        return Tile(empty, f"channel {found.channel}: never above zero")
    patches = _filled([_grown(as_rgb(p)) for p in found.patches], count)
    joined = block(patches)
    if found.projections:
        signals = _filled([_grown(signal_picture(p)) for p in found.projections], count)
        gap = np.full((joined.shape[0], joined.shape[1] // 24 + 2, 3), 255, np.uint8)
        joined = np.concatenate([block(signals), gap, joined], axis=1)
    low, high = found.scores[-1], found.scores[0]
    name = f"channel {found.channel}"
    if found.classes:
        of = len(found.patches)
        name += ", " + ", ".join(f"{label} {n} of {of}" for label, n in found.classes[:_NAMED])
    return Tile(joined, f"{name}: {high:.3g} to {low:.3g}")


def _filled(pictures: list[Pixels], count: int) -> list[Pixels]:
    blank = np.full_like(pictures[0], 255)
    return pictures + [blank] * (count - len(pictures))


def _grown(pixels: Pixels) -> Pixels:
    """Enlarge tiny patches by whole blocks, so that the lines between them stay thin."""
    factor = max(1, -(-_LEAST_SIDE // max(pixels.shape[:2])))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
