"""Crops: a slow transcription of bilinear sampling, the transpose, and their places."""

import numpy as np
import pytest

from onnxplain.explanations.display import upsample
from onnxplain.features.random_views import random_views, whole_view


def test_the_whole_is_resized_as_maps_are(rng):
    picture = rng.normal(size=(3, 5, 7))
    found = whole_view((5, 7), (11, 8)).of(picture)[0]
    for own, wanted in zip(found, picture, strict=True):
        np.testing.assert_allclose(own, upsample(wanted, (11, 8)), atol=1e-12)
    np.testing.assert_allclose(whole_view((5, 7), (5, 7)).of(picture)[0], picture, atol=1e-12)


def test_slopes_go_back_by_the_transpose(rng):
    views = random_views(rng, 4, (9, 12), (6, 5), 0.6)
    picture, slopes = rng.normal(size=(2, 9, 12)), rng.normal(size=(4, 2, 6, 5))
    there, back = (views.of(picture) * slopes).sum(), (picture * views.back(slopes)).sum()
    assert there == pytest.approx(back, rel=1e-12)


def test_crops_lie_inside_and_have_their_size(rng):
    """Of a picture whose values are its places."""
    rows, columns = np.mgrid[0:40, 0:60].astype(float)
    views = random_views(rng, 200, (40, 60), (20, 20), 0.5)
    found = views.of(np.stack([rows, columns]))
    assert found[:, 0].min() >= 0
    assert found[:, 0].max() <= 39
    assert found[:, 1].max() <= 59
    extents = (found[:, 0, -1, 0] - found[:, 0, 0, 0]) * 20 / 19 / 40
    assert extents.mean() == pytest.approx(0.5, abs=0.03)
    centres = found[:, 1].mean(axis=(1, 2)) / 59
    assert 0.45 < centres.mean() < 0.55
    assert centres.std() > 0.05


def test_a_picture_of_one_pixel():
    np.testing.assert_array_equal(whole_view((1, 1), (2, 3)).of(np.full((1, 1, 1), 4.0)), 4.0)
