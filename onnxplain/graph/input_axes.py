"""Which axis of an input of rank four holds the channels, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.channel_evidence import ChannelEvidence, channel_evidence
from onnxplain.graph.view import Graph, TensorInfo

AXIS_OF_CHANNELS: dict[str, int] = {"NCHW": 1, "NHWC": 3}
# Channels of grey and of colour pictures.
COLOURS = (1, 3)
_LAYOUTS: dict[int, Literal["NCHW", "NHWC"]] = {1: "NCHW", 3: "NHWC"}
_RANK = 4


@dataclass(frozen=True)
class InputAxes:
    """How the axes of an input are meant.

    Attributes
    ----------
    layout : {"NCHW", "NHWC"}
        Axis order.
    channels : int
        Number of channels.
    proven : bool
        Whether an operator names them.
    origin : str
        Where that is known from.
    """

    layout: Literal["NCHW", "NHWC"]
    channels: int
    proven: bool
    origin: str


def input_axes(
    graph: Graph, info: TensorInfo, layout: str | None, channels: int | None
) -> InputAxes | None:
    """Tell the axes of an input.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    info : TensorInfo
        The input.
    layout : str, optional
        What the user or the preprocessing says; it is believed unless an operator or the
        declared number of channels contradicts.
    channels : int, optional
        How many channels the preprocessing gives.

    Returns
    -------
    InputAxes or None
        ``None`` if the input is no picture, or nothing tells its axes.

    Raises
    ------
    UnsupportedModelError
        If file and operators contradict each other.
    """
    if info.shape is None or len(info.shape) != _RANK or info.dtype.kind not in "fiu":
        return None
    lengths = info.lengths
    evidence = channel_evidence(graph, info.name, lengths)
    if evidence is not None and evidence.axis not in _LAYOUTS:
        evidence = None
    if layout is not None:
        axis, because = AXIS_OF_CHANNELS.get(layout), "layout as given"
        sure = evidence is not None and evidence.sure
        if axis is None or (sure and evidence is not None and evidence.axis != axis):
            return None
        if channels not in (None, lengths[axis]) and lengths[4 - axis] == channels:
            return None
    else:
        axis, because = _chosen(graph, info, evidence, channels)
        if axis is None:
            return None
    known = lengths[axis]
    if evidence is not None and evidence.axis == axis:
        if known is not None and evidence.sure and evidence.channels != known:
            raise UnsupportedModelError(
                f"input {info.name!r} declares {known} channels, but {evidence.node} reads "
                f"{evidence.channels}; the file contradicts itself"
            )
        if known is None:
            text = f"{because}, channels from {evidence.node}"
            return InputAxes(_LAYOUTS[axis], evidence.channels, evidence.sure, text)
    if known is not None:
        proven = evidence is not None and evidence.sure
        return InputAxes(_LAYOUTS[axis], known, proven, f"{because}, channels as declared")
    if channels is not None:
        text = f"{because}, channels as the preprocessing gives them"
        return InputAxes(_LAYOUTS[axis], channels, False, text)
    return None


def _chosen(
    graph: Graph, info: TensorInfo, evidence: ChannelEvidence | None, channels: int | None
) -> tuple[int | None, str]:
    """Axis of the channels, and how it is known."""
    if evidence is not None and evidence.sure:
        return evidence.axis, f"layout from {evidence.node}"
    axis = _colour_axis(graph, info)
    if axis is None and evidence is not None:
        return evidence.axis, f"layout from {evidence.node}"
    axis = axis or _axis_by_shape(info.lengths, channels)
    return axis, "layout from the declared shape"


def _colour_axis(graph: Graph, info: TensorInfo) -> int | None:
    colours = [axis for axis in _LAYOUTS if info.lengths[axis] in COLOURS]
    if len(colours) == 2:
        # Both ends look like channels, as in [N, 1, W, 3]; an early Transpose decides.
        readers = graph.consumers.get(info.name, ())
        moved = any(
            n.op_type == "Transpose" and n.attributes.get("perm") == [0, 3, 1, 2] for n in readers
        )
        return 3 if moved else 1
    return colours[0] if colours else None


def _axis_by_shape(lengths: Sequence[int | None], channels: int | None) -> int | None:
    fitting = [axis for axis in _LAYOUTS if lengths[axis] is not None and lengths[axis] == channels]
    if len(fitting) == 1:
        return fitting[0]
    # Pictures have more rows and columns than channels.
    fewer = []
    for axis in _LAYOUTS:
        length, places = lengths[axis], [lengths[k] for k in ((2, 3) if axis == 1 else (1, 2))]
        if length is not None and all(p is None or length < p for p in places):
            fewer.append(axis)
    return fewer[0] if len(fewer) == 1 else None
