"""Preparation changes neither the function nor the names of a graph."""

import graphs
import nets
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from awkward_graphs import AWKWARD
from graphs import build
from onnx.helper import make_node as node

from onnxplain.errors import ModelFileError
from onnxplain.graph.prepare import prepare

X = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).astype(np.float32)
REMOVED = {"nodes without use": {"idle", "more"}, "Dropout with an unused mask": {"m"}}


def run(proto, feeds, names=None):
    """Values of the named tensors, or of the graph outputs, without any optimisation."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(proto)
    have = {o.name for o in proto.graph.output}
    for name in names or ():
        if name not in have:
            exposed.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        exposed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = names or [o.name for o in proto.graph.output]
    return dict(zip(wanted, session.run(wanted, feeds), strict=True))


def written_tensors(proto):
    return [o for n in proto.graph.node for o in n.output if o]


@pytest.mark.parametrize("name", AWKWARD)
def test_every_tensor_keeps_its_value(name):
    proto = AWKWARD[name]
    graph = prepare(proto)
    names = written_tensors(proto)
    before = run(proto, {"x": X}, names)
    assert any(np.ptp(v.astype(np.float64)) > 0 for v in before.values())
    kept = set(graph.tensor_names())
    place = {n: graph.origin.get(n, n) for n in names}
    after = run(graph.model, {"x": X}, sorted(t for t in place.values() if t in kept - {"x"}))
    lost = set()
    for tensor, values in before.items():
        now = place[tensor]
        if now in after:
            found = after[now]
        elif now == "x":
            found = X
        elif graph.is_constant(now):
            found = graph.constant(now)
        else:
            lost.add(tensor)
            continue
        assert found.dtype == values.dtype, tensor
        np.testing.assert_array_equal(found, values, err_msg=tensor)
    # Only what constants alone decided, or what no output needs, may go.
    undecided = {t for t in lost if not _constant(proto, t)}
    assert undecided == REMOVED.get(name, set())


def _constant(proto, tensor):
    """Whether a tensor of the original depends on no input."""
    reached = {"x"}
    for item in proto.graph.node:
        inner = {i for a in item.attribute for n in a.g.node for i in n.input}
        if reached & {*item.input, *inner}:
            reached.update(item.output)
    return tensor not in reached


@pytest.mark.parametrize("name", AWKWARD)
def test_outputs_and_inputs_keep_their_names_and_order(name):
    proto = AWKWARD[name]
    graph = prepare(proto)
    assert [o.name for o in graph.outputs] == [o.name for o in proto.graph.output]
    assert [i.name for i in graph.inputs] == ["x"]


@pytest.mark.parametrize("name", AWKWARD)
def test_nodes_have_unique_names_and_one_writer(name):
    graph = prepare(AWKWARD[name])
    names = [n.name for n in graph.nodes]
    assert all(names)
    assert len(set(names)) == len(names)
    tensors = [*graph.tensor_names(), *graph.constant_names]
    assert len(set(tensors)) == len(tensors)


@pytest.mark.parametrize("name", AWKWARD)
def test_preparing_twice_changes_nothing(name):
    once = prepare(AWKWARD[name])
    twice = prepare(once.model)
    assert [(n.op_type, n.inputs, n.outputs, n.name) for n in twice.nodes] == [
        (n.op_type, n.inputs, n.outputs, n.name) for n in once.nodes
    ]
    assert dict(twice.origin) == {}


@pytest.mark.parametrize("name", AWKWARD)
def test_the_model_given_is_left_as_it_was(name):
    before = AWKWARD[name].SerializeToString(deterministic=True)
    prepare(AWKWARD[name])
    assert AWKWARD[name].SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("name", "operators"),
    [
        ("weight through Identity", ["Conv"]),
        ("chain of identities", ["Relu", "Neg"]),
        ("Constant nodes", ["Mul", "Add", "Reshape"]),
        ("nodes without use", ["Relu"]),
        ("Dropout that does not train", ["Relu"]),
        ("Dropout with an unused mask", ["Relu"]),
        # These have to stay: another output, a mask that is read, or randomness on demand.
        ("identity between two outputs", ["Relu", "Identity"]),
        ("output that is the input", ["Relu", "Identity"]),
        ("output that is a weight", ["Mul", "Identity"]),
        ("output that is computed from weights", ["Mul", "Neg"]),
        ("Dropout whose mask is read", ["Dropout", "Cast", "Add"]),
        ("Dropout whose mask is an output", ["Dropout"]),
        ("Dropout that trains", ["Dropout", "Relu"]),
    ],
)
def test_what_goes_and_what_stays(name, operators):
    assert [n.op_type for n in prepare(AWKWARD[name]).nodes] == operators


def test_two_nodes_of_one_name_are_told_apart():
    nodes = [node("Relu", ["x"], ["h"], name="same"), node("Neg", ["h"], ["y"], name="same")]
    proto = build(nodes, ["y"])  # the checker accepts what ONNX Runtime refuses
    graph = prepare(proto)
    assert len({n.name for n in graph.nodes}) == 2
    np.testing.assert_array_equal(run(graph.model, {"x": X})["y"], -np.maximum(X, 0))


def test_functions_are_inlined_to_the_last():
    graph = prepare(AWKWARD["a function of functions"])
    assert not graph.model.functions
    assert {n.domain for n in graph.nodes} == {""}
    assert [n.op_type for n in graph.nodes].count("Relu") == 2


def test_a_network_without_detours_is_left_alone():
    graph = prepare(graphs.classifier())
    assert [n.op_type for n in graph.nodes] == [
        "Conv", "Relu", "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"
    ]  # fmt: skip
    assert dict(graph.origin) == {}


def test_batch_normalisation_stays():
    graph = prepare(nets.exported("resnet").proto)
    count = [n.op_type for n in nets.exported("resnet").proto.graph.node].count(
        "BatchNormalization"
    )
    assert [n.op_type for n in graph.nodes].count("BatchNormalization") == count > 0


@pytest.mark.parametrize("name", nets.NETS)
def test_networks_give_the_same_scores(name):
    proto = nets.exported(name).proto
    x = nets.images(name, 3).astype(np.float32)
    before, after = (run(p, {"image": x})["scores"] for p in (proto, prepare(proto).model))
    assert np.ptp(before, axis=0).min() > 0
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("i", "x"), ("j", "x"), ("k", "h"), ("m", "h"), ("h", "h"), ("y", "y")],
)
def test_a_merged_name_still_means_its_tensor(name, meant):
    assert prepare(AWKWARD["chain of identities"]).resolve(name) == meant


def test_a_cycle_is_one_clear_line():
    proto = build([node("Relu", ["x"], ["h"]), node("Add", ["h", "x"], ["y"])], ["y"])
    proto.graph.node[0].input[0] = "y"
    with pytest.raises(ModelFileError, match="cannot be prepared") as caught:
        prepare(proto)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("last", ["Identity", "Dropout"])
def test_an_output_keeps_its_declared_shape_and_type(last):
    proto = build(
        [node("Relu", ["x"], ["h"]), node(last, ["h"], ["y"])],
        [graphs.value_info("y", ["N", 3, 4, 6])],
    )
    (output,) = prepare(proto).outputs
    assert (output.shape, output.dtype) == (("N", 3, 4, 6), np.float32)
