"""Pictures of why two pictures are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import score_of
from onnxplain.render.colors import PALETTES
from onnxplain.render.overlay import overlay
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Tile, tile_page

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation
    from onnxplain.features.similarity import Similarity


def draw_similarity(found: Similarity, name: str) -> Canvas:
    """Draw each picture, and beside it what makes it like the other.

    Parameters
    ----------
    found : Similarity
        Both sides, or one.
    name : str
        Name of the model.
    """
    sides = [found.first] if found.second is None else [found.first, found.second]
    tiles = [tile for side in sides for tile in _side(side)]
    first = found.first
    palette = PALETTES[first.display]
    heading = [
        f"{name}  \u00b7  cosine {score_of('cosine', found.cosine)}",
        f"what makes each picture like the other, by {first.method}",
    ]
    notes = (
        "Each map is scaled to its own magnitude. The colours run from "
        f"'{palette.low}' to '{palette.high}' the likeness."
    )
    return tile_page(heading, tiles, columns=len(tiles), side=2.4, notes=notes)


def _side(side: Explanation) -> list[Tile]:
    source = str(side.provenance.get("input") or "").replace("\\", "/").rpartition("/")[2]
    return [
        Tile(enlarged(side.pixels), source),
        Tile(np.asarray(overlay(side).convert("RGB")), side.target.describe()),
    ]
