"""Integer operators, written out, give the integers of their definition.

All scales are powers of two and all numbers small, so that no float32 sum is rounded: what is
compared is equal, whatever the order of additions.
"""

import numpy as np
import onnxruntime
import pytest

from onnxplain.graph.expand import expand
from onnxplain.graph.expand.quantised import dequantised
from tests.graph.written import graph

RNG = np.random.default_rng(0)
A = RNG.integers(100, 140, (2, 6)).astype(np.uint8)
B = RNG.integers(-20, 20, (6, 4)).astype(np.int8)
SCALES = {
    "s": np.float32(2**-4), "z": np.uint8(120), "ws": np.float32(2**-3), "wz": np.int8(3),
    "ys": np.float32(2**-2), "yz": np.uint8(128),
}  # fmt: skip
COLUMNS = np.array([2**-3, 2**-4, 2**-5, 2**-2], np.float32)
PICTURE = RNG.integers(60, 180, (1, 3, 2, 2)).astype(np.uint8)


def computed(body, inputs, outputs, constants, **feeds):
    """Run the graph written out in ONNX Runtime, node by node."""
    made = graph(body, inputs, outputs, **constants)
    result = expand(made)
    assert result is not made
    assert {n.domain for n in result.nodes} == {""}
    assert not [n.op_type for n in result.nodes if "Integer" in n.op_type or "QL" in n.op_type]
    # ONNX Runtime's optimiser would quantise the weights of a convolution anew.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        result.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(["y"], feeds)[0]


def rounded(real):
    """Quantise to ``ys`` and ``yz``: half goes to the even one."""
    found = np.clip(np.rint(real / 2**-2) + 128, 0, 255)
    assert np.ptp(found) > 5
    return found.astype(np.uint8)


def signal(q):
    return (q.astype(float) - 120) * 2**-4


def test_weights_have_one_scale_or_one_along_an_axis():
    q = np.array([[1, 2], [3, 5]], np.int8)
    wanted = [[0, 0.5], [1, 2]]
    assert np.array_equal(dequantised(q, np.float32(0.5), np.int8(1), 0), wanted)
    two = np.array([0.5, 2], np.float32)
    offsets = np.array([1, 0], np.int8)
    assert np.array_equal(dequantised(q, two, offsets, 0), [[0, 0.5], [6, 10]])
    assert np.array_equal(dequantised(q, two, offsets, 1), [[0, 4], [1, 10]])


@pytest.mark.parametrize("scale", [np.float32(2**-3), COLUMNS], ids=["one", "one a column"])
def test_a_product_with_weights(scale):
    constants = {**SCALES, "w": B, "ws": scale, "wz": np.full(scale.shape, 3, np.int8)}
    body = "y = QLinearMatMul(x, s, z, w, ws, wz, ys, yz)"
    found = computed(body, "uint8[2,6] x", "uint8[2,4] y", constants, x=A)
    assert np.array_equal(found, rounded(signal(A) @ ((B.astype(float) - 3) * scale)))


@pytest.mark.parametrize("last", [0, 1])
def test_a_convolution_with_a_scale_for_each_map(last):
    """Of one pixel: a product of matrices; its bias counts in units of both scales."""
    bias = np.array([5, -40, 60, 7], np.int32)
    constants = {
        **SCALES, "w": B[:3].T[:, :, None, None], "ws": COLUMNS, "wz": np.zeros(4, np.int8),
        "c": bias,
    }  # fmt: skip
    domain, more = ("com.microsoft.", "<channels_last = 1>") if last else ("", "")
    body = f"y = {domain}QLinearConv{more}(x, s, z, w, ws, wz, ys, yz, c)"
    shapes = ("1,2,2,3", "1,2,2,4") if last else ("1,3,2,2", "1,4,2,2")
    x = PICTURE.transpose(0, 2, 3, 1) if last else PICTURE
    found = computed(body, f"uint8[{shapes[0]}] x", f"uint8[{shapes[1]}] y", constants, x=x)
    product = np.einsum("nchw,ck->nhwk", signal(PICTURE), B[:3].astype(float) * COLUMNS)
    wanted = rounded(product + bias * (2**-4 * COLUMNS))
    assert np.array_equal(found if last else found.transpose(0, 2, 3, 1), wanted)


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("floating", [True, False])
def test_gemm_is_floating_without_a_scale_of_its_result(turned, floating):
    constants = {
        **SCALES, "w": B.T if turned else B, "ws": COLUMNS, "wz": np.zeros(4, np.int8),
        "c": np.array([5, -40, 60, 7], np.int32),
    }  # fmt: skip
    scales = "" if floating else ", ys, yz"
    body = f"y = com.microsoft.QGemm<alpha = 0.5, transB = {turned}>(x, s, z, w, ws, wz, c{scales})"
    kind = "float" if floating else "uint8"
    found = computed(body, "uint8[2,6] x", f"{kind}[2,4] y", constants, x=A)
    units = 2**-4 * COLUMNS * 0.5
    real = ((A.astype(float) - 120) @ B.astype(float) + constants["c"]) * units
    assert np.array_equal(found, real if floating else rounded(real))


