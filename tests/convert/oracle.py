"""ONNX Runtime as the oracle: small models, and the comparison with their conversion."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from onnxplain.convert import to_torch
from onnxplain.graph.view import Graph

onnxruntime.set_default_logger_severity(3)

Arrays = Mapping[str, np.ndarray]


def make_model(
    nodes: Sequence[onnx.NodeProto],
    feeds: Arrays,
    outputs: Sequence[str],
    constants: Arrays | None = None,
    opset: int = 17,
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """A model whose inputs have the types and shapes of `feeds`; output types are left open."""
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in feeds.items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "test",
        inputs,
        [helper.make_empty_tensor_value_info(o) for o in outputs],
        [numpy_helper.from_array(a, n) for n, a in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 19 else 10)


@functools.cache
def newest_opset() -> int:
    """The newest opset that the installed ONNX Runtime accepts."""
    x = np.zeros(1, np.float32)
    for opset in range(onnx.defs.onnx_opset_version(), 0, -1):
        model = make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": x}, ["y"], opset=opset)
        try:
            session(model)
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            continue
        return opset
    raise AssertionError("ONNX Runtime accepts no opset")


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def expected(model: onnx.ModelProto, feeds: Arrays) -> dict[str, np.ndarray]:
    """Outputs by name: from ONNX Runtime, or where it has no kernel, the standard's own."""
    names = [o.name for o in model.graph.output]
    try:
        newer = any(o.version > newest_opset() for o in model.opset_import if o.domain == "")
        oracle = ReferenceEvaluator(model) if newer else session(model)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        oracle = ReferenceEvaluator(model)
    results = oracle.run(names, dict(feeds))
    return dict(zip(names, results, strict=True))


def converted(model: onnx.ModelProto, feeds: Arrays, *, double: bool = False) -> dict:
    """Outputs by name, from the conversion."""
    program = to_torch(Graph(model), double=double)
    tensors = {n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}
    with torch.no_grad():
        results = program.run(tensors, [o.name for o in model.graph.output])
    return {n: t.numpy() for n, t in results.items()}


def assert_agrees(
    model: onnx.ModelProto, feeds: Arrays, rtol: float = 1e-4, atol: float = 1e-5
) -> None:
    """The conversion gives what the oracle gives: type, shape and values of every output."""
    wanted, got = expected(model, feeds), converted(model, feeds)
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype, name
        assert got[name].shape == array.shape, name
        np.testing.assert_allclose(got[name], array, rtol=rtol, atol=atol, err_msg=name)
