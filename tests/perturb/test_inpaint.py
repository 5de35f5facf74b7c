"""Inpainting of windows: surfaces known in closed form, and Laplace's equation itself."""

import nets
import numpy as np
import pytest
from handmade import context_of, target_of

from onnxplain.errors import UnknownNameError
from onnxplain.methods import find
from onnxplain.perturb.inpaint import Inpainting

SIZE = (9, 12)
WINDOWS = [(2, 6, 3, 8), (0, 4, 3, 8), (2, 9, 0, 12), (0, 9, 5, 12), (4, 5, 4, 5), (0, 3, 0, 3)]


def filled(picture, window, spatial=(1, 2)):
    return Inpainting(picture, spatial).window(window)


@pytest.mark.parametrize("window", WINDOWS[:1])
def test_a_plane_goes_on_through_the_window(window):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    picture = np.stack([2 * rows - columns, 0.5 * columns, np.ones(SIZE)])
    top, bottom, left, right = window
    expected = picture[:, top:bottom, left:right]
    np.testing.assert_allclose(filled(picture, window), expected, atol=1e-12)
    assert np.abs(expected - expected.mean(axis=(1, 2), keepdims=True)).max() > 1


@pytest.mark.parametrize("window", WINDOWS)
def test_every_pixel_is_the_mean_of_its_neighbours(window):
    picture = np.random.default_rng(0).normal(size=(3, *SIZE))
    top, bottom, left, right = window
    done = picture.copy()
    done[:, top:bottom, left:right] = filled(picture, window)
    for i in range(top, bottom):
        for j in range(left, right):
            near = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
            inside = [done[:, a, b] for a, b in near if 0 <= a < SIZE[0] and 0 <= b < SIZE[1]]
            np.testing.assert_allclose(done[:, i, j], np.mean(inside, axis=0), atol=1e-10)


def test_the_whole_picture_gets_its_mean():
    picture = np.random.default_rng(0).normal(size=(3, *SIZE))
    found = filled(picture, (0, *SIZE[:1], 0, SIZE[1]))
    mean = picture.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, np.broadcast_to(mean, picture.shape))


def test_channels_last_and_types_are_kept():
    picture = np.random.default_rng(0).normal(size=(3, *SIZE)).astype(np.float32)
    first = filled(picture, WINDOWS[0])
    last = filled(np.moveaxis(picture, 0, -1), WINDOWS[0], (0, 1))
    assert first.dtype == last.dtype == np.float32
    np.testing.assert_array_equal(np.moveaxis(last, -1, 0), first)


def test_occlusion_with_it():
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x.astype(np.float32)
    target = target_of(context, 3)
    found = (
        find("occlusion")
        .function(context, x, target, window=8, stride=8, fill_with="inpaint")
        .maps["score"]
    )
    inpainting = Inpainting(x[0], (1, 2))
    for i in range(4):
        for j in range(4):
            covered = x.copy()
            window = (8 * i, 8 * i + 8, 8 * j, 8 * j + 8)
            covered[0, :, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8] = inpainting.window(window)
            expected = context.score(covered, target)[0]
            np.testing.assert_allclose(found[0, i, j], expected, rtol=1e-4)


def test_an_unknown_fill_offers_it():
    made = nets.exported("resnet")
    context = context_of(made.proto)
    target = target_of(context, 3)
    with pytest.raises(UnknownNameError, match=r"nearest: 'inpaint'.*noise, inpaint, an image"):
        find("occlusion").function(context, made.x, target, fill_with="inpant")