LIKE = {
    "QLinearAdd(x, s, z, x, s, z, ys, yz)": lambda x: x + x,
    "QLinearMul(x, s, z, x, s, z, ys, yz)": lambda x: x * x,
    "QLinearLeakyRelu<alpha = 0.25>(x, s, z, ys, yz)": lambda x: np.where(x > 0, x, x / 4),
    "QLinearConcat<axis = 1>(ys, yz, x, s, z, x, s, z)": lambda x: np.concatenate([x, x], 1),
    "QLinearAveragePool<kernel_shape = [1, 2]>(x, s, z, ys, yz)": lambda x: x.mean(
        -1, keepdims=True
    ),
    "QuantizeLinear(f, ys, yz)": lambda x: x,
}


@pytest.mark.parametrize("said", LIKE)
def test_operators_as_on_floats(said):
    made = said.replace("(f,", "(floats,")
    body = f"floats = DequantizeLinear(x, s, z) y = com.microsoft.{made}"
    found = computed(body, "uint8[1,3,2,2] x", "uint8 y", SCALES, x=PICTURE)
    assert np.array_equal(found, rounded(LIKE[said](signal(PICTURE))))


def test_a_floating_product_of_integers():
    constants = {**SCALES, "w": B, "ws": COLUMNS, "wz": np.zeros(4, np.int8), "c": COLUMNS}
    body = "y = com.microsoft.MatMulIntegerToFloat(x, w, s, ws, z, wz, c)"
    found = computed(body, "uint8[2,6] x", "float[2,4] y", constants, x=A)
    assert np.array_equal(found, signal(A) @ (B.astype(float) * COLUMNS) + COLUMNS)


# A range of 255 / 16 has a step of 1 / 16 and a zero point of 128.
FLOATS = np.array([[-8, 127 / 16, 1, -0.5, 3, 0.25], [2, -3, 0.75, 5, -1, 0]], np.float32)
WHOLE = "q, s, z = DynamicQuantizeLinear(x) i = MatMulInteger(q, w, z, wz) f = Cast<to = 1>(i) "
WEIGHTS = {"w": B, "ws": SCALES["ws"], "wz": SCALES["wz"]}
FORMS = {
    "one": "y = com.microsoft.DynamicQuantizeMatMul(x, w, ws, wz)",
    "four": WHOLE + "k = Mul(s, ws) y = Mul(f, k)",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_dynamically_quantised_product(form):
    found = computed(FORMS[form], "float[2,6] x", "float[2,4] y", WEIGHTS, x=FLOATS)
    assert np.array_equal(found, FLOATS.astype(float) @ ((B.astype(float) - 3) * 2**-3))


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        (WHOLE, "float f"),
        (WHOLE + "k = Mul(s, ws) y = Add(f, k)", "float y"),
        (WHOLE + "y = Mul(f, s)", "float y"),
        (WHOLE + "k = Mul(s, s) y = Mul(f, k)", "float y"),
        (WHOLE + "k = Mul(s, ws) y = Mul(f, k)", "float y, float f"),
        (WHOLE + "k = Mul(s, ws) y = Mul(f, k) r = Neg(f)", "float y, float r"),
        ("y = com.microsoft.DynamicQuantizeMatMul(x, x, ws, wz)", "float y"),
    ],
    ids=["no scale", "a sum", "one scale", "no constant", "an output", "two readers", "computed"],
)
def test_integers_without_one_meaning_stay(body, outputs):
    made = graph(body, "float[2,6] x", outputs, **WEIGHTS)
    assert expand(made) is made


@pytest.mark.parametrize(
    "body",
    [
        "QGemm<transA = 1>(x, s, z, w, ws, wz)",
        "QLinearAveragePool<kernel_shape = [2, 2], channels_last = 1>(x, s, z, ys, yz)",
        "QLinearSoftmax<opset = 11>(x, s, z, ys, yz)",
        "QLinearAdd(x, s, z, x, s, z, many, yz)",
    ],
)
def test_forms_that_stay(body):
    made = graph(f"y = com.microsoft.{body}", "uint8[2,6] x", many=COLUMNS, w=B, **SCALES)
    assert expand(made) is made
