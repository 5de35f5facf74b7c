"""What calls for a wall, and what does not."""

import onnx
import pytest

import onnxplain
from onnxplain.graph.budget import Budget, within
from onnxplain.process.wanted import WallNeeded, wall_wanted

CUSTOM = """<ir_version: 8, opset_import: ["": 13, "my.own": 1]>
m (float[1,1,8,8] x) => (float[1,3] y) { y = my.own.Thing(x) }"""
LOOP = """<ir_version: 8, opset_import: ["": 13]>
m (float[1,1,8,8] x) => (float[1,1] y) {
  n = Constant<value = int64 {3}>()
  t = Constant<value = bool {1}>()
  z = Loop<body = b (int64 i, bool c, float[1,1,8,8] v) => (bool d, float[1,1,8,8] w) {
    d = Identity(c) w = Add(v, v) }>(n, t, x)
  p = GlobalAveragePool(z) y = Flatten(p) }"""


def write(path, text):
    model = onnx.parser.parse_model(text)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("name", ["digits-gap", "digits-softmax", "flowers-gap"])
def test_ordinary_files_are_opened_here(name):
    with wall_wanted():
        assert onnxplain.load(f"models/{name}.onnx").name == f"{name}.onnx"


@pytest.mark.parametrize(
    ("text", "why"), [(CUSTOM, "operators of the domain 'my.own'"), (LOOP, "the operator Loop")]
)
def test_unusual_operators_call_for_a_wall(tmp_path, text, why):
    path = write(tmp_path / "m.onnx", text)
    with pytest.raises(WallNeeded, match=why), wall_wanted():
        onnxplain.load(path)


def test_half_of_a_budget_calls_for_a_wall():
    nodes = len(onnx.load("models/digits-gap.onnx").graph.node)
    with (
        within(Budget(nodes=2 * nodes - 2)),
        wall_wanted(),
        pytest.raises(WallNeeded, match=r"digits-gap\.onnx takes more than half"),
    ):
        onnxplain.load("models/digits-gap.onnx")
    with within(Budget(nodes=2 * nodes - 2)):  # nobody asks: it is opened
        onnxplain.load("models/digits-gap.onnx")
    with within(Budget(nodes=2 * nodes + 2)), wall_wanted():
        onnxplain.load("models/digits-gap.onnx")
