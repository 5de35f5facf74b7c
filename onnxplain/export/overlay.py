"""The picture with a map laid over it, in ONNX nodes; see `onnxplain.render.colors`."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from onnxplain.render.colors import ALPHA, LUMA, PALETTES
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
    last = len(palette.table) - 1
    unit = last / (1.0 - palette.lowest)
    place = build.add("Mul", values, build.number(unit))
    place = build.add("Add", place, build.number(-palette.lowest * unit))
    index = build.add("Cast", build.add("Round", place), to=TensorProto.INT64)
    index = build.add("Min", build.add("Max", index, build.integer(0)), build.integer(last))
    table = palette.table * (255.0 * ALPHA)
    colors = build.add("Gather", build.constant(table.astype(np.float32)), index)
    kept = build.add("Mul", _grey(build, photo), build.number(1.0 - ALPHA))
    blended = build.add("Add", kept, colors)
    return build.add("Cast", build.add("Round", blended), to=TensorProto.UINT8)


def _grey(build: Builder, photo: str) -> str:
    """Luma in one channel; exact, since the products of bytes and weights fit float32."""
    # One channel becomes three by broadcasting, and one again: the weights sum to 1.
    weights = build.constant((np.array(LUMA) / 65536).astype(np.float32))
    luma = build.reduce("ReduceSum", build.add("Mul", photo, weights), (3,))
    return build.add("Floor", build.add("Add", luma, build.number(0.5)))
