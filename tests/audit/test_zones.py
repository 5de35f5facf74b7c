"""Zones of a picture and the small map that is kept of it."""

import numpy as np
import pytest

from onnxplain.audit.zones import CORNERS, SIDE, evidence_shares, small, zones


@pytest.mark.parametrize("size", [(32, 32), (224, 224), (8, 16)])
def test_areas(size):
    found = {name: mask.mean() for name, mask in zones(size).items()}
    assert found["centre"] == pytest.approx(1 / 4)
    assert found["border"] == pytest.approx(1 - 9 / 16)
    for corner in CORNERS:
        assert found[corner] == pytest.approx(1 / 16)


def test_corners_are_where_they_say():
    found = zones((8, 8))
    for name, place in zip(CORNERS, [(0, 0), (0, 7), (7, 0), (7, 7)], strict=True):
        assert found[name][place]
        assert sum(found[other][place] for other in CORNERS) == 1


def test_shares_of_a_flat_map_are_the_areas_and_of_a_point_all_or_nothing():
    flat = evidence_shares(np.ones((16, 16)), zones((16, 16))["centre"])
    assert flat["centre"] == flat["mask"] == pytest.approx(1 / 4)
    point = np.full((16, 16), -1.0)
    point[0, 15] = 2.0
    found = evidence_shares(point)
    assert found["top right"] == found["border"] == 1.0
    assert found["centre"] == found["top left"] == 0.0
    assert set(evidence_shares(-np.ones((16, 16))).values()) == {0.0}


@pytest.mark.parametrize("shape", [(28, 28), (56, 84), (8, 8), (30, 45), (224, 224)])
def test_the_small_map_keeps_means_of_halves(shape):
    heatmap = np.random.default_rng(0).normal(size=shape)
    found = small(heatmap)
    assert found.shape == (SIDE, SIDE)
    assert found.mean() == pytest.approx(heatmap.mean(), abs=1e-6)
    half = heatmap[: shape[0] // 2].mean()
    if shape[0] % 2 == 0:
        assert found[: SIDE // 2].mean() == pytest.approx(half, abs=1e-6)


def test_the_small_map_of_its_own_size_is_the_map():
    heatmap = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    np.testing.assert_allclose(small(heatmap), heatmap, atol=1e-6)
