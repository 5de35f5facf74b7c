"""A network explained at a tensor inside of the preprocessing that its graph does itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.graph.pixel_flow import follow
from onnxplain.graph.preprocessing_chain import preprocessing_chain
from onnxplain.graph.view import TensorInfo
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.network.network import Network

FLOAT, NORMALISED = "float", "normalised"
# Darkest and brightest channel of a colour that tells the channels apart.
_DARK, _BRIGHT = 51, 153
_ROUNDING = 1e-3


def preprocessing_tensor(network: Network, name: str) -> str:
    """Return the tensor that a person means.

    Parameters
    ----------
    network : Network
        The network of the whole file.
    name : str
        ``float``: the first floating-point tensor, which holds the pixels' own values;
        ``normalised``: the last one before the network proper, after everything that
        casts, transposes, resizes or scales the picture; or the name of a tensor between.

    Raises
    ------
    UnknownNameError
        If it is no such tensor; those that are get listed.
    """
    allowed = list(_floating(network))
    if name in (FLOAT, NORMALISED) and allowed:
        return allowed[0 if name == FLOAT else -1]
    resolved = name if name in allowed else network.graph.origin.get(name, name)
    if resolved in (network.image.name, *allowed):
        return resolved
    listed = ", ".join(allowed) or "none"
    hint = f"allowed: {FLOAT}, {NORMALISED}, or a tensor of the picture itself: {listed}"
    raise UnknownNameError("tensor to explain at", name, [FLOAT, NORMALISED, *allowed], hint)


def _floating(network: Network) -> dict[str, str]:
    """Element types of the floating-point tensors that hold the picture with all its axes."""
    dtype = network.image.dtype
    found: dict[str, str] = {}
    for name in preprocessing_chain(network.graph, network.image):
        node = network.graph.producers.get(name)
        if node is not None and node.op_type == "Cast":
            dtype = onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]).name
        if dtype in ("float16", "float32", "float64") and _layout(network, name):
            found[name] = dtype
    return found


def _layout(network: Network, name: str) -> Literal["NCHW", "NHWC"] | None:
    tags = network.axes.tags.get(name)
    if tags is None:  # after channels in another order
        held = follow(network.graph, network.image).pixels.get(name)
        tags = held.roles if held is not None else None
    return "NCHW" if tags == tuple("NCHW") else "NHWC" if tags == tuple("NHWC") else None


def after_preprocessing(
    network: Network, preprocess: Preprocess, tensor: str
) -> tuple[Network, Preprocess]:
    """Cut the preprocessing off.

    Parameters
    ----------
    network : Network
        The network of the whole file.
    preprocess : Preprocess
        What it gets.
    tensor : str
        A name returned by `preprocessing_tensor`.

    Returns
    -------
    Network
        The rest, with `tensor` as its input.
    Preprocess
        How the values at `tensor` come about from pixels, so that "black" and the like have
        their meaning there.

    Raises
    ------
    MethodRefusedError
        If the values at `tensor` are not the pixels' own, scaled and shifted.
    """
    layout = _layout(network, tensor)
    assert layout is not None
    # Colours whose values at the tensor show that it is the picture, scaled and shifted.
    uneven = np.round(np.linspace(_DARK, _BRIGHT, preprocess.channels))
    seen = [_plain_at(network, preprocess, tensor, c) for c in (0, 255, uneven)]
    # The length of a resized axis is measured: inference may round it in another way.
    shape, dtype = seen[0].shape, _floating(network)[tensor]
    rows = 2 if layout == "NCHW" else 1
    size = (shape[rows], shape[rows + 1])
    # The border may be blended with something else; most places are not.
    black, white, grey = (np.median(v, axis=(0, rows, rows + 1)).astype(float) for v in seen)
    slope = (white - black) / 255
    if not (slope > 0).all() or len(slope) != len(uneven):
        raise _refuse(tensor)
    orders: dict[Literal["RGB", "BGR", "gray", "bands"], NDArray[Any]]
    orders = {"RGB": uneven, "BGR": uneven[::-1]}
    if preprocess.color in ("gray", "bands"):
        orders = {preprocess.color: uneven}
    span = _ROUNDING * np.abs(white - black).max()
    fitting = [
        k for k, pixel in orders.items() if np.abs(black + slope * pixel - grey).max() <= span
    ]
    if not fitting:
        raise _refuse(tensor)
    recipe = replace(
        preprocess,
        name=f"{preprocess.name} at {tensor}",
        layout=layout,
        dtype=dtype,
        color=fitting[0],
        scale=1.0,
        mean=tuple((-black / slope).tolist()),
        std=tuple((1 / slope).tolist()),
    )
    declared = TensorInfo(tensor, np.dtype(dtype), (network.image.batch or "N", *shape[1:]))
    if size != preprocess.size:  # the graph resizes what it was given, whatever its shape
        recipe = replace(recipe, size=size, resize="stretch", crop_fraction=1.0, resize_to=None)
    return network.cut_at(declared, layout, size), recipe


def _plain_at(network: Network, preprocess: Preprocess, tensor: str, colour: Any) -> NDArray[Any]:
    """Values of a tensor for a picture of one colour."""
    shape = (1, *preprocess.size, preprocess.channels)
    pixels = np.broadcast_to(np.asarray(colour, np.float64), shape)
    return network.ort.activations(preprocess.encode(pixels), [tensor])[tensor]


def _refuse(tensor: str) -> MethodRefusedError:
    return MethodRefusedError(
        f"tensor {tensor!r} does not hold the pixels scaled and shifted, so that black has no "
        "meaning there; explain at an earlier one, or at the input"
    )
