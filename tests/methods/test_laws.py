"""Laws that hold for every method, whatever the numbers."""

import functools

import nets
import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of
from hypothesis import given, settings
from hypothesis import strategies as st
from originals import difference

from onnxplain.methods import find

BODY = """
    c = Conv<pads = [1,1,1,1], strides = [2,2]>(image, w, b) s = Relu(c)
    p = GlobalAveragePool(s) f = Flatten(p) scores = Gemm<transB = 1>(f, u, a)
"""
CHEAP = {"window": 3, "stride": 2}
METHODS = {
    "saliency": {},
    "gradient-x-input": {},
    "integrated-gradients": {"steps": 4, "max_steps": 8},
    "lrp": {},
    "cam": {},
    "grad-cam": {},
    "occlusion": CHEAP,
}
CLASSES = 4
few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def weights(seed=0, classes=CLASSES):
    rng = np.random.default_rng(seed)
    return {
        "w": rng.normal(size=(5, 3, 3, 3)),
        "b": rng.normal(size=5),
        "u": rng.normal(size=(classes, 5)),
        "a": rng.normal(size=classes),
    }


@functools.cache
def context(batch_size=None):
    return context_of(model(BODY, weights()), batch_size=batch_size)


def images(seed, count):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, 6, 6))


def run(name, x, given_subject=None, index=1, **options):
    on = given_subject or context()
    return find(name).function(on, x, target_of(on, index), **{**METHODS[name], **options})


def assert_same(ours, theirs, name):
    # Forward passes of the user's file are float32, and other batches sum in another order.
    tolerance = 1e-4 if name in ("cam", "occlusion") else 1e-10
    scale = np.abs(theirs.values).max()
    np.testing.assert_allclose(ours.values, theirs.values, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("name", METHODS)
@few
@given(seed=seeds, count=st.integers(2, 4))
def test_a_picture_explained_in_a_batch_is_explained_as_alone(name, seed, count):
    xs = images(seed, count)
    joined = run(name, xs)
    for row in range(count):
        alone = run(name, xs[row : row + 1])
        scale = np.abs(joined.values).max()
        tolerance = 1e-4 if name in ("cam", "occlusion") else 1e-10
        assert np.abs(joined.values[row] - alone.values[0]).max() <= tolerance * scale
        for key, values in alone.measures.items():
            np.testing.assert_allclose(joined.measures[key][row], values[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
@few
@given(seed=seeds, batch_size=st.integers(1, 7))
def test_the_batch_size_changes_nothing(name, seed, batch_size):
    xs = images(seed, 3)
    assert_same(run(name, xs, context(batch_size)), run(name, xs), name)


@pytest.mark.parametrize("name", METHODS)
@few
@given(seed=seeds, order=st.permutations(range(CLASSES)), index=st.integers(0, CLASSES - 1))
def test_renumbering_the_classes_renumbers_the_explanations(name, seed, order, index):
    given_weights = weights()
    moved = {**given_weights, "u": given_weights["u"][order], "a": given_weights["a"][order]}
    renumbered = context_of(model(BODY, moved))
    x = images(seed, 1)
    assert_same(run(name, x, renumbered, index), run(name, x, index=order[index]), name)


@pytest.mark.parametrize("name", METHODS)
def test_a_score_without_weights_has_an_empty_explanation(name):
    empty = {**weights(), "u": np.zeros((CLASSES, 5)), "w": np.zeros((5, 3, 3, 3))}
    on = context_of(model(BODY, empty))
    if name == "grad-cam":  # it refuses to show a map of zeros
        with pytest.raises(Exception, match="gradient is zero"):
            run(name, images(0, 1), on)
    else:
        assert not run(name, images(0, 1), on).values.any()


@pytest.mark.parametrize("name", [n for n in METHODS if n not in ("occlusion", "lrp")])
@few
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_a_score_in_another_unit_scales_the_explanation(name, seed, factor):
    factor = float(np.float32(factor))
    given_weights = weights()
    scaled = {**given_weights, "u": given_weights["u"] * factor, "a": given_weights["a"] * factor}
    x = images(seed, 1)
    found = run(name, x, context_of(model(BODY, scaled)))
    expected = factor * run(name, x).values
    assert np.abs(found.values - expected).max() <= 1e-5 * np.abs(expected).max()


@few
@given(seed=seeds, shift=st.sampled_from([2, 4]))
def test_occlusion_follows_a_picture_that_moves(seed, shift):
    """Circular shifts by the stride of a network that sees no border."""
    body = "c = Conv(image, w) s = Relu(c) p = GlobalAveragePool(s) scores = Flatten(p)"
    on = context_of(model(body, w=np.random.default_rng(0).normal(size=(4, 3, 1, 1))))
    x = images(seed, 1)
    options = {"window": 2, "stride": 2, "fill_with": "0"}
    still = run("occlusion", x, on, **options).values
    moved = run("occlusion", np.roll(x, shift, axis=3), on, **options).values
    assert difference(moved, np.roll(still, shift, axis=2)) < 1e-4
    assert difference(moved, still) > 1e-2


@pytest.mark.parametrize("name", METHODS)
def test_the_input_is_left_as_it_was(name):
    x = images(0, 2)
    before = x.copy()
    run(name, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", METHODS)
def test_another_run_gives_the_same_bits(name):
    x = images(0, 2)
    np.testing.assert_array_equal(run(name, x).values, run(name, x).values)


@pytest.mark.parametrize("name", list(nets.NETS))
def test_networks_of_the_tests_vary(name):
    """Comparisons of a network that answers the same to every picture would prove nothing."""
    x = torch.from_numpy(nets.images(name, 8, seed=3)).float()
    scores = nets.network(name)(x).detach().numpy()
    assert scores.std(0).mean() > 0.02 * np.ptp(scores)
