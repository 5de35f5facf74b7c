"""The picture with a map laid over it, in ONNX nodes; see `onnxplain.render.overlay`."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from onnxplain.render.colors import PALETTES
from onnxplain.render.overlay import ALPHA
from onnxplain.symbolic.builder import Builder


def write_overlay(build: Builder, photo: str, values: str, display: str) -> str:
    """Lay a map over a picture.

    Parameters
    ----------
    build : Builder
        Takes the nodes.
    photo : str
        (N, H, W, 1 or 3) float32, of 0 to 255.
    values : str
        (N, H, W), scaled to [-1, 1].
    display : str
        Key of `PALETTES`.

    Returns
    -------
    str
        (N, H, W, 3) bytes.
    """
    palette = PALETTES[display]
    table = palette.table() * 255.0
    count = len(table)
    first, last = palette.part
    size = build.add("Abs", values)
    place = build.add("Mul", size, build.number(last - first))
    place = build.add("Add", place, build.number(first))
    if palette.lowest < 0:
        against = build.add("Less", values, build.number(0.0))
        mirrored = build.add("Sub", build.number(1.0), place)
        place = build.add("Where", against, mirrored, place)
    index = build.add("Mul", place, build.number(float(count)))
    index = build.add("Cast", index, to=TensorProto.INT64)
    index = build.add("Min", index, build.integer(count - 1))
    colors = build.add("Gather", build.constant(table.astype(np.float32)), index)
    twice = build.add("Mul", size, build.number(2.0))
    clear = build.add("Pow", build.number(1.0 - ALPHA), twice)
    clear = build.add("Unsqueeze", clear, build.integers(3))
    cover = build.add("Sub", build.number(1.0), clear)
    kept = build.add("Mul", photo, clear)
    blended = build.add("Add", kept, build.add("Mul", colors, cover))
    return build.add("Cast", build.add("Round", blended), to=TensorProto.UINT8)
