"""Feature maps taken one by one: order, limits and what is recorded."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.errors import UsageError
from onnxplain.graph.layers import SpatialLayer
from onnxplain.methods.one_by_one import channel_limits, strongest_first, taken_together
from onnxplain.perturb.anytime import Limits, Sampling

LAYER = SpatialLayer("t", "Conv", ("N", "C", "H", "W"), (1, 2), 5)


def test_the_largest_norm_comes_first_and_of_equals_the_first():
    maps = np.array([[[3.0, 4.0]], [[0.0, -6.0]], [[5.0, 0.0]], [[0.0, 0.0]]])
    assert strongest_first(maps).tolist() == [1, 0, 2, 3]


def test_limits_are_those_of_the_layer():
    assert channel_limits("m", LAYER, None, 2.0) == Limits(5, 2.0, least=1)
    assert channel_limits("m", LAYER, 3, None).samples == 3
    for wrong in (0, 6):
        with pytest.raises(UsageError, match=f"m: channels {wrong} is out of range; 't' has 5"):
            channel_limits("m", LAYER, wrong, None)


def test_maps_are_joined_with_the_number_of_channels_of_each():
    context = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 2))))
    samplings = []
    for count in (5, 2):
        sampling = Sampling(context, Limits(5, tolerance=1.0))
        sampling.advance(count)
        sampling.check(lambda: 0.0)
        samplings.append(sampling)
    maps = [np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]
    found = taken_together(maps, LAYER, samplings)
    np.testing.assert_array_equal(found.values, np.stack(maps))
    assert (found.axes, found.layer) == (("H", "W"), "t")
    assert found.parameters == {"channels": 5}
    assert found.measures["channels"].tolist() == [5, 2]
    assert found.notes == {"sampling_ended": ["all samples", "settled"]}
