"""Shapes of graph outputs for one input, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass

from onnxplain.graph.answers.batch import BatchAxes
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput


@dataclass(frozen=True)
class OutputShape:
    """Shape of a graph output.

    Attributes
    ----------
    name : str
        The output.
    one : tuple of (int or None) or None
        Lengths of one input's axes; ``None`` where a length depends on values.
    batch_axis : int or None
        Where inputs stand.
    floating : bool
        Whether it holds fractions.
    """

    name: str
    one: tuple[int | None, ...] | None
    batch_axis: int | None
    floating: bool

    @property
    def known(self) -> tuple[int, ...] | None:
        """Lengths of one input's axes if all are known."""
        if self.one is None or any(n is None for n in self.one):
            return None
        return tuple(n for n in self.one if n is not None)

    @property
    def squeezed(self) -> tuple[int | None, ...] | None:
        """Lengths of one input's axes without those of length one, but for two that are left."""
        one = self.one
        while one is not None and len(one) > 2 and 1 in one:
            at = one.index(1)
            one = one[:at] + one[at + 1 :]
        return one


def output_shapes(tracer: Tracer, batches: BatchAxes, image: ImageInput) -> list[OutputShape]:
    """Return the shapes of all outputs."""
    first = next((i for i in tracer.graph.inputs if i.name == image.name), None)
    batch = first.shape[0] if first is not None and first.shape else None
    found = []
    for info in tracer.graph.outputs:
        floating = info.dtype.kind == "f" or info.dtype.name == "bfloat16"
        full: tuple[int | str | None, ...] | None = tracer.shapes.get(info.name)
        if full is not None:
            axis = batches.of(info.name).axis
        else:
            full, axis = info.shape, None
            if full and (full[0] == batch or full[0] == batches.size):
                axis = 0
        one = None
        if full is not None:
            one = tuple(
                n if isinstance(n, int) and n > 0 else None for k, n in enumerate(full) if k != axis
            )
        found.append(OutputShape(info.name, one, axis, floating))
    return found
