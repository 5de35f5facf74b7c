"""Running a converted graph by tensor name."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from onnxplain.convert import Program, to_torch
from onnxplain.errors import ConversionError, UnknownNameError, UsageError
from onnxplain.graph.view import Graph
from tests.convert.oracle import make_model

X = np.array([[1.0, -2.0]], np.float32)


def chain():
    """x -> Relu a -> Exp b; x -> Neg c; y = b + w."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Exp", ["a"], ["b"]),
        helper.make_node("Neg", ["x"], ["c"]),
        helper.make_node("Add", ["b", "w"], ["y"]),
    ]
    constants = {"w": np.array([10.0, 20.0], np.float32)}
    return to_torch(Graph(make_model(nodes, {"x": X}, ["y", "c"], constants)))


class Probe(torch.nn.Module):
    """Notes the calls of a module."""

    def __init__(self, module, calls):
        super().__init__()
        self.module, self.calls = module, calls

    def forward(self, *inputs):
        self.calls.append(type(self.module).__name__)
        return self.module(*inputs)


def with_probes(program):
    calls = []
    steps = [type(s)(s.node, Probe(s.module, calls), s.inputs, s.outputs) for s in program.steps]
    return Program(steps, program.inputs, program.constants()), calls


def test_values_come_by_name_and_in_the_order_asked_for():
    got = chain().run({"x": torch.from_numpy(X)}, ["y", "a", "x", "w"])
    assert list(got) == ["y", "a", "x", "w"]
    np.testing.assert_allclose(got["y"], [[np.e + 10, 21]], rtol=1e-6)
    np.testing.assert_array_equal(got["a"], [[1, 0]])
    np.testing.assert_array_equal(got["w"], [10, 20])


def test_only_what_a_name_depends_on_is_executed():
    program, calls = with_probes(chain())
    program.run({"x": torch.from_numpy(X)}, ["c"])
    assert len(calls) == 1
    calls.clear()
    program.run({"x": torch.from_numpy(X)}, ["b"])
    assert len(calls) == 2


def test_any_tensor_may_be_fed_and_is_then_not_computed():
    program, calls = with_probes(chain())
    got = program.run({"b": torch.tensor([[1.0, 1.0]])}, ["y"])
    np.testing.assert_array_equal(got["y"], [[11, 21]])
    assert len(calls) == 1


def test_a_value_is_released_after_its_last_reader():
    program = chain()
    plan = program._make_plan(("y",), frozenset({"x"}))
    assert [(s.outputs[0], released) for s, released in plan] == [
        ("a", []),
        ("b", ["a"]),
        ("y", ["b"]),
    ]


def test_a_value_that_is_asked_for_is_kept():
    plan = chain()._make_plan(("y", "a"), frozenset({"x"}))
    assert [released for _, released in plan] == [[], [], ["b"]]


def test_a_graph_input_that_is_not_fed_is_named():
    with pytest.raises(UsageError, match="graph input 'x' is needed but was not fed"):
        chain().run({}, ["y"])


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown tensor 'yy'.*nearest: 'y'"):
        chain().run({"x": torch.from_numpy(X)}, ["yy"])


def test_a_node_that_pytorch_cannot_compute_is_named():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    feeds = {"x": np.zeros((2, 3), np.float32), "w": np.zeros((3, 2), np.float32)}
    program = to_torch(Graph(make_model([node], feeds, ["y"])))
    with pytest.raises(ConversionError, match=r"PyTorch cannot compute MatMul \(tensor 'y'\)"):
        program.run({"x": torch.zeros(2, 3), "w": torch.zeros(2, 3)}, ["y"])


def test_the_program_is_in_evaluation_mode_and_trains_nothing():
    program = chain()
    assert not program.training
    assert not any(m.training for m in program.modules())
    assert not any(t.requires_grad for t in (*program.parameters(), *program.buffers()))


def test_inputs_are_never_written_to():
    x = torch.from_numpy(X.copy())
    program = chain()
    before = {n: t.clone() for n, t in program.constants().items()}
    program.run({"x": x}, ["y", "c"])
    np.testing.assert_array_equal(x, X)
    for name, tensor in program.constants().items():
        assert torch.equal(tensor, before[name])


def test_the_batch_may_change_between_calls():
    program = chain()
    for batch in (1, 3, 2):
        assert program.run({"x": torch.ones(batch, 2)}, ["y"])["y"].shape == (batch, 2)


