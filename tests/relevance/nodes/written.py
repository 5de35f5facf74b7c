"""Models with the relevance that the rules write, run in float64 by the standard's evaluator."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.nodes.propagate import write_relevance
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import measure_facts
from onnxplain.symbolic.opset import with_recent_opset
from tests.symbolic.written import in_double, on_ort, run, values_of

START = "relevance"


def written(
    proto: onnx.ModelProto, x: np.ndarray, rules: Composite, name: str = "image", start: str = ""
):
    """The model in float64, whose one output is the relevance of `name`."""
    model = in_double(with_recent_opset(prepare(proto)).model)
    graph = Graph(model)
    facts = measure_facts(
        graph, [x, np.concatenate([x, x])], lambda a, names: values_of(model, {"image": a}, names)
    )
    taken = [*graph.tensor_names(), *graph.constant_names]
    build = Builder(taken, graph.constant_names, graph.opsets[""])
    output = start or graph.outputs[0].name
    found = write_relevance(graph, facts, build, {output: START}, rules, [name], "image")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:], result.graph.output[:]
    result.graph.node.extend([*build.fixed, *model.graph.node, *build.nodes])
    result.graph.initializer.extend(build.initializers)
    code = helper.np_dtype_to_tensor_dtype(facts.types[output])
    result.graph.input.append(helper.make_tensor_value_info(START, code, facts.shapes[output]))
    result.graph.output.append(helper.make_empty_tensor_value_info(found[name]))
    return result


def relevance(
    proto: onnx.ModelProto,
    x: np.ndarray,
    R: np.ndarray,
    rules: Composite,
    *,
    ort: bool = False,
    name: str = "image",
    start: str = "",
) -> np.ndarray:
    """Relevance of `name`, if that of `start` (the model's output by default) is `R`."""
    model = written(proto, x, rules, name, start)
    (output,) = (o.name for o in model.graph.output)
    shape = values_of(model, {"image": x}, [start or proto.graph.output[0].name]).popitem()[1].shape
    engine = on_ort if ort else run
    return engine(model, {"image": x, START: R.reshape(shape)}, [output])[output]
