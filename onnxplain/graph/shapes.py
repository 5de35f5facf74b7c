"""Concrete shapes of all tensors for one picture."""

from __future__ import annotations

import math

import onnx

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.lengths import require_lengths, require_numbers
from onnxplain.graph.view import Graph

Shapes = dict[str, tuple[int, ...]]
_ON_TEXTS = frozenset(
    {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"}
)
# Small initializers may be shapes or axes, which inference has to read.
_SMALL = 1024


def infer_shapes(graph: Graph, image: ImageInput) -> Shapes:
    """Shapes that ONNX shape inference finds for a batch of one picture.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input; its open axes take its default size.

    Returns
    -------
    dict of str to tuple of int
        Only tensors whose shape could be worked out entirely.

    Raises
    ------
    ModelFileError
        If a shape is one that native code ends the process at; see `onnxplain.graph.lengths`.
    """
    light = onnx.ModelProto(
        ir_version=graph.model.ir_version, opset_import=graph.model.opset_import
    )
    light.graph.name = "shapes"
    light.graph.node.extend(n for n in graph.model.graph.node if _is_inferred(n))
    for tensor in graph.model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL:
            light.graph.initializer.append(tensor)
        else:  # only its shape matters, so its values are not copied
            info = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            light.graph.input.append(info)
    for value in graph.model.graph.input:
        if value.name == image.name:
            shape = (image.batch or 1, *image.shape[1:])
            elem_type = value.type.tensor_type.elem_type
            value = onnx.helper.make_tensor_value_info(value.name, elem_type, shape)
        if not graph.is_constant(value.name):
            light.graph.input.append(value)
    light.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(o.name) for o in graph.model.graph.output
    )
    require_lengths(light)
    try:
        inferred = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError):
        inferred = light  # then the shapes are measured instead
    values = [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]
    require_numbers(light.graph.node, values, light.graph.initializer)
    shapes = {v.name: _concrete(v) for v in values}
    return {k: v for k, v in shapes.items() if v is not None}


def _is_inferred(node: onnx.NodeProto) -> bool:
    """Whether onnx's inference is asked about a node.

    In other domains and among operators on texts it reads a missing type, and ends the process.
    """
    inner = [g for a in node.attribute for g in (a.g, *a.graphs)]
    return (
        not node.domain
        and node.op_type not in _ON_TEXTS
        and all(_is_inferred(n) for g in inner for n in g.node)
    )


def _concrete(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    if not all(d.HasField("dim_value") and d.dim_value > 0 for d in tensor.shape.dim):
        return None
    return tuple(int(d.dim_value) for d in tensor.shape.dim)
