"""Which axis of the explained output holds the classes, and which ones hold places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.graph.axes import Axes
from onnxplain.graph.head import Head
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes

_RANK_OF_MAPS = 4


@dataclass(frozen=True)
class OutputAxes:
    """The axes of class scores.

    Attributes
    ----------
    tensor : str
        The tensor in front of the final activation.
    shape : tuple of int
        Its shape without the batch.
    axis : int
        Axis of the classes, counted with the batch; 1 if there is one score vector.
    classes : int
        Number of classes K.
    places : tuple of int
        Lengths of all other axes of a dense output; empty if there is one score vector.
    """

    tensor: str
    shape: tuple[int, ...]
    axis: int
    classes: int
    places: tuple[int, ...] = ()

    def by_class(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Rows of K scores, one for each input and place, from the values of the output."""
        if self.places:
            values = np.moveaxis(values, self.axis, -1)
        return values.reshape(-1, self.classes).astype(np.float64)

    def position(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Check a position that a person gave.

        Parameters
        ----------
        given : tuple of int
            One index for each axis of `places`, or for each of those longer than one.

        Returns
        -------
        tuple of int
            One index for each axis of `places`; empty if there is one score vector.

        Raises
        ------
        UsageError
            If a dense output lacks a position, another one has it, or it is out of range.
        """
        shape = f"[batch, {', '.join(map(str, self.shape))}]"
        if not self.places:
            if given:
                raise UsageError(
                    f"output {self.tensor!r} of shape {shape} has one score for each class and no "
                    "places; drop the position"
                )
            return ()
        longer = [n for n in self.places if n > 1]
        wanted = "ROW,COLUMN" if len(longer) == 2 else f"{len(longer)} numbers"
        if not given:
            middle = ",".join(str(n // 2) for n in longer)
            raise UsageError(
                f"output {self.tensor!r} of shape {shape} is dense: say which place is explained "
                f"({wanted}), for example --target top-1@{middle}, or name another output with "
                "--output"
            )
        if len(given) == len(longer) != len(self.places):
            rest = iter(given)
            given = tuple(next(rest) if n > 1 else 0 for n in self.places)
        inside = len(given) == len(self.places) and all(
            0 <= p < n for p, n in zip(given, self.places, strict=True)
        )
        if not inside:
            sizes = " x ".join(map(str, longer))
            raise UsageError(
                f"position {','.join(map(str, given))} is not possible: output {self.tensor!r} "
                f"has {sizes} places ({wanted}, counted from 0)"
            )
        return given


def output_axes(head: Head, shapes: Shapes, axes: Axes, image: ImageInput) -> OutputAxes:
    """Tell the axis of the classes from those of the places.

    In a dense output the classes are on the axis of the final Softmax; without one, on the
    axis that the graph marks as channels; without such a mark, where the image has its
    channels (four axes) or on the last axis.

    Parameters
    ----------
    head : Head
        The output.
    shapes, axes
        Concrete shapes and axis meanings of the graph.
    image : ImageInput
        The explained input.

    Raises
    ------
    UnsupportedModelError
        If the output has no axis beside the batch.
    """
    if head.logits not in shapes:
        raise UnsupportedModelError(
            f"output {head.output!r} is no tensor that is computed; name another one with --output"
        )
    shape = shapes[head.logits]
    if len(shape) < 2:
        raise UnsupportedModelError(
            f"output {head.output!r} has shape {list(shape)} and no axis of classes; name another "
            "one with --output"
        )
    if sum(d != 1 for d in shape[1:]) <= 1:
        return OutputAxes(head.logits, shape[1:], 1, int(np.prod(shape[1:])))
    axis = _class_axis(head, axes, image, len(shape))
    places = tuple(d for k, d in enumerate(shape) if k not in (0, axis))
    return OutputAxes(head.logits, shape[1:], axis, shape[axis], places)


def _class_axis(head: Head, axes: Axes, image: ImageInput, rank: int) -> int:
    if head.kind in ("softmax", "log-softmax"):
        return int(head.stripped[0].attributes.get("axis", -1)) % rank
    tags = axes.tags.get(head.logits, ())
    if tags.count("C") == 1 and len(tags) == rank and tags[0] == "N":
        return tags.index("C")
    return image.layout.index("C") if rank == _RANK_OF_MAPS else rank - 1
