"""Find the picture among the inputs of a graph: its layout, channels and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.view import Graph, TensorInfo

DEFAULT_SIZE = 224
_CHANNELS = (1, 3)


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
        1 or 3.
    size : (int, int)
        Height and width; 224 where the file leaves them open.
    batch : int or None
        The batch size the file insists on; ``None`` if it is free.
    free_size : bool
        Whether the file leaves height or width open.
    others : tuple of str
        Further inputs, which have to be bound when the model is loaded.
    """

    name: str
    dtype: str
    layout: Literal["NCHW", "NHWC"]
    channels: int
    size: tuple[int, int]
    batch: int | None
    free_size: bool
    others: tuple[str, ...] = ()

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
) -> ImageInput:
    """Find the input of rank four with 1 or 3 channels.

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

    Raises
    ------
    UnknownNameError
        If there is no input `name`.
    UnsupportedModelError
        If no input can hold a picture.
    UsageError
        If `layout` or `size` contradicts the file.
    """
    infos = {i.name: i for i in graph.inputs}
    if name in graph.left_out.inputs:
        raise UsageError(
            f"output {graph.left_out.explained!r}, which is explained, does not depend on input "
            f"{name!r}; it depends on {', '.join(map(repr, infos))}; choose another with --output"
        )
    if name is not None and name not in infos:
        raise UnknownNameError("input", name, infos, f"inputs: {', '.join(infos)}")
    candidates = [infos[name]] if name is not None else list(infos.values())
    for info in candidates:
        found = _layout(graph, info, layout)
        if found is not None:
            others = tuple(n for n in infos if n != info.name)
            return _image_input(info, found, size, others)
    listed = ", ".join(f"{i.name} {i.dtype} {list(i.shape or ())}" for i in infos.values())
    if layout is not None:
        fitting = next((fit for info in candidates if (fit := _layout(graph, info, None))), None)
        if fitting is not None:
            raise UsageError(
                f"layout {layout!r} does not fit the inputs {listed}; the file suggests {fitting}"
            )
    raise UnsupportedModelError(
        "no input looks like an image (rank four with 1 or 3 channels, as [batch, channels, "
        f"height, width] or [batch, height, width, channels]); inputs: {listed or 'none'}"
    )


def _layout(graph: Graph, info: TensorInfo, wanted: str | None) -> str | None:
    shape = info.shape
    if shape is None or len(shape) != 4 or info.dtype.kind not in "fiu":
        return None
    fits = [lay for lay, axis in (("NCHW", 1), ("NHWC", 3)) if shape[axis] in _CHANNELS]
    if wanted is not None:
        return wanted if wanted in fits else None
    if len(fits) == 2:
        # Both ends look like channels, as in [N, 1, W, 3]; an early Transpose decides.
        readers = graph.consumers.get(info.name, ())
        moved = any(
            n.op_type == "Transpose" and n.attributes.get("perm") == [0, 3, 1, 2] for n in readers
        )
        return "NHWC" if moved else "NCHW"
    return fits[0] if fits else None


def _image_input(
    info: TensorInfo, layout: str, size: tuple[int, int] | None, others: tuple[str, ...]
) -> ImageInput:
    assert info.shape is not None
    rows, columns, channel = (2, 3, 1) if layout == "NCHW" else (1, 2, 3)
    declared = [info.shape[rows], info.shape[columns]]
    free = not all(isinstance(d, int) and d > 0 for d in declared)
    height, width = (
        d if isinstance(d, int) and d > 0 else (size[i] if size else DEFAULT_SIZE)
        for i, d in enumerate(declared)
    )
    if size is not None and tuple(size) != (height, width):
        raise UsageError(
            f"input {info.name!r} has the fixed size {height} x {width}, "
            f"preprocessing gives {size[0]} x {size[1]}; correct `size` in the preprocess file"
        )
    batch = info.shape[0] if isinstance(info.shape[0], int) and info.shape[0] > 0 else None
    channels = info.shape[channel]
    assert isinstance(channels, int)
    return ImageInput(
        info.name,
        info.dtype.name,
        layout,  # type: ignore[arg-type]
        channels,
        (height, width),
        batch,
        free,
        others,
    )
