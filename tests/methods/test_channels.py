"""Channels named by people, their sums, and the strongest of them."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.methods.channels import channel_axis, channel_mask, channel_sums, top_channels

BODY = """
    c = Conv(image, k) t = Transpose<perm = [0, 2, 3, 1]>(c) g = GlobalAveragePool(c)
    f = Flatten(g) scores = MatMul(f, w)
"""


@pytest.fixture(scope="module")
def network():
    return context_of(model(BODY, k=np.ones((4, 3, 1, 1)), w=np.ones((4, 2)))).network


def test_where_channels_are(network):
    assert channel_axis(network, "c") == 1
    assert channel_axis(network, "f") == 1
    with pytest.raises(MethodRefusedError, match="no axis that is known to hold channels"):
        channel_axis(network, "w_unknown")


@pytest.mark.parametrize("channels", ["0, 3", "0 3", "[0, 3]", [0, 3], "(3,0)"])
def test_a_mask_from_every_way_of_writing(network, channels):
    mask = channel_mask(network, "c", channels)
    assert mask.shape == (1, 4, 1, 1)
    assert mask.ravel().tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("channels", ["4", "-1", "one", "", "1.5", [0, 4]])
def test_what_is_no_channel_is_refused(network, channels):
    with pytest.raises(UsageError, match=r"of tensor 'c' is not one of 0\.\.3"):
        channel_mask(network, "c", channels)


def test_sums_over_places(network):
    relevance = np.arange(24.0).reshape(1, 4, 2, 3)
    found = channel_sums(network, "c", relevance)
    np.testing.assert_array_equal(found, [[15, 51, 87, 123]])
    np.testing.assert_array_equal(channel_sums(network, "f", found), found)


def test_the_strongest_of_either_sign_with_their_shares():
    found = top_channels(np.array([1.0, -4.0, 0.0, 3.0]), 2)
    assert found == [(1, -4.0, -0.5), (3, 3.0, 0.375)]
    assert top_channels(np.zeros(2)) == [(0, 0.0, 0.0), (1, 0.0, 0.0)]
