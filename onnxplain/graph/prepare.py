"""ONNX to ONNX: the same function, in the form that both adapters need.

Neither values nor the names of the tensors that remain are changed: ONNX Runtime gives
the same outputs before and after. BatchNormalization is left as it is here; the PyTorch
side runs it as an affine, and relevance propagation merges it where it walks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from numpy.typing import NDArray

from onnxplain.boundary import foreign
from onnxplain.errors import ModelFileError
from onnxplain.graph import light
from onnxplain.graph.branches import resolve_branches
from onnxplain.graph.cast_like import settle_types
from onnxplain.graph.dense import without_sparse
from onnxplain.graph.extent import check_extent, with_calls_inlined
from onnxplain.graph.fold import fold_constants
from onnxplain.graph.ir import ir, passes
from onnxplain.graph.native_faults import check_constants
from onnxplain.graph.unwrap import unwrap
from onnxplain.graph.view import Graph


def prepare(model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]] | None = None) -> Graph:
    """Clean a model up.

    Sparse weights become dense, model-local functions are inlined, Constant nodes become
    initializers, computations on constants are done once, an If whose condition is known
    becomes its branch, Identity and inference-time Dropout go, nodes and tensors get unique
    names, what no output needs is removed, and outputs that are no tensors give way to the
    tensors in them.

    Parameters
    ----------
    model : onnx.ModelProto
        A checked model; it is left unchanged.
    weights : mapping of str to array, optional
        Initializers whose values lie beside the model.

    Returns
    -------
    Graph
        With `Graph.origin` naming the tensors that were merged away.

    Raises
    ------
    ModelFileError
        If the graph cannot be read although the checker accepted it, or asks for more than the
        budget allows.
    """
    with foreign(lambda reason: ModelFileError(f"the graph cannot be prepared: {reason}")):
        check_extent(model)
        model, wrapped = unwrap(with_calls_inlined(model))
        work = ir.from_proto(without_sparse(model))
        for name, array in (weights or {}).items():
            work.graph.initializers[name].const_value = ir.Tensor(array, name=name)
        _normalise(work)
        merged: dict[str, str] = {}
        while True:
            _bypass(work, merged)
            settle_types(work)
            fold_constants(work)
            if not resolve_branches(work):
                break
            passes.NameFixPass()(work)  # branches may have used one name twice
        origin = {name: _follow(merged, name) for name in merged}
        passes.RemoveUnusedNodesPass()(work)
        passes.NameFixPass()(work)
        apart = _set_apart(work)
        prepared = ir.to_proto(work)
        check_constants(prepared.graph)  # those that were computed as well
        _open_axes(prepared)
    return Graph(prepared, origin, apart, wrapped=wrapped)


def _open_axes(model: onnx.ModelProto) -> None:
    """Leave lengths of 0 and below open, which exporters write for axes that are free."""
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value < 1:
                dim.ClearField("dim_value")


def _set_apart(work: ir.Model) -> light.Weights:
    """Take the large weights of a large model out of it, so that nothing copies them."""
    known = [(v, t) for v in work.graph.initializers.values() if (t := v.const_value) is not None]
    if sum(tensor.nbytes for _, tensor in known) <= light.LARGE:
        return {}
    weights: light.Weights = {}
    for value, tensor in known:
        if tensor.size > light.SMALL and light.is_plain(tensor.dtype.value):
            array = tensor.numpy()
            weights[str(value.name)] = array
            shape = ir.Shape(array.shape)
            value.const_value = ir.ExternalTensor(
                light.ELSEWHERE, None, None, tensor.dtype, shape=shape, name=str(value.name)
            )
    return weights


def _normalise(work: ir.Model) -> None:
    passes.InlinePass()(work)
    passes.RemoveInitializersFromInputsPass()(work)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(work)
    passes.TopologicalSortPass()(work)


def _bypass(work: ir.Model, merged: dict[str, str]) -> None:
    """Remove nodes that hand their input on, and note in `merged` which tensors that merged."""
    for node in list(work.graph):
        if not _hands_on(node):
            continue
        source, result = node.inputs[0], node.outputs[0]
        assert source is not None
        if result.is_graph_output():
            if source.is_graph_input() or source.is_initializer() or source.is_graph_output():
                continue  # an output needs a node of its own to write it
            merged[source.name or ""] = result.name or ""
            ir.convenience.replace_all_uses_with(result, source, replace_graph_outputs=True)
            source.name = result.name
            # Shape and type are often declared for outputs only.
            source.shape, source.type = result.shape, result.type
        else:
            merged[result.name or ""] = source.name or ""
            ir.convenience.replace_all_uses_with(result, source)
        work.graph.remove(node, safe=True)


def _hands_on(node: ir.Node) -> bool:
    if node.domain or not node.inputs or node.inputs[0] is None:
        return False
    if node.op_type == "Identity":
        return True
    if node.op_type != "Dropout" or any(o.uses() or o.is_graph_output() for o in node.outputs[1:]):
        return False
    training = node.inputs[2] if len(node.inputs) > 2 else None
    if training is None:
        return True
    return training.const_value is not None and not bool(training.const_value.numpy().any())


def _follow(merged: dict[str, str], name: str) -> str:
    seen = {name}
    while name in merged and merged[name] not in seen:
        name = merged[name]
        seen.add(name)
    return name
