"""Classes and values in all forms: the map of the file is that of `explain`, target by target."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.export.agreement import assert_same, made
from tests.forms_of_answers import VECTOR, model

STOPPED = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument
X = np.random.default_rng(5).random((1, 3, 6, 6)).astype(np.float32)
Z4, Z1 = "z = MatMul(f, w4) ", "z = MatMul(f, w1) "
METHODS = "gradient,integrated-gradients"
# Body and columns.
FORMS = {
    "softmax": (Z4 + "out = Softmax<axis=1>(z)", 4),
    "log-softmax": (Z4 + "out = LogSoftmax<axis=1>(z)", 4),
    "temperature": (Z4 + "t = Div(z, two) out = Softmax<axis=1>(t)", 4),
    "softmin": (Z4 + "n = Neg(z) out = Softmax<axis=1>(n)", 4),
    "labels": (Z4 + "out = Sigmoid(z)", 4),
    "yes-no": (Z1 + "out = Sigmoid(z)", 1),
    "one-minus": (Z1 + "s = Sigmoid(z) out = Sub(one, s)", 1),
    "joined": (Z4 + "a = Sigmoid(z) y = MatMul(f, v1) b = Sigmoid(y) out = Concat<axis=1>(a, b)",
               5),
    "background-off": (Z4 + "s = Softmax<axis=1>(z) out = Slice(s, l1, l4, l1)", 3),
    "mixture": (Z4 + "y = MatMul(f, v4) a = Softmax<axis=1>(z) b = Softmax<axis=1>(y) "
                "s = Add(a, b) out = Mul(s, half)", 4),
    "logits": ("out = MatMul(f, w4)", 4),
}  # fmt: skip


def form(name):
    body, columns = FORMS[name]
    return model(f"{VECTOR} {body}", [f"double[N,{columns}] out"])


@pytest.mark.parametrize("name", FORMS)
def test_every_target_is_that_of_explain(name, tmp_path):
    file = made(form(name), tmp_path, METHODS)
    metadata = {m.key: m.value for m in onnx.load(file.path).metadata_props}
    unit = file.model.explain(X, "gradient").target.unit
    assert json.loads(metadata["onnxplain.export"])["score"] == unit
    count = file.model.task.count
    cases = [({}, None, {}), ({"contrast": [-2]}, None, {"margin": True})]
    cases += [({"target": [k]}, k, {}) for k in range(count)]
    cases += [({"target": [k], "contrast": [-1]}, k, {"kind": "logit"}) for k in range(count)]
    cases += [({"target": [1], "contrast": [0]}, 1, {"contrast": 0})]
    # The prediction is taken among the other classes.
    cases += [({"contrast": [k]}, None, {"contrast": k}) for k in range(count)]
    for feeds, target, options in cases:
        for method, values in file.maps(X, **feeds).items():
            assert_same(values[0], file.explained(X, target, method, **options))


def test_a_class_against_itself_stops_the_run(tmp_path):
    file = made(form("softmax"), tmp_path)
    with pytest.raises(STOPPED, match="idx"):
        file.maps(X, target=[2], contrast=[2])


def test_labels_that_are_certain_are_ranked_as_in_explain(tmp_path):
    """Two probabilities that are 1 in double precision: the first of them, not the larger logit."""
    proto = model(
        f"{VECTOR} " + Z4 + "l = Mul(z, forty) m = Add(l, far) out = Sigmoid(m)",
        ["double[N,4] out"],
        extra={"far": np.array([-1e3, 300.0, 900.0, -1e3])},
    )
    file = made(proto, tmp_path)
    assert_same(file.maps(X)["gradient"][0], file.explained(X, None, "gradient"))
    assert_same(file.maps(X)["gradient"][0], file.explained(X, 1, "gradient"))


def test_the_default_is_what_was_named(tmp_path):
    file = made(form("softmax"), tmp_path, target="2")
    assert_same(file.maps(X)["gradient"][0], file.explained(X, 2, "gradient"))


@pytest.mark.parametrize("activation", ["Sigmoid", "Tanh"])
def test_a_value_is_named_by_its_index(tmp_path, activation):
    body = f"{VECTOR} z = MatMul(f, w3) s = {activation}(z) out = Mul(s, forty)"
    file = made(model(body, ["double[N,3] out"]), tmp_path, METHODS, target=1,
                loading={"task": "values"})  # fmt: skip
    assert "contrast" not in file.found.written.inputs
    for target in range(3):
        for method, values in file.maps(X, target=[target]).items():
            assert_same(values[0], file.explained(X, target, method))
    with pytest.raises(STOPPED, match="idx"):
        file.maps(X, target=[-1])
