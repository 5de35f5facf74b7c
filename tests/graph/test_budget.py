"""A few bytes that ask for hours, gigabytes or an abort are refused in one line."""

import itertools
import time
from contextlib import suppress

import numpy as np
import pytest
from graphs import build, value_info
from onnx import TensorProto
from onnx.helper import (
    make_function,
    make_graph,
    make_model,
    make_node,
    make_opsetid,
    make_tensor_value_info,
)
from onnx.numpy_helper import from_array

from onnxplain.errors import ModelFileError, UnsupportedModelError, UsageError
from onnxplain.graph.budget import Budget, budget, moved, within
from onnxplain.graph.extent import check_extent
from onnxplain.graph.fold_work import work_of
from onnxplain.graph.prepare import prepare


def _nested(depth):
    """Each function calls the one before it twice: 2^depth nodes once they are inlined."""
    opsets = [make_opsetid("", 17), make_opsetid("f", 1)]
    functions = [make_function("f", "F0", ["a"], ["b"], [make_node("Relu", ["a"], ["b"])], opsets)]
    for k in range(1, depth + 1):
        calls = [
            make_node(f"F{k - 1}", ["a"], ["t"], domain="f"),
            make_node(f"F{k - 1}", ["t"], ["b"], domain="f"),
        ]
        functions.append(make_function("f", f"F{k}", ["a"], ["b"], calls, opsets))
    ends = [make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in "xy"]
    graph = make_graph([make_node(f"F{depth}", ["x"], ["y"], domain="f")], "g", ends[:1], ends[1:])
    return make_model(graph, opset_imports=opsets, functions=functions)


def test_functions_are_counted_before_they_are_inlined():
    with pytest.raises(UnsupportedModelError, match=r"F40.*--budget nodes=N"):
        prepare(_nested(40))


def test_many_calls_give_the_nodes_that_they_stand_for():
    graph = prepare(_nested(10))
    assert [n.op_type for n in graph.nodes] == ["Relu"] * 1024


def test_results_of_constants_are_counted_together():
    nodes = [make_node("ConstantOfShape", ["shape"], [f"c{k}"]) for k in range(8)]
    nodes += [make_node("Sum", ["x", *(f"c{k}" for k in range(8))], ["y"])]
    model = build(nodes, ["y"], {"shape": np.array([1, 3, 4, 6])})
    assert [n.op_type for n in prepare(model).nodes] == ["Sum"]
    with (
        within(Budget(fold_bytes=4 * 72 * 7)),
        pytest.raises(UnsupportedModelError, match=r"c7.*--budget fold-bytes"),
    ):
        prepare(model)


def test_a_pool_over_constants_is_left_to_onnx_runtime():
    nodes = [
        make_node("ConstantOfShape", ["shape"], ["c"]),
        make_node("MaxPool", ["c"], ["p"], kernel_shape=[63, 63]),
        make_node("ReduceMean", ["p"], ["q"], keepdims=0),
        make_node("Add", ["x", "q"], ["y"]),
    ]
    graph = prepare(build(nodes, ["y"], {"shape": np.array([1, 1, 900, 900])}))
    assert "MaxPool" in [n.op_type for n in graph.nodes]


def test_an_endless_name_is_refused():
    long = "r" * 10_000
    model = build([make_node("Relu", ["x"], [long]), make_node("Relu", [long], ["y"])], ["y"], {})
    with pytest.raises(UnsupportedModelError, match="--budget name=N"):
        prepare(model)
    with within(Budget(name=20_000)):
        prepare(model)


@pytest.mark.parametrize(
    ("operator", "given"),
    [
        ("RandomNormalLike", {"scale": 0.0}),
        ("RandomNormalLike", {"scale": -1.0}),
        ("RandomNormalLike", {"scale": float("nan")}),
        ("RandomNormalLike", {"mean": float("inf")}),
        ("RandomUniformLike", {"low": 1.0, "high": 0.0}),
        ("RandomUniformLike", {"high": float("nan")}),
    ],
)
def test_distributions_that_there_are_not_are_refused(operator, given):
    nodes = [make_node(operator, ["x"], ["n"], **given), make_node("Add", ["x", "n"], ["y"])]
    with pytest.raises(ModelFileError, match=f"{operator}.*'n'"):
        prepare(build(nodes, ["y"], {}))


