"""From attributions to maps: sums, resizing, scaling, and what is shown."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onnxplain.errors import UsageError
from onnxplain.explanations.display import displayed, limit, reduce_channels, scale, upsample

MAPS = arrays(
    np.float64, (3, 4), elements=st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)
)


@pytest.mark.parametrize(("axes", "shape"), [("CHW", (3, 4, 5)), ("HWC", (4, 5, 3))])
def test_channels_are_summed_wherever_they_are(axes, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = values.astype(np.float64).sum(axis=axes.index("C"))
    found = reduce_channels(values, tuple(axes))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float64


def test_a_map_without_channels_is_left_alone():
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(reduce_channels(values, ("H", "W")), values)


@pytest.mark.parametrize("size", [(7, 7), (8, 12), (30, 21), (3, 2)])
def test_upsampling_is_pytorchs_bilinear(size):
    values = np.random.default_rng(1).normal(size=(4, 3))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(upsample(values, size), expected[0, 0].numpy(), atol=1e-12)


def test_upsampling_one_cell_gives_a_constant():
    # The weights of one place sum to one up to rounding.
    np.testing.assert_allclose(upsample(np.array([[2.5]]), (3, 4)), 2.5, rtol=1e-15)


def test_each_scaling_by_hand():
    values = np.array([[-4.0, 0.0, 1.0, 2.0]])
    np.testing.assert_array_equal(scale(values, "none"), values)
    np.testing.assert_array_equal(scale(values, "absmax"), [[-1, 0, 0.25, 0.5]])
    np.testing.assert_allclose(scale(values, "minmax"), [[0, 4 / 6, 5 / 6, 1]])
    np.testing.assert_array_equal(scale(values, "percentile", 50.0), [[-1, 0, 0.5, 1]])


def test_the_percentile_is_taken_among_what_is_not_zero():
    values = np.zeros((10, 10))
    values[0] = np.arange(1, 11)
    assert limit(values, 99.0) == pytest.approx(np.percentile(np.arange(1, 11), 99))
    assert limit(np.zeros((2, 2)), 99.0) == 0.0


@pytest.mark.parametrize("scaling", ["absmax", "minmax", "percentile"])
def test_a_constant_zero_stays_zero(scaling):
    np.testing.assert_array_equal(scale(np.zeros((2, 3)), scaling), np.zeros((2, 3)))


def test_an_unknown_scaling_names_the_known_ones():
    with pytest.raises(UsageError, match="absmax, minmax, percentile"):
        scale(np.ones((2, 2)), "max")


@given(MAPS)
def test_signs_and_order_survive_and_nothing_leaves_the_range(values):
    for scaling in ("absmax", "percentile"):
        found = scale(values, scaling)
        assert np.abs(found).max() <= 1.0
        np.testing.assert_array_equal(np.sign(found), np.sign(values))
        order = np.argsort(values, axis=None, kind="stable")
        assert (np.diff(found.ravel()[order]) >= 0).all()


@given(MAPS, st.floats(1e-3, 1e3))
def test_units_do_not_matter(values, factor):
    np.testing.assert_allclose(
        scale(values * factor, "absmax"), scale(values, "absmax"), rtol=1e-9, atol=1e-300
    )


def test_what_is_displayed():
    values = np.array([[-2.0, 0.0, 3.0]])
    np.testing.assert_array_equal(displayed(values, "signed"), values)
    np.testing.assert_array_equal(displayed(values, "positive"), [[0, 0, 3]])
    np.testing.assert_array_equal(displayed(values, "magnitude"), [[2, 0, 3]])
