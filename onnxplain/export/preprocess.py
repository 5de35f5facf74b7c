"""The preprocessing of a model in ONNX nodes, from bytes and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from onnxplain.errors import UsageError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.symbolic.builder import Builder

# Weights of red, green and blue in a grey level, of 2^16: Pillow's, after ITU-R 601-2.
_GREY, _WHOLE = (19595, 38470, 7471), 1 << 16
_BLUE_FIRST = (2, 1, 0)


def picture_channels(recipe: Preprocess) -> int:
    """Channels of the pixels that a file takes: the bands, or red, green and blue."""
    return recipe.channels if recipe.takes_bands else 3


def require_bytes(recipe: Preprocess) -> None:
    """Check that pixels of 8 bits can become the model's input, and are not so already.

    Raises
    ------
    UsageError
        If not.
    """
    if recipe.takes_bands and recipe.white not in (None, 255.0):
        raise UsageError(
            f"preprocess {recipe.name!r} takes bands up to {recipe.white:g}, which do not fit "
            "into uint8; leave --uint8 out"
        )
    plain = np.arange(256)[None]
    as_it_is = recipe.dtype == "uint8" and (table(recipe) == plain).all()
    if as_it_is and recipe.layout == "NHWC" and recipe.color in ("RGB", "bands"):
        raise UsageError("the model takes uint8 pictures as they are; leave --uint8 out")


def table(recipe: Preprocess) -> NDArray[np.generic]:
    """The model's input for each byte, (C, 256), as `Preprocess.encode` computes it."""
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], recipe.channels, axis=1)
    made = recipe.encode(levels[None, None])
    return np.ascontiguousarray(
        made.reshape(recipe.channels, 256) if recipe.layout == "NCHW" else made[0, 0].T
    )


def write_seen(build: Builder, recipe: Preprocess, picture: str) -> str:
    """Pixels as the model sees them, (N, H, W, C) bytes: grey ones of grey models."""
    if recipe.color != "gray":
        return picture
    weights = build.constant(np.array(_GREY, np.int32))
    parts = build.add("Mul", build.add("Cast", picture, to=TensorProto.INT32), weights)
    whole = build.reduce("ReduceSum", parts, [3])
    whole = build.add("Add", whole, build.constant(np.array(_WHOLE // 2, np.int32)))
    grey = build.add("Div", whole, build.constant(np.array(_WHOLE, np.int32)))
    return build.add("Cast", grey, to=TensorProto.UINT8)


def write_input(build: Builder, recipe: Preprocess, seen: str, name: str) -> None:
    """Write the model's input, under its name.

    Each byte is looked up, so that the numbers are those of the preprocessing in every bit.
    """
    if recipe.color == "BGR":
        seen = build.add("Gather", seen, build.integers(*_BLUE_FIRST), axis=3)
    if recipe.layout == "NCHW":
        # Of bytes, in front of the table: ONNX Runtime cannot push it into the network from here.
        seen = build.add("Transpose", seen, perm=[0, 3, 1, 2])
    index = build.add("Cast", seen, to=TensorProto.INT32)
    values = table(recipe)
    if (values == values[0]).all():
        values = values[0]
    else:
        starts = 256 * np.arange(recipe.channels, dtype=np.int32)
        wide = starts.reshape(-1, 1, 1) if recipe.layout == "NCHW" else starts
        index = build.add("Add", index, build.constant(wide))
    flat = build.constant(values.reshape(-1))
    build.nodes.append(helper.make_node("Gather", [flat, index], [name], build.fresh("Gather")))


def write_levels(build: Builder, recipe: Preprocess, x: str) -> str:
    """Undo the preprocessing: (N, H, W, C) whole numbers of 0 to 255, as float32."""
    values = build.add("Cast", x, to=TensorProto.FLOAT)
    if recipe.layout == "NCHW":
        values = build.add("Transpose", values, perm=[0, 2, 3, 1])
    factor, shift = (np.asarray(v) / recipe.scale for v in (recipe.std, recipe.mean))
    values = build.add("Mul", values, build.constant(factor.astype(np.float32)))
    values = build.add("Add", values, build.constant(shift.astype(np.float32)))
    if recipe.color == "BGR":
        values = build.add("Gather", values, build.integers(*_BLUE_FIRST), axis=3)
    rounded = build.add("Round", values)
    return build.add("Clip", rounded, build.number(0.0), build.number(255.0))


def write_shown(build: Builder, recipe: Preprocess, seen: str) -> str:
    """The channels that a person is shown, (N, H, W, 1 or 3) float32."""
    if recipe.takes_bands:
        seen = build.add("Gather", seen, build.integers(*recipe.shown_channels), axis=3)
    return build.add("Cast", seen, to=TensorProto.FLOAT)
