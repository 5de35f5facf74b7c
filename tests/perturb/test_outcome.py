"""Runs of several pictures put together."""

import numpy as np
from handmade import context_of, model

from onnxplain.perturb.anytime import Limits, Sampling
from onnxplain.perturb.outcome import sampled


def runs(values, errors, counts):
    context = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 2))))
    for n, (value, error, count) in enumerate(zip(values, errors, counts, strict=True)):
        sampling = Sampling(context, Limits(10, tolerance=0.5, every=1))
        sampling.advance(count)
        sampling.check(lambda: 0.0)
        yield sampling, value, error, {"extra": np.full((1, 2), n)}


def test_maps_counts_and_errors_of_every_picture():
    values = [np.array([[0.0, 4.0]]), np.array([[1.0, 3.0]])]
    errors = [np.array([[1.0, 1.0]]), np.array([[3.0, 4.0]])]
    found = sampled(
        list(runs(values, errors, [10, 3])), parameters={"p": 1}, notes={"n": 2}, warnings=("w",)
    )
    np.testing.assert_array_equal(found.values, np.stack(values))
    np.testing.assert_array_equal(found.maps["standard_error"], np.stack(errors))
    np.testing.assert_array_equal(found.maps["extra"], [[[0, 0]], [[1, 1]]])
    np.testing.assert_array_equal(found.measures["samples"], [10, 3])
    # Root mean square over range: 1 / 4, and sqrt((9 + 16) / 2) / 2.
    np.testing.assert_allclose(found.measures["relative_error"], [0.25, np.sqrt(12.5) / 2])
    assert found.notes == {"sampling_ended": ["all samples", "settled"], "n": 2}
    assert (found.axes, found.parameters, found.warnings) == (("H", "W"), {"p": 1}, ("w",))


def test_the_error_of_a_map_with_channels_is_that_of_their_sum():
    # The channels sum to 0 and 2, and no channel by itself has that range.
    value, error = np.array([[[5.0, 3.0]], [[-5.0, -1.0]]]), np.array([[1.0, 1.0]])
    found = sampled(list(runs([value], [error], [10])), axes=("C", "H", "W"))
    assert found.measures["relative_error"] == [0.5]
