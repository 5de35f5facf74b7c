"""Channels of a tensor inside the network: which ones carry relevance, which ones may."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.network.network import Network


def channel_axis(network: Network, tensor: str) -> int:
    """Position of the channels among the axes of a tensor.

    Raises
    ------
    MethodRefusedError
        If it is not known.
    """
    tags, shape = network.axes.tags.get(tensor, ()), network.shapes.get(tensor, ())
    if "C" in tags:
        return tags.index("C")
    if len(shape) == 2:
        return 1
    raise MethodRefusedError(
        f"tensor {tensor!r} of shape {list(shape)} has no axis that is known to hold channels; "
        "name a feature map, a stream of tokens or a vector (`inspect` lists layers)"
    )


def channel_mask(
    network: Network, tensor: str, channels: str | int | list[int]
) -> NDArray[np.float64]:
    """One for the channels named, zero for all others, broadcastable to the tensor.

    Parameters
    ----------
    network : Network
        The model.
    tensor : str
        ONNX tensor name.
    channels : str, int or list of int
        Indices, as text separated by commas.

    Raises
    ------
    UsageError
        If an index is out of range or no number.
    """
    axis, shape = channel_axis(network, tensor), network.shapes[tensor]
    count = shape[axis]
    words = re.split(r"[,\s]+", str(channels).strip("[]() "))
    mask = np.zeros(count)
    for word in words:
        if not re.fullmatch(r"\d+", word) or int(word) >= count:
            raise UsageError(
                f"channel {word!r} of tensor {tensor!r} is not one of 0..{count - 1}; "
                "give indices separated by commas"
            )
        mask[int(word)] = 1.0
    return mask.reshape([count if k == axis else 1 for k in range(len(shape))])


def channel_sums(network: Network, tensor: str, relevance: NDArray[Any]) -> NDArray[np.float64]:
    """Relevance of each channel, summed over places, as an (N, C) array."""
    moved = np.moveaxis(relevance, channel_axis(network, tensor), 1)
    return moved.reshape(*moved.shape[:2], -1).sum(axis=2, dtype=np.float64)


def top_channels(sums: NDArray[Any], count: int = 5) -> list[tuple[int, float, float]]:
    """List the channels that carry most relevance, of either sign.

    Parameters
    ----------
    sums : (C,) array
        Relevance of each channel.
    count : int
        At most this many are returned.

    Returns
    -------
    list of (int, float, float)
        Channel, its relevance, and that as a share of the sum of magnitudes.
    """
    order = np.argsort(-np.abs(sums), kind="stable")[:count]
    total = float(np.abs(sums).sum()) or 1.0
    return [(int(k), float(sums[k]), float(sums[k]) / total) for k in order]
