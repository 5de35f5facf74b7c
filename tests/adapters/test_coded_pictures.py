"""Pictures whose places are told apart, and how much of a cell follows each place."""

import numpy as np
import pytest

from onnxplain.adapters.coded_pictures import CodedPictures
from onnxplain.graph.image_input import ImageInput


def image(layout="NCHW", size=(8, 12), dtype="float32"):
    return ImageInput("image", dtype, layout, 3, size, None, False)


def drawn(places=(2, 3), count=16, seed=0, **kind):
    made = image(**kind)
    values = np.random.default_rng(9).uniform(0, 255, made.shape).astype(made.dtype)
    return values, CodedPictures.draw(values, made, places, count, seed)


def every(pictures):
    return pictures.inputs(0, len(pictures.codes))


def doubly_centred(values):
    rows, columns = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    return values - rows - columns + values.mean()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_each_place_has_as_many_of_both_textures(layout):
    _, found = drawn((4, 4), count=8, layout=layout, size=(8, 8))
    assert every(found).shape == (8, *image(layout, (8, 8)).shape[1:])
    np.testing.assert_array_equal(found.codes.sum(axis=0), 0)
    # Places with the same draw hold the same; others differ.
    pictures = np.moveaxis(every(found), layout.index("C"), 1)
    for place in range(16):
        row, column = (2 * n for n in divmod(place, 4))
        cut = pictures[:, :, row : row + 2, column : column + 2]
        for one in range(8):
            same = np.array_equal(cut[0], cut[one])
            assert same == (found.codes[0, place] == found.codes[one, place])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_places_are_as_equal_as_the_size_allows(layout):
    _, found = drawn((2, 3), layout=layout, size=(5, 10))
    pictures = np.moveaxis(every(found), layout.index("C"), 1)
    rows, columns = [0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    for y, x in np.ndindex(5, 10):
        codes = found.codes[:, 3 * rows[y] + columns[x]]
        textures = {c: pictures[codes == c][:, :, y, x] for c in (-1, 1)}
        assert all(np.ptp(t, axis=0).max() == 0 for t in textures.values())
        assert (textures[-1][0] != textures[1][0]).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_pictures_stay_in_the_range_and_type_of_the_example(dtype):
    example, found = drawn(dtype=dtype)
    assert every(found).dtype == example.dtype == np.dtype(dtype)
    assert example.min() <= every(found).min() < every(found).max() <= example.max()


def test_draws_repeat_with_their_seed_only():
    (_, one), (_, same), (_, other) = (drawn(seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(every(one), every(same))
    np.testing.assert_array_equal(one.codes, same.codes)
    assert (one.codes != other.codes).any()
    assert (every(one) != every(other)).any()


def test_shares_are_squared_correlations_less_what_all_have(rng):
    """By NumPy's own correlation; cells follow a place, two places, or nothing."""
    _, found = drawn(count=16)
    codes = found.codes
    cells = np.stack(
        [codes[:, 0], -3 * codes[:, 4], codes[:, 1] + codes[:, 2], rng.normal(size=16)], axis=1
    )
    squared = np.corrcoef(cells.T, codes.T)[:4, 4:] ** 2
    np.testing.assert_allclose(found.shares(cells[:, None]), doubly_centred(squared), atol=1e-12)
    assert found.shares(cells[:, None])[:2].argmax(axis=1).tolist() == [0, 4]


def test_channels_count_alike_whatever_their_scale(rng):
    _, found = drawn()
    maps = rng.normal(size=(16, 2, 5))
    scaled = maps * np.array([1.0, 1e6])[:, None] + 7.0
    np.testing.assert_allclose(found.shares(scaled), found.shares(maps), atol=1e-9)


def test_what_all_cells_share_says_nothing():
    _, found = drawn()
    gate = np.repeat(found.codes[:, :1, None], 5, axis=2)
    np.testing.assert_allclose(found.shares(gate), 0, atol=1e-12)
    # A channel that never answers is no reason to divide by zero.
    np.testing.assert_array_equal(found.shares(np.ones((16, 1, 5))), 0)


def test_some_pictures_are_those_of_all():
    _, found = drawn(count=8)
    whole = every(found)
    for start, stop in ((0, 3), (3, 6), (6, 8)):
        np.testing.assert_array_equal(found.inputs(start, stop), whole[start:stop])
