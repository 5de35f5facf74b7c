"""What a mark does alone: by hand on networks of a few weights."""

import numpy as np
import pytest
from audit.shortcuts.test_transplant import LAYOUTS, opened, saved, sees
from handmade import model as network

from onnxplain.audit.shortcuts.mark import effect, leads

SIDE = 8
INSIDE = (slice(None), slice(None), slice(0, 2), slice(0, 2))


def inputs(count, seed, corner=None):
    found = np.random.default_rng(seed).uniform(0, 0.1, (count, 1, SIDE, SIDE)).astype(np.float32)
    if corner is not None:
        found[:, 0, :2, :2] = corner
    return found


@pytest.fixture
def model(tmp_path):
    """Class 1 by the first two pixels of the corner, and by what lies in the middle."""
    weights = sees(slice(0, 1), slice(0, 2), 3.0) + sees(slice(4, 5), slice(4, 6), 2.0)
    return opened(tmp_path / "model.onnx", weights)


def test_the_lead_is_that_in_front_of_softmax(model):
    x = inputs(5, 0)
    first, second = x[:, 0, 0, :2].sum(axis=1), x[:, 0, 4, 4:6].sum(axis=1)
    np.testing.assert_allclose(leads(model, x, 1), 3 * first + 2 * second, atol=1e-5)
    np.testing.assert_allclose(leads(model, x, 0), -leads(model, x, 1), atol=1e-12)


def test_way_and_steadiness_by_hand(model):
    """The first row recurs in the donors; the second varies and is not taken along."""
    donors, hosts = inputs(6, 1), inputs(7, 2)
    donors[:, 0, 0, :2], donors[:, 0, 4, 4:6] = 0.9, 0.5
    found = effect(model, 1, INSIDE, donors, hosts, 1)
    far = np.roll(hosts, -3, axis=0)
    before = 3 * far[:, 0, 0, :2].sum(axis=1) + 2 * hosts[:, 0, 4, 4:6].sum(axis=1)
    moves = 3 * 1.8 - 3 * far[:, 0, 0, :2].sum(axis=1)
    own = 3 * 1.8 + 2 * 1.0
    assert found.way == pytest.approx(moves.mean() / (own - before.mean()), rel=1e-4)
    assert found.steady == pytest.approx(moves.mean() / moves.std(), rel=1e-3)
    other = effect(model, 0, INSIDE, donors, hosts, 1)
    assert other.way == 0.0  # its donors are no farther on the way
    assert other.steady == pytest.approx(-found.steady, rel=1e-6)


def test_what_varies_is_no_mark(model):
    assert effect(model, 1, INSIDE, inputs(6, 1), inputs(7, 2), 1) is None


def test_a_mark_that_the_model_does_not_look_at_does_nothing(tmp_path):
    model = opened(tmp_path / "model.onnx", sees(slice(4, 6), slice(4, 6), 2.0))
    found = effect(model, 1, INSIDE, inputs(6, 1, 0.9), inputs(8, 2), 1)
    assert found == (0.0, 0.0)


def test_in_a_network_where_it_needs_the_rest_a_part_is_not_steady(tmp_path):
    """Class 1 is the smaller of two sums: the corner counts only beside a bright middle."""
    weights = np.zeros((SIDE * SIDE, 2))
    weights[:, 0] = sees(slice(0, 2), slice(0, 2), 1.0).ravel()
    weights[:, 1] = sees(slice(4, 6), slice(4, 6), 1.0).ravel()
    proto = network(
        "f = Flatten(x) s = MatMul(f, w) m = ReduceMin<axes = [1], keepdims = 1>(s) "
        "z = Sub(m, m) y = Concat<axis = 1>(z, m) scores = Softmax<axis = 1>(y)",
        {"w": weights}, image=LAYOUTS["NCHW"], output="float[N,2] scores",
    )  # fmt: skip
    model = saved(tmp_path / "model.onnx", proto)
    donors, hosts = inputs(6, 1, 0.9), inputs(8, 2)
    donors[:, 0, 4:6, 4:6] = hosts[::2, 0, 4:6, 4:6] = 0.9
    found = effect(model, 1, INSIDE, donors, hosts, 1)
    assert found.way > 0.125
    assert 0 < found.steady < 1.5
