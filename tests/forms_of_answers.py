"""Small graphs that end in different ways, and what their outputs say in ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper, parser

from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.find import find_answers
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph

SIDE = 6
BATCH = 3
# From the picture to numbers in float64, so that comparisons need no tolerance of kernels.
VECTOR = "d = Cast<to=11>(image) f = Flatten(d)"
MAPS = "d = Cast<to=11>(image) h = Transpose<perm=[0,2,3,1]>(d)"
_DEFAULTS = {
    "w1": (3 * SIDE**2, 1),
    "v1": (3 * SIDE**2, 1),
    "w2": (3 * SIDE**2, 2),
    "w3": (3 * SIDE**2, 3),
    "w4": (3 * SIDE**2, 4),
    "v4": (3 * SIDE**2, 4),
    "m1": (3, 1),
    "m2": (3, 2),
    "m5": (3, 5),
}
_NUMBERS = {
    "zero": 0.0,
    "half": 0.5,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "six": 6.0,
    "minus": -1.0,
    "hundred": 100.0,
    "forty": 40.0,
}
_LISTS = {
    "l0": [0],
    "l1": [1],
    "l2": [2],
    "l3": [3],
    "l4": [4],
    "lm1": [-1],
    "l23": [2, 3],
    "l3120": [3, 1, 0],
}


def constants() -> dict[str, np.ndarray]:
    """Weights, numbers and lists by name."""
    rng = np.random.default_rng(3)
    made: dict[str, np.ndarray] = {}
    for name, shape in _DEFAULTS.items():
        made[name] = rng.normal(size=shape) / np.sqrt(shape[0])
    made.update({n: np.array(v) for n, v in _NUMBERS.items()})
    made.update({n: np.array(v, np.int64) for n, v in _LISTS.items()})
    return made


def model(
    body: str,
    outputs: Sequence[str],
    *,
    opset: int = 17,
    batch: str | int = "N",
    extra: Mapping[str, np.ndarray] | None = None,
    side: int | tuple[int, int] = SIDE,
) -> onnx.ModelProto:
    """Make a model whose input is ``image`` [batch, 3, side, side].

    Parameters
    ----------
    body : str
        Nodes in the text form of ONNX.
    outputs : sequence of str
        As in ``"double[N,4] out"``.
    """
    height, width = (side, side) if isinstance(side, int) else side
    text = (
        f'<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1, "ai.onnx.ml" : 3]> '
        f"g (float[{batch},3,{height},{width}] image) => ({', '.join(outputs)}) {{ {body} }}"
    )
    made = parser.parse_model(text)
    known = {**constants(), **(extra or {})}
    used = {i for n in made.graph.node for i in n.input}
    for name, value in known.items():
        if name in used:
            made.graph.initializer.append(numpy_helper.from_array(value, name))
    onnx.checker.check_model(made)
    return made


@dataclass
class Opened:
    """A prepared model and what is found about its outputs."""

    graph: Graph
    shapes: Shapes
    image: ImageInput
    answers: list[Answer]

    @property
    def only(self) -> Answer:
        """The answer of the only output."""
        (answer,) = self.answers
        return answer


def opened(made: onnx.ModelProto, metadata: Mapping[str, str] | None = None) -> Opened:
    """Prepare a model and find its answers."""
    graph = prepare(made)
    image = find_image_input(graph)
    shapes = infer_shapes(graph, image)
    return Opened(graph, shapes, image, find_answers(graph, shapes, image, metadata or {}))


def pictures(made: onnx.ModelProto, batch: int = BATCH, seed: int = 0) -> np.ndarray:
    """Random input of a batch of that size, or of the size that the file insists on."""
    dims = made.graph.input[0].type.tensor_type.shape.dim
    shape = [d.dim_value or batch for d in dims]
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def values(graph: Graph, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor of the prepared graph, by ONNX Runtime without its optimisations."""
    made = onnx.ModelProto()
    made.CopyFrom(graph.model)
    del made.graph.output[:]
    names = [n for n in graph.tensor_names() if n not in {i.name for i in graph.inputs}]
    made.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(made.SerializeToString(), options, ["CPUExecutionProvider"])
    name = graph.inputs[0].name
    return {name: picture, **dict(zip(names, session.run(names, {name: picture}), strict=True))}


def file_says(made: onnx.ModelProto, picture: np.ndarray) -> list[np.ndarray]:
    """Outputs of the file itself, unprepared."""
    session = ort.InferenceSession(made.SerializeToString(), None, ["CPUExecutionProvider"])
    return session.run(None, {"image": picture})