def test_constants_move_with_the_program():
    program = chain().to("meta")
    assert program.constants()["w"].device.type == "meta"


@pytest.mark.gpu
def test_everything_runs_on_a_cuda_device():
    from tests.convert.test_versions import CASES, build

    for case in CASES:
        model, feeds = build(*case.values)
        names = [o.name for o in model.graph.output]
        program = to_torch(Graph(model)).to("cuda")
        got = program.run({n: torch.from_numpy(a).cuda() for n, a in feeds.items()}, names)
        assert all(got[n].device.type == "cuda" for n in names), case.id


def mixed_precision():
    """x -> half precision, times two -> y in single precision."""
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["h", "two"], ["d"]),
        helper.make_node("Cast", ["d"], ["y"], to=TensorProto.FLOAT),
    ]
    return make_model(nodes, {"x": X}, ["y", "h"], {"two": np.array(2, np.float16)})


def test_a_double_program_computes_everything_in_float64():
    third = torch.tensor([[1 / 3]], dtype=torch.float64)
    got = to_torch(Graph(mixed_precision()), double=True).run({"x": third}, ["y", "h"])
    assert got["y"].dtype == got["h"].dtype == torch.float64
    assert got["y"].item() == 2 / 3


def test_a_double_program_accepts_single_precision():
    got = to_torch(Graph(mixed_precision()), double=True).run({"x": torch.ones(1, 1)}, ["y"])
    assert got["y"].dtype == torch.float64


def test_single_precision_rounds_where_the_file_does():
    third = torch.tensor([[1 / 3]])
    got = to_torch(Graph(mixed_precision())).run({"x": third}, ["y", "h"])
    assert got["h"].dtype == torch.float16
    assert got["y"].item() == 2 * np.float16(1 / 3)


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes"),
    [
        ("ConstantOfShape", [np.array([2], np.int64)], {}),
        ("EyeLike", [np.zeros((2, 2), np.int64)], {"dtype": TensorProto.FLOAT}),
        ("Range", [np.array(v, np.float32) for v in (0, 3, 1)], {}),
        ("Resize", [np.ones((1, 1, 2, 2), np.float32), None, np.ones(4, np.float32) * 2],
         {"mode": "linear"}),
        ("MatMulInteger", [np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8)], {}),
        ("OneHot", [np.array([1]), np.array(3), np.array([0, 1], np.float32)], {}),
    ],
)  # fmt: skip
def test_what_makes_a_floating_tensor_follows_the_program_to_float64(op_type, inputs, attributes):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(inputs)]
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if n}
    node = helper.make_node(op_type, names, ["y"], **attributes)
    program = to_torch(Graph(make_model([node], feeds, ["y"])), double=True)
    got = program.run({n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}, ["y"])
    assert got["y"].dtype == torch.float64


def test_a_graph_without_nodes_runs():
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    model = helper.make_model(helper.make_graph([], "empty", [info], [info]))
    assert torch.equal(to_torch(Graph(model)).run({"x": torch.ones(1, 2)}, ["x"])["x"],
                       torch.ones(1, 2))  # fmt: skip


def test_a_bfloat16_constant_is_read():
    constant = helper.make_tensor("w", TensorProto.BFLOAT16, [2], [1.5, -2.0])
    nodes = [
        helper.make_node("Cast", ["w"], ["v"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "v"], ["y"]),
    ]
    model = make_model(nodes, {"x": X}, ["y"])
    model.graph.initializer.append(constant)
    got = to_torch(Graph(model)).run({"x": torch.from_numpy(X)}, ["y"])["y"]
    np.testing.assert_array_equal(got, X + np.array([1.5, -2], np.float32))


def test_a_four_bit_constant_is_read_by_its_dequantisation_only():
    weights = helper.make_tensor("w", TensorProto.INT4, [2], [-8, 7])
    node = helper.make_node("DequantizeLinear", ["w", "s"], ["y"])
    model = make_model([node], {"s": np.array(0.5, np.float32)}, ["y"], opset=21)
    model.graph.initializer.append(weights)
    got = to_torch(Graph(model)).run({"s": torch.tensor(0.5)}, ["y"])["y"]
    np.testing.assert_array_equal(got, [-4.0, 3.5])
    model.graph.node.append(helper.make_node("Neg", ["w"], ["z"]))
    with pytest.raises(ConversionError, match="constant 'w' has element type int4"):
        to_torch(Graph(onnx.ModelProto.FromString(model.SerializeToString())))
