"""Answers of the shipped models, and of outputs that answer nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from heads import VECTOR, file_says, model, opened, pictures, values
from scipy.special import softmax

from onnxplain.graph.answers.find import find_answers
from onnxplain.model.load import load

MODELS = Path(__file__).parents[3] / "models"
SHIPPED = {
    "digits-gap": 10,
    "digits-keras": 10,
    "digits-softmax": 10,
    "digits-vit": 10,
    "efficientnet-lite0": 1000,
    "efficientnet-lite0-int8": 1000,
    "fashion-cnn": 10,
    "flowers-fc": 12,
    "flowers-gap": 12,
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_answer_with_classes(name):
    network = load(MODELS / f"{name}.onnx").network
    (answer,) = find_answers(network.graph, network.shapes, network.image, {})
    assert (answer.task, answer.shape, answer.axis) == ("classes", (SHIPPED[name],), 0)
    probable = name in ("digits-keras", "digits-softmax", "fashion-cnn")
    assert (answer.probability is not None) == probable
    assert bool(answer.doubt) == (not probable)
    assert answer.logit is not None
    assert answer.followed == ()
    rng = np.random.default_rng(0)
    picture = rng.normal(size=network.image.shape).astype(network.image.dtype)
    tensors = values(network.graph, picture)
    session_output = tensors[answer.output]
    np.testing.assert_array_equal(answer.raw.read(tensors), session_output)
    if probable:
        logits = answer.logit.read(tensors)
        # Softmax in float32: one rounding for each of K terms of its sum, and a few more.
        bound = 16 * np.finfo(np.float32).eps
        np.testing.assert_allclose(softmax(logits, axis=1), session_output, rtol=bound, atol=bound)


def test_an_output_of_whole_percent_is_read_as_probabilities():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) s = Softmax<axis=1>(z) p = Mul(s, hundred) r = Round(p) "
        "out = Cast<to=7>(r)",
        ["int64[N,4] out"],
    )
    found = opened(made)
    picture = pictures(made)
    read = found.only.probability.read(values(found.graph, picture))
    np.testing.assert_allclose(read, file_says(made, picture)[0] / 100, rtol=1e-15)


def test_an_output_in_eight_bits_is_read_as_probabilities():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) y = Cast<to=1>(z) s = Softmax<axis=1>(y) "
        "q = QuantizeLinear(s, step, nil) out = DequantizeLinear(q, step, nil)",
        ["float[N,4] out"],
        extra={"step": np.array(1 / 256, np.float32), "nil": np.array(0, np.uint8)},
    )
    found = opened(made)
    picture = pictures(made)
    assert (found.only.task, found.only.shape) == ("classes", (4,))
    read = found.only.probability.read(values(found.graph, picture))
    np.testing.assert_array_equal(read, file_says(made, picture)[0])


def test_raw_integers_behind_a_shifted_quantisation():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) y = Cast<to=1>(z) s = Sigmoid(y) "
        "out = QuantizeLinear(s, step, nil)",
        ["int8[N,4] out"],
        extra={"step": np.array(1 / 256, np.float32), "nil": np.array(-128, np.int8)},
    )
    found = opened(made)
    picture = pictures(made)
    read = found.only.probability.read(values(found.graph, picture))
    said = (file_says(made, picture)[0].astype(np.float64) + 128) / 256
    # Half a step of the quantisation, and the rounding of a float32 Sigmoid.
    assert np.abs(read - said).max() <= 0.5 / 256 + np.finfo(np.float32).eps


def test_a_long_chain_is_no_head():
    steps = " ".join(f"t{k + 1} = Neg(t{k})" for k in range(500))
    made = model(f"{VECTOR} t0 = MatMul(f, w4) {steps}", ["double[N,4] t500"])
    assert opened(made).only.task == "classes"


def test_additions_of_a_tensor_to_itself_are_followed_once():
    steps = " ".join(f"t{k + 1} = Add(t{k}, t{k})" for k in range(40))
    made = model(f"{VECTOR} t0 = MatMul(f, w4) {steps}", ["double[N,4] t40"])
    assert opened(made).only.task == "classes"


def test_names_in_the_metadata_are_evidence_for_classes():
    made = model(f"{VECTOR} out = MatMul(f, w4)", ["double[N,4] out"])
    answer = opened(made, {"names": "['a', 'b', 'c', 'd']"}).only
    assert answer.task == "classes"
    assert "names 4 classes" in answer.doubt


def test_a_model_proto_is_left_as_it_is():
    made = model(f"{VECTOR} out = MatMul(f, w4)", ["double[N,4] out"])
    before = made.SerializeToString()
    opened(made)
    assert onnx.load_model_from_string(before) == made