def test_limits_are_moved_by_name():
    assert moved(Budget(), {"run-seconds": "2.5"}).run_seconds == 2.5
    assert moved(Budget(), {"nodes": "1e6"}).nodes == 1_000_000
    assert budget() == Budget()
    for wrong in ({"none": "1"}, {"nodes": "-1"}, {"nodes": "x"}, {"nodes": "nan"}):
        with pytest.raises(UsageError):
            moved(Budget(), wrong)


def _chain(operator, count):
    names = ["c", *(f"c{k}" for k in range(count))]
    nodes = [make_node("ConstantOfShape", ["shape"], ["c"])]
    nodes += [make_node(operator, [a], [b]) for a, b in itertools.pairwise(names)]
    nodes += [make_node("ReduceMean", [names[-1]], ["q"], keepdims=0)]
    nodes += [make_node("Add", ["x", "q"], ["y"])]
    return build(nodes, ["y"], {"shape": np.array([900, 900])})


def test_work_on_constants_is_counted():
    model = _chain("Erf", 20)
    with (
        within(Budget(fold_work=10**8)),
        pytest.raises(UnsupportedModelError, match="--budget fold-work=N"),
    ):
        prepare(model)
    prepare(model)


def test_time_on_constants_is_measured_should_the_count_be_wrong():
    with (
        within(Budget(fold_seconds=0.02)),
        pytest.raises(UnsupportedModelError, match="--budget fold-seconds=N"),
    ):
        prepare(_chain("Erf", 20))


def test_what_is_done_element_by_element_counts_for_more():
    plain, slow = work_of("Add", [1000], [1000]), work_of("GatherND", [1000], [1000])
    assert slow - work_of("GatherND", [], []) == 500 * (plain - work_of("Add", [], []))
    assert work_of("Equal", [1000], [1000], texts=True) == slow
    assert work_of("Conv", [1000], [1000]) is None


@pytest.mark.parametrize("op_type", ["MaxPool", "RegexFullMatch", "ImageDecoder", "LSTM", "LRN"])
def test_what_may_take_for_ever_on_a_single_number_is_left_to_onnx_runtime(op_type):
    """The length of a kernel, a pattern or a picture is not that of the operand."""
    assert work_of(op_type, [1], [1]) is None
    assert work_of("Einsum", [1], [1]) is not None


def test_a_length_in_an_attribute_is_not_followed():
    """onnx's evaluator makes a list of ten million parts for one that is asked for."""
    assert work_of("Split", [3], [3], numbers=[1, 3]) is not None
    assert work_of("Split", [3], [3], numbers=[10**7]) is None
    nodes = [
        make_node("Split", ["w"], ["a", "b"], num_outputs=10**7, axis=0),
        make_node("Add", ["a", "x"], ["y"]),
    ]
    begun = time.process_time()
    with suppress(UnsupportedModelError):
        prepare(build(nodes, ["y"], {"w": np.ones(4, np.float32)}, opset=18))
    assert time.process_time() - begun < 5


def test_a_place_in_front_of_a_shape_is_refused():
    nodes = [make_node("GatherND", ["x", "at"], ["y"], batch_dims=0)]
    model = build(nodes, ["y"], {"at": np.zeros((1, 1), np.int64)})
    prepare(model)
    model.graph.node[0].attribute[0].i = -5
    with pytest.raises(ModelFileError, match="batch_dims -5"):
        prepare(model)


