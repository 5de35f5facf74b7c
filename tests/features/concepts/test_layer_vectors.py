"""Vectors of a layer and slopes along them: NumPy, and finite differences."""

import numpy as np
import pytest
from features.small import inputs, opened, pixels, tensors, written

from onnxplain.errors import NoSlopeError, UnsupportedModelError, UsageError
from onnxplain.features.concepts import layer_vectors as module
from onnxplain.features.concepts.layer_vectors import layer_slopes, layer_vectors, require_slope


@pytest.fixture(scope="module")
def model():
    return opened(precision="double", batch_size=2)


def test_vectors_are_what_the_layer_answers(model, tmp_path):
    samples = written(tmp_path, 5, broken=(1,))
    values = tensors(inputs(0, 2, 3, 4))["d"]
    every, mean = (layer_vectors(model, samples, "d", p) for p in ("all", "mean"))
    np.testing.assert_array_equal(every.vectors, values.reshape(4, -1))
    np.testing.assert_allclose(mean.vectors, values.mean(axis=(2, 3)), rtol=1e-6)
    assert every.kept.tolist() == [0, 2, 3, 4]
    assert [s.name for s in mean.skipped] == ["01.png"]


@pytest.mark.parametrize("places", ["all", "mean"])
def test_slopes_are_finite_differences_of_the_rest_of_the_network(model, places):
    """From the last hidden vector on everything is a matrix; a mean moves what it is made of."""
    target = model.explain(pixels(0), "grad-cam", 1).target
    slopes = layer_slopes(model, inputs(0, 5), target, "r", places)
    from features.small import DENSE

    w = DENSE["w2"].astype(np.float64)
    wanted = w[:, 1] - w[:, [0, 2]].mean(axis=1)  # less the mean of the others
    np.testing.assert_allclose(slopes, np.stack([wanted, wanted]), rtol=1e-12)


def test_a_mean_moves_all_places_alike(model):
    target = model.explain(pixels(0), "grad-cam", 1).target
    every, mean = (layer_slopes(model, inputs(0), target, "d", p) for p in ("all", "mean"))
    np.testing.assert_allclose(mean, every.reshape(5, -1).sum(axis=1)[None], rtol=1e-12)


def test_refusals(model, tmp_path, monkeypatch):
    samples = written(tmp_path, 2)
    with pytest.raises(UsageError, match="places 'some' is not known; allowed: all, mean"):
        layer_vectors(model, samples, "d", "some")
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    with pytest.raises(UnsupportedModelError, match="too large to be held; choose a later layer"):
        layer_vectors(model, samples, "d")
    with pytest.raises(NoSlopeError, match="gradient is zero at layer 'd'"):
        require_slope(np.zeros((2, 3)), "d")
