"""Models with the derivatives that the rules write, and what runs them in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import scipy.special
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from onnxplain.convert import to_torch
from onnxplain.graph.extract import find_part
from onnxplain.graph.view import Graph
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import measure_facts
from onnxplain.symbolic.pull_back import pull_back
from tests.convert.oracle import session

Arrays = Mapping[str, np.ndarray]


class Erf(OpRun):
    """In float64; the evaluator's own rounds to float32."""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (scipy.special.erf(x),)


class MeanVarianceNormalization(OpRun):
    """In float64; the evaluator's own mixes in float32."""

    def _run(self, x: np.ndarray, axes: Sequence[int] = (0, 2, 3)) -> tuple[np.ndarray]:
        middle = x - x.mean(tuple(axes), keepdims=True)
        return (middle / (np.sqrt((middle**2).mean(tuple(axes), keepdims=True)) + 1e-9),)


class GroupNormalization(OpRun):
    """The same."""

    def _run(
        self,
        x: np.ndarray,
        scale: np.ndarray,
        bias: np.ndarray,
        num_groups: int = 1,
        epsilon: float = 1e-5,
        stash_type: int = 1,
    ) -> tuple[np.ndarray]:
        rows = x.reshape(len(x), num_groups, -1)
        middle = rows - rows.mean(-1, keepdims=True)
        unit = middle / np.sqrt((middle**2).mean(-1, keepdims=True) + epsilon)
        shape = [-1] + [1] * (x.ndim - 2)
        return (unit.reshape(x.shape) * scale.reshape(shape) + bias.reshape(shape),)


def seed_name(output: str) -> str:
    return f"slope of {output}"


_IN_DOUBLE = [Erf, MeanVarianceNormalization, GroupNormalization]


def run(model: onnx.ModelProto, feeds: Arrays, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Named tensors, by the standard's own evaluator."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    del exposed.graph.output[:]
    exposed.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in names)
    part = find_part(Graph(model), names)  # the evaluator cannot run every operator in float64
    nodes = [model.graph.node[node.index] for node in part.nodes]
    del exposed.graph.node[:]
    exposed.graph.node.extend(nodes)
    evaluator = ReferenceEvaluator(exposed, new_ops=_IN_DOUBLE)
    return dict(zip(names, evaluator.run(None, dict(feeds)), strict=True))


def on_ort(model: onnx.ModelProto, feeds: Arrays, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The model's outputs, by ONNX Runtime."""
    return dict(zip(names, session(model).run(list(names), dict(feeds)), strict=True))


def values_of(model: onnx.ModelProto, feeds: Arrays, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Named tensors, by the PyTorch engine's conversion."""
    tensors = {n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}
    values = to_torch(Graph(model), double=True).run(tensors, names)
    return {n: t.detach().numpy() for n, t in values.items()}


def written(
    model: onnx.ModelProto, feeds: Sequence[Arrays], wanted: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The model with derivatives of its outputs, whose seeds are further inputs.

    `feeds` are inputs of one batch size, or of two if the batch is to stay open.
    """
    graph = Graph(model)
    whole = iter(feeds)
    facts = measure_facts(
        graph, [np.zeros(0)] * len(feeds), lambda _, names: values_of(model, next(whole), names)
    )
    taken = [*graph.tensor_names(), *graph.constant_names]
    build = Builder(taken, graph.constant_names, graph.opsets[""])
    seeds = {o: seed_name(o) for o in outputs}
    found = pull_back(graph, facts, build, seeds, wanted)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = [*build.fixed, *model.graph.node, *build.nodes]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    result.graph.initializer.extend(build.initializers)
    for output in outputs:
        code = helper.np_dtype_to_tensor_dtype(facts.types[output])
        info = helper.make_tensor_value_info(seed_name(output), code, facts.shapes[output])
        result.graph.input.append(info)
    del result.graph.output[:]
    result.graph.output.extend(helper.make_empty_tensor_value_info(found[n]) for n in wanted)
    return result


def in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with all numbers in float64, those of constants included."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    for value in wide.graph.input:
        if value.type.tensor_type.elem_type == single:
            value.type.tensor_type.elem_type = double
    for tensor in wide.graph.initializer:
        if tensor.data_type == single:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for node in wide.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == single:
                attribute.i = double
    return wide


def by_torch(
    model: onnx.ModelProto, feeds: Arrays, wanted: Sequence[str], seeds: Arrays
) -> list[np.ndarray]:
    """The same derivatives by the PyTorch engine's conversion."""
    program = to_torch(Graph(model), double=True)
    tensors = {n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}
    leaves = [tensors[n].requires_grad_() for n in wanted]
    outputs = program.run(tensors, list(seeds))
    total = sum((outputs[o] * torch.from_numpy(np.array(s))).sum() for o, s in seeds.items())
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [
        np.zeros(leaf.shape) if g is None else g.numpy()
        for g, leaf in zip(found, leaves, strict=True)
    ]
