"""Activations as the numbers that they stand for, and signals in units of these numbers."""

import numpy as np
import pytest
from features.small import WEIGHTS, convolved, inputs, opened, tensors
from quantised_twins import DIGIT, GAP
from quantised_twins import opened as digits

from onnxplain.errors import MethodRefusedError
from onnxplain.features.activations import activations, back_project

X = inputs(0, 1, 2)
NUMBERS = {"s": np.array(0.5, np.float32), "z": np.array(3, np.uint8), "three": np.array([3.0])}
TEN = np.array([10.0])
QUANTISED = """
    m = Mul(image, three) q = QuantizeLinear(m, s, z) t = Transpose<perm = [0,2,3,1]>(q)
    e = DequantizeLinear(t, s, z) scores = ReduceMax<axes = [1,2], keepdims = 0>(e)
"""


def test_tensors_of_floats_are_what_they_are():
    found = activations(opened(), X, ["b", "scores", "image"])
    for name, wanted in {**tensors(X), "image": X}.items():
        if name in found:
            np.testing.assert_array_equal(found[name], wanted)
            assert found[name].dtype == np.float32


def test_tensors_of_floats_are_handed_on_bit_for_bit():
    model, layer = digits(GAP), "/6/Relu_output_0"
    x = model.read(DIGIT).x
    found = activations(model, x, [layer, "image"])
    np.testing.assert_array_equal(found[layer], model.network.ort.activations(x, [layer])[layer])
    np.testing.assert_array_equal(found["image"], x)


def test_integers_are_the_numbers_that_they_stand_for():
    """Also behind a node that only moves them; what is too large is cut off."""
    found = activations(opened(QUANTISED, **{**NUMBERS, "three": TEN}), X, ["q", "t", "e"])
    wanted = (np.clip(np.rint(10 * X / 0.5) + 3, 0, 255) - 3) * 0.5
    assert found["q"].dtype == found["t"].dtype == np.float32
    np.testing.assert_array_equal(found["q"], wanted)
    np.testing.assert_array_equal(found["t"], np.moveaxis(wanted, 1, -1))
    np.testing.assert_array_equal(found["e"], np.moveaxis(wanted, 1, -1))
    assert wanted.max() == (255 - 3) * 0.5


def test_integers_of_an_unknown_scale_are_refused():
    body = """
        q, s, z = DynamicQuantizeLinear(image) e = DequantizeLinear(q, s, z)
        g = GlobalMaxPool(e) scores = Flatten(g)
    """
    model = opened(body)
    with pytest.raises(MethodRefusedError, match=r"'q' holds uint8 numbers whose scale is not"):
        activations(model, X[:1], ["q"])
    assert activations(model, X[:1], ["e"])["e"].shape == X[:1].shape


def test_a_sequence_is_left_out():
    body = """
        u = SequenceConstruct(image, image) n = SequenceLength(u) k = Cast<to = 1>(n)
        m = Mul(image, k) g = GlobalMaxPool(m) scores = Flatten(g)
    """
    assert set(activations(opened(body), X, ["u", "m"])) == {"m"}


def test_a_signal_is_carried_back_in_the_unit_of_the_numbers():
    """A step of the numbers at a quantised layer is as much as at the layer before it."""
    model = opened(QUANTISED, **NUMBERS)
    seeds = np.random.default_rng(0).normal(size=(3, 2, *X.shape[1:])).astype(np.float32)
    found = back_project(model, X, "q", seeds)
    inside = (3 * X / 0.5 + 3 <= 255)[:, None]
    assert inside.all()
    np.testing.assert_allclose(found, 3 * seeds, rtol=1e-6)


def test_signals_of_floats_go_back_by_the_transposed_jacobian():
    model = opened(precision="double")
    rng = np.random.default_rng(1)
    seeds = rng.integers(-3, 4, (2, 3, 4, 12, 12)).astype(np.float32)
    found = back_project(model, X[:2], "a", seeds)
    way = rng.integers(-3, 4, X[:2].shape).astype(np.float64)
    there = (seeds * convolved(way, WEIGHTS["k1"])[:, None]).sum(axis=(2, 3, 4))
    np.testing.assert_allclose((found * way[:, None]).sum(axis=(2, 3, 4)), there, rtol=1e-12)


@pytest.mark.parametrize(("rectify", "kept"), [("guided", "both"), ("deconvnet", "signal")])
def test_signals_are_filtered_where_they_are_told_to(rectify, kept):
    model = opened(precision="double")
    seeds = np.random.default_rng(2).normal(size=(1, 1, 6)).astype(np.float32)
    found = back_project(model, X[:1], "r", seeds, rectify=rectify)
    wanted = back_project(model, X[:1], "h", passed(seeds, kept), rectify=rectify)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-9)
    assert found.any()


def passed(seeds, kept):
    active = tensors(X[:1])["r"][:, None] > 0
    assert active.any()
    assert not active.all()
    return np.where((seeds > 0) & (active | (kept == "signal")), seeds, 0)
