"""A layer is drawn where it answers, refused where that is nowhere, and measured once."""

from dataclasses import replace

import numpy as np
import pytest
from handmade import model

from onnxplain.adapters.placement import Placement
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import measured, placed, placement, placement_warnings

GRID = (4, 6)
ORDER = np.random.default_rng(5).permutation(24)
BODY = """
    a = Conv<strides = [4,4]>(image, k) f = Reshape(a, flat) m = Gather<axis = 2>(f, order)
    t = Transpose<perm = [0,2,1]>(m) q = Mul(t, t) p = ReduceMean<axes = [1], keepdims = 0>(q)
    scores = MatMul(p, w)
"""
RNG = np.random.default_rng(0)
WEIGHTS = {
    "k": np.kron(RNG.uniform(0.5, 1.5, (8, 3, 1, 1)), np.ones((1, 1, 4, 4))) / 48,
    "flat": np.array([0, 8, 24]),
    "w": RNG.normal(size=(8, 3)),
}
TOKENS = SpatialLayer("t", "Transpose", ("N", "L", "C"), GRID, 8)
MAPS = SpatialLayer("a", "Conv", ("N", "C", "H", "W"), GRID, 8)


@pytest.fixture(scope="module")
def network():
    """Cells of 4 x 4 pixels, which the graph puts into another order."""
    proto = model(BODY, {**WEIGHTS, "order": ORDER}, image="float[N,3,16,24] image")
    return Network(prepare(proto), device="cpu")


@pytest.fixture(autouse=True)
def nothing_is_known(network):
    network.placements.clear()


def test_a_layer_in_the_pictures_order_stays_as_it_is(network):
    assert measured(network, MAPS).verdict == "agrees"
    assert placed(network, MAPS) is MAPS
    assert placement_warnings(network, "a") == ()


def test_a_layer_in_another_order_is_put_into_the_pictures(network):
    """Token k holds the cell ORDER[k], so that cell c stands where ORDER is c."""
    found = placed(network, TOKENS)
    np.testing.assert_array_equal(found.order, np.argsort(ORDER))
    x = np.random.default_rng(1).random((1, 3, 16, 24)).astype(np.float32)
    values = network.ort.activations(x, ["t", "a"])
    np.testing.assert_array_equal(found.to_maps(values["t"]), values["a"])
    (said,) = placement_warnings(network, "t")
    assert "the places of layer 't' are not in the picture's order" in said
    assert "as measured" in said


def test_an_order_that_is_known_is_corrected_too(network):
    """Half of the way is given; what is measured is put behind it."""
    half = np.random.default_rng(2).permutation(24)
    given = SpatialLayer("t", "Transpose", ("N", "L", "C"), GRID, 8, order=half)
    np.testing.assert_array_equal(placed(network, given).order, np.argsort(ORDER))


def test_a_layer_is_measured_once(network, monkeypatch):
    first = placement(network, TOKENS)
    assert network.placements == {"t": first}
    monkeypatch.setattr(type(network.ort), "activations", None)
    assert placement(network, TOKENS) is first
    placed(network, TOKENS)


def test_a_layer_that_answers_elsewhere_is_refused(network):
    network.placements["t"] = Placement("elsewhere", own=-0.1, best=0.625)
    with pytest.raises(MethodRefusedError, match=r"explains 0% of .* 62% of .* --layer") as caught:
        placed(network, TOKENS)
    assert "\n" not in str(caught.value)


def test_nothing_is_said_of_what_nobody_measured(network):
    assert placement_warnings(network, None) == placement_warnings(network, "t") == ()


@pytest.mark.parametrize("guessed", [True, False])
def test_a_guess_that_could_not_be_measured_is_said(network, monkeypatch, guessed):
    network.placements["t"] = Placement("undecided")
    axes = replace(network.axes, guessed=frozenset({"t"} if guessed else ()))
    monkeypatch.setitem(network.__dict__, "axes", axes)
    said = placement_warnings(network, "t")
    assert [("are guessed from axis lengths" in line) for line in said] == [True] * guessed
    assert placed(network, TOKENS) is TOKENS


def test_a_file_that_takes_one_picture_at_a_time_is_measured_so():
    """A batch does not fit into the shape that the file writes."""
    body = BODY.replace("f = Reshape(a, flat)", "f = Reshape(a, one)")
    weights = {**WEIGHTS, "order": ORDER, "one": np.array([1, 8, 24])}
    del weights["flat"]
    network = Network(prepare(model(body, weights, image="float[N,3,16,24] image")), device="cpu")
    found = measured(network, TOKENS)
    assert found.verdict == "permuted"
    np.testing.assert_array_equal(found.order, np.argsort(ORDER))


def test_a_file_that_does_not_run_leaves_it_open(network, monkeypatch):
    def refusing(self, x, names):
        raise MethodRefusedError("it does not run")

    monkeypatch.setattr(type(network.ort), "activations", refusing)
    monkeypatch.setattr(network, "example", network.random_input)
    assert measured(network, MAPS).verdict == "undecided"
