"""Find the picture among the inputs of a graph: its layout, channels and size."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.held import require_held
from onnxplain.graph.input_axes import AXIS_OF_CHANNELS, COLOURS, InputAxes, input_axes
from onnxplain.graph.unbatched import lost_batch
from onnxplain.graph.view import Graph, TensorInfo

DEFAULT_SIZE = 224
_WRITE_SIZE = "set `size` in the preprocessing, or --size HxW"


@dataclass(frozen=True)
class ImageInput:
    """The graph input that takes the picture.

    Attributes
    ----------
    name : str
        Tensor name.
    dtype : str
        Element type.
    layout : {"NCHW", "NHWC"}
        Axis order.
    channels : int
        1 for grey and 3 for colour pictures; any other number for other bands.
    size : (int, int)
        Height and width; 224 where the file leaves them open.
    batch : int or None
        The batch size the file insists on; ``None`` if it is free.
    free_size : bool
        Whether the file leaves height or width open.
    others : tuple of str
        Further inputs, which have to be bound when the model is loaded.
    origin : str
        Where layout, channels and size come from.
    assumed_size : bool
        Whether height or width is nobody's word but the default.
    """

    name: str
    dtype: str
    layout: Literal["NCHW", "NHWC"]
    channels: int
    size: tuple[int, int]
    batch: int | None
    free_size: bool
    others: tuple[str, ...] = ()
    origin: str = ""
    assumed_size: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of one picture as a tensor."""
        height, width = self.size
        if self.layout == "NCHW":
            return (1, self.channels, height, width)
        return (1, height, width, self.channels)

    @property
    def spatial(self) -> tuple[int, int]:
        """Axes of height and width in one input without its batch axis."""
        return (1, 2) if self.layout == "NCHW" else (0, 1)


def find_image_input(
    graph: Graph,
    *,
    name: str | None = None,
    layout: str | None = None,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    bound: Collection[str] = (),
    usual_size: tuple[tuple[int, int], str] | None = None,
) -> ImageInput:
    """Find the input of rank four that holds a picture.

    One of as many channels as the preprocessing gives comes first, then one of 1 or 3, then
    one whose channels a convolution names, then one whose shape leaves no other choice.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    name : str, optional
        The input to explain, if there are several.
    layout : {"NCHW", "NHWC"}, optional
        Overrides what the shape suggests.
    size : (int, int), optional
        Height and width to use where the file leaves them open.
    channels : int, optional
        How many channels the preprocessing gives.
    bound : collection of str
        Inputs that have a value, so that none of them is the picture.
    usual_size : ((int, int), str), optional
        Height and width where neither the file nor `size` gives them, and who says so.

    Raises
    ------
    UnknownNameError
        If there is no input `name`.
    UnsupportedModelError
        If no input can hold a picture, nothing says how its axes are meant, or it is larger
        than a budget allows.
    UsageError
        If `layout` or `size` contradicts the file.
    """
    infos = {i.name: i for i in graph.inputs}
    if name in graph.left_out.inputs:
        raise UsageError(
            f"the explained output {graph.left_out.explained!r} does not depend on input {name!r}; "
            f"it depends on {', '.join(map(repr, infos))}; choose another with --output"
        )
    if name is not None and name not in infos:
        raise UnknownNameError("input", name, infos, f"inputs: {', '.join(infos)}")
    free = [i for i in infos.values() if i.name not in bound]
    candidates = free if name is None else [infos[name]]
    fits = [(i, input_axes(graph, i, layout, channels)) for i in candidates]
    readable = [(i, axes) for i, axes in fits if axes is not None]
    if readable:
        info, axes = min(
            readable, key=lambda fit: _rank(fit[1], channels)
        )  # the first one of equals
        others = tuple(n for n in infos if n != info.name)
        return _image_input(graph, info, axes, size, others, usual_size)
    listed = ", ".join(f"{i.name} {i.dtype} {list(i.shape or ())}" for i in infos.values())
    if layout is not None:
        other = (input_axes(graph, info, None, channels) for info in candidates)
        fitting = next((axes.layout for axes in other if axes), None)
        if fitting is not None or layout not in AXIS_OF_CHANNELS:
            suggested = f"; the file suggests {fitting}" if fitting else ""
            raise UsageError(f"layout {layout!r} does not fit the inputs {listed}{suggested}")
    unclear = next((i.name for i in candidates if i.dtype.kind in "fiu" and _rank_of(i) == 4), "")
    if unclear:
        raise UnsupportedModelError(
            f"nothing says which axis of input {unclear!r} holds the channels, or how many there "
            "are: give --layout and a --preprocess file with one mean and std for each channel; "
            f"inputs: {listed}"
        )
    raise UnsupportedModelError(
        "no input looks like an image (rank four, as [batch, channels, height, width] or "
        "[batch, height, width, channels], or rank three without a batch); "
        f"inputs: {listed or 'none'}"
    )


def _rank_of(info: TensorInfo) -> int:
    return len(info.shape or ())


def _rank(axes: InputAxes, channels: int | None) -> tuple[bool, int]:
    kind = 0 if axes.channels in COLOURS else 1 if axes.proven else 2
    return (channels is not None and axes.channels != channels, kind)


def _image_input(
    graph: Graph,
    info: TensorInfo,
    axes: InputAxes,
    size: tuple[int, int] | None,
    others: tuple[str, ...],
    usual_size: tuple[tuple[int, int], str] | None,
) -> ImageInput:
    assert info.shape is not None
    first = 2 if axes.layout == "NCHW" else 1
    declared = info.shape[first : first + 2]
    free = not all(isinstance(d, int) and d > 0 for d in declared)
    default, said = usual_size or ((DEFAULT_SIZE, DEFAULT_SIZE), "")
    height, width = (
        d if isinstance(d, int) and d > 0 else (size or default)[i] for i, d in enumerate(declared)
    )
    if min(height, width) < 1:
        raise UsageError(f"size {height} x {width} is out of range; {_WRITE_SIZE}")
    if size is not None and tuple(size) != (height, width):
        raise UsageError(
            f"input {info.name!r} has the fixed size {height} x {width}, "
            f"preprocessing or --size gives {size[0]} x {size[1]}; correct `size` or --size"
        )
    batch = info.shape[0] if isinstance(info.shape[0], int) and info.shape[0] > 0 else None
    numbers = math.prod((batch or 1, axes.channels, height, width))
    require_held(f"input {info.name!r}", (height, width), numbers)
    origin = axes.origin
    if free:
        whose = "as given" if size else f"from {said}" if said else "because no size is given"
        origin += f"; {height} x {width} pixels {whose}"
    if lost_batch(graph, info.name):
        origin += "; the file has no batch axis and takes one picture at a time"
    return ImageInput(
        info.name,
        info.dtype.name,
        axes.layout,
        axes.channels,
        (height, width),
        batch,
        free,
        others,
        origin,
        free and size is None and usual_size is None,
    )


def size_warning(image: ImageInput) -> str:
    """Say that nobody gave the size of the picture; empty if somebody did."""
    if not image.assumed_size:
        return ""
    height, width = image.size
    return (
        f"the file leaves height and width of input {image.name!r} open: {height} x {width} is "
        f"used; {_WRITE_SIZE}"
    )
