"""What a graph output answers, with ranks and labels followed back to their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from onnxplain.graph.answers import doubts
from onnxplain.graph.answers.answer import Answer, TaskName
from onnxplain.graph.answers.batch import BatchAxes
from onnxplain.graph.answers.class_axis import ClassAxis, one_view
from onnxplain.graph.answers.front import Front, front_of
from onnxplain.graph.answers.groups import group_ids, group_size
from onnxplain.graph.answers.part import Part
from onnxplain.graph.answers.pictures import as_picture
from onnxplain.graph.answers.places import View
from onnxplain.graph.answers.tensor_reader import TensorReader
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph
from onnxplain.targets.reading import Piece, Reading


class Interpreter:
    """Answers of the outputs of one graph.

    Parameters
    ----------
    graph, shapes, image
        The prepared graph, concrete shapes, the explained input.
    metadata : mapping of str to str
        Of the model file.
    """

    def __init__(
        self, graph: Graph, shapes: Shapes, image: ImageInput, metadata: Mapping[str, str]
    ) -> None:
        self.tracer = Tracer(graph, shapes)
        self.batches = BatchAxes(graph, self.tracer.shapes, image)
        self.axes = ClassAxis(self.tracer, image)
        self.image, self.metadata = image, metadata

    def answer(self, output: str) -> Answer:
        """Return what a graph output answers."""
        front = front_of(self.tracer, output)
        tensor = front.tensor
        if tensor not in self.tracer.shapes:
            return self.opaque(output, "unknown", "a shape that depends on values", doubts.OPAQUE)
        if self.image.name not in self.tracer.graph.ancestors(tensor):
            return self.opaque(output, "unknown", "nothing of the picture in it", doubts.OPAQUE)
        if self.batches.size > 1 and not self.batches.of(tensor).clear:
            what = f"a batch of {self.batches.size} inputs shares an axis with other numbers"
            return self.opaque(output, "unknown", what, doubts.OPAQUE)
        parts = self.tracer.parts(tensor)
        if all(p.kind in ("select", "constant") for p in parts) or self._whole_numbers(tensor):
            if all(p.kind == "constant" for p in parts):
                return self.opaque(output, "unknown", "a constant", doubts.OPAQUE)
            return self.opaque(output, "unknown", "whole numbers without scores", doubts.NUMBERS)
        pair = self._other_column(tensor, parts)
        if pair is not None:
            notes = (*front.notes, *parts[0].notes, "one of two classes (the other is 1 - p)")
            front = Front(pair, notes)
            parts = self.tracer.parts(pair)
        found = TensorReader(self.tracer, self.batches, self.metadata, self.view, front).answer()
        steps = parts[0].notes if len(parts) == 1 else ()
        notes = tuple(dict.fromkeys((*front.notes, *steps)))
        return as_picture(replace(found, output=output, followed=notes), self.image)

    def opaque(self, output: str, task: TaskName, evidence: str, doubt: str = "") -> Answer:
        """An answer that is read as it is, such as boxes."""
        view = self.view(output)
        if view is None:
            raw = Reading((Piece(output),))
            return Answer(output, task, raw, None, None, (), 0, (), evidence, doubt)
        return Answer(
            output, task, view.whole(), None, None, view.shape, view.axis, (), evidence, doubt
        )

    def view(self, tensor: str, axis: int | None = None) -> View | None:
        """One input's view of a tensor, or ``None`` if its shape is not known."""
        full = self.tracer.shapes.get(tensor)
        if full is None:
            return None
        batch_axis = self.batches.of(tensor).axis
        if axis is None:
            axis = self.axes.by_channels(tensor)
        if axis is None:
            axis = self.axes.by_habit(tensor, batch_axis)
        return one_view(tensor, full, batch_axis, axis)

    def _whole_numbers(self, tensor: str) -> bool:
        """Whether an output of integers holds no scores."""
        info = next((o for o in self.tracer.graph.outputs if o.name == tensor), None)
        whole = info is not None and info.dtype.kind in "iub"
        return whole and all(p.kind in ("raw", "bounded") for p in self.tracer.parts(tensor))

    def _other_column(self, tensor: str, parts: tuple[Part, ...]) -> str | None:
        """The Softmax over two classes of which a tensor holds one."""
        part = parts[0]
        if len(parts) > 1 or part.kind not in ("softmax", "log-softmax") or part.slots is not None:
            return None
        anchor = part.anchor
        if anchor.flat is None or not part.plain or group_size(self.tracer.shapes, part) != 2:
            return None
        ids = group_ids(self.tracer.shapes, part)
        whole = int(np.prod(self.tracer.shapes[anchor.tensor])) // 2
        alone = len(np.unique(ids)) == len(ids) == whole
        return anchor.tensor if alone and self.batches.of(anchor.tensor).clear else None
