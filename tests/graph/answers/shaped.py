"""Models whose outputs have given shapes, and what the detectors among them are told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from heads import model

from onnxplain.graph.answers.batch import BatchAxes
from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.output_shapes import OutputShape, output_shapes
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import infer_shapes

Shape = tuple[int, ...]


def outputs_of_shapes(
    shapes: Mapping[str, Shape],
    size: tuple[int, int],
    activations: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Make a model with outputs of these shapes behind the batch."""
    rng = np.random.default_rng(0)
    nodes, extra = ["pooled = ReduceMean<axes=[2,3], keepdims=0>(image)"], {}
    for name, shape in shapes.items():
        extra[f"w_{name}"] = rng.normal(size=(3, int(np.prod(shape)))).astype(np.float32)
        extra[f"s_{name}"] = np.array([-1, *shape])
        nodes.append(f"m_{name} = MatMul(pooled, w_{name})")
        final = (activations or {}).get(name)
        if final is None:
            nodes.append(f"{name} = Reshape(m_{name}, s_{name})")
        else:
            nodes.append(f"z_{name} = Reshape(m_{name}, s_{name}) {name} = {final}(z_{name})")
    declared = [f"float[{','.join(map(str, ('N', *s)))}] {n}" for n, s in shapes.items()]
    return model(" ".join(nodes), declared, extra=extra, side=size)


@dataclass(frozen=True)
class Traced:
    """A prepared model, its tracer, and the shapes of its outputs."""

    tracer: Tracer
    batches: BatchAxes
    image: ImageInput
    outputs: list[OutputShape]

    def seen(self, names: int = 0) -> Seen:
        """Return what is known where all outputs belong to a detector."""
        return Seen(self.tracer, self.image, tuple(self.outputs), names)


def traced(made: onnx.ModelProto) -> Traced:
    """Prepare a model, and look at its outputs."""
    graph = prepare(made)
    image = find_image_input(graph)
    tracer = Tracer(graph, infer_shapes(graph, image))
    batches = BatchAxes(graph, tracer.shapes, image)
    return Traced(tracer, batches, image, output_shapes(tracer, batches, image))