@pytest.mark.parametrize("side", [0, -1, 2**32])
@pytest.mark.parametrize("op_type", ["DepthToSpace", "SpaceToDepth"])
def test_a_block_that_no_picture_has_is_refused(op_type, side):
    """Squared in 64 bits, the side 2**32 is zero, by which channels are divided."""
    model = build([make_node(op_type, ["x"], ["y"], blocksize=2)], ["y"], {})
    prepare(model)
    model.graph.node[0].attribute[0].i = side
    with pytest.raises(ModelFileError, match=f"blocksize {side}"):
        prepare(model)


@pytest.mark.parametrize("equation", ["1e999", "ij,jk->i1", "i->j->k"])
def test_an_equation_of_other_characters_is_refused(equation):
    """ONNX Runtime looks for a digit among the letters, and never ends."""
    model = build([make_node("Einsum", ["x"], ["y"], equation="... -> ...")], ["y"], {})
    check_extent(model)
    model.graph.node[0].attribute[0].s = equation.encode()
    with pytest.raises(ModelFileError, match="has equation"):
        check_extent(model)


def test_a_scan_of_more_inputs_than_there_are_is_refused():
    ends = [make_tensor_value_info(n, TensorProto.FLOAT, [2, 2]) for n in "xy"]
    node = make_node("Scan", ["x"], ["y"], num_scan_inputs=10**9)
    model = make_model(make_graph([node], "g", ends[:1], ends[1:]))
    with pytest.raises(ModelFileError, match="scans 1,000,000,000 inputs, but has 1"):
        check_extent(model)


@pytest.mark.parametrize("constant", [True, False])
def test_negative_repeats_are_refused(constant):
    """Shape inference ends the process at a Slice of what has a negative length."""
    nodes = [make_node("Tile", ["w", "times"], ["t"]),
             make_node("Slice", ["t", "zero", "one"], ["s"]),
             make_node("Add", ["x", "s"], ["y"])]  # fmt: skip
    numbers = {"w": np.ones((2, 2), np.float32), "zero": np.array([0]), "one": np.array([1])}
    times = np.array([-3, 2])
    if constant:
        nodes.insert(0, make_node("Constant", [], ["times"], value=from_array(times)))
    else:
        numbers["times"] = times
    ends = [make_tensor_value_info(n, TensorProto.FLOAT, [2, 2]) for n in "xy"]
    graph = make_graph(
        nodes, "g", ends[:1], ends[1:], [from_array(v, n) for n, v in numbers.items()]
    )
    with pytest.raises(ModelFileError, match="repeats its input -3 times"):
        check_extent(make_model(graph, opset_imports=[make_opsetid("", 17)]))


def test_an_attribute_of_a_call_outside_of_a_function_is_refused():
    model = build([make_node("LeakyRelu", ["x"], ["y"], alpha=0.5)], ["y"], {})
    attribute = model.graph.node[0].attribute[0]
    attribute.ref_attr_name = "slope"
    attribute.ClearField("f")
    with pytest.raises(ModelFileError, match=r"'alpha'.*function"):
        prepare(model)


def test_what_is_left_to_onnx_runtime_is_counted_too():
    nodes = [make_node("Range", ["low", "high", "one"], ["r"])]
    nodes += [
        make_node("ReduceMax", ["r"], ["q"], keepdims=0),
        make_node("Cast", ["q"], ["f"], to=1),
    ]
    nodes += [make_node("Add", ["x", "f"], ["y"])]
    constants = {"low": np.array(-(2**31)), "high": np.array(6), "one": np.array(1)}
    with pytest.raises(UnsupportedModelError, match=r"Range \(tensor 'r'\).*tensor-bytes=N"):
        prepare(build(nodes, ["y"], constants))


def test_a_file_may_hold_as_much_as_it_likes():
    nodes = [make_node("Transpose", ["w"], ["t"]), make_node("MatMul", ["x", "t"], ["y"])]
    model = build(
        nodes, ["y"], {"w": np.zeros((300_000, 6), np.float32)}, inputs=[value_info("x", ["N", 6])]
    )
    with within(Budget(tensor_bytes=10_000, fold_bytes=10_000)):
        assert [n.op_type for n in prepare(model).nodes] == ["Transpose", "MatMul"]
