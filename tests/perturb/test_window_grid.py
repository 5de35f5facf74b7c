"""A window that steps over the picture, and what stands in it."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.perturb.inpaint import Inpainting
from onnxplain.perturb.window_grid import Contents, WindowGrid


def test_windows_by_hand():
    grid = WindowGrid.fitting((5, 7), (2, 3), (2, 2))
    # The third row of windows is cut at the border; three columns just reach it.
    assert grid.rows == [(0, 2), (2, 4), (4, 5)]
    assert grid.columns == [(0, 3), (2, 5), (4, 7)]
    assert grid.shape == (3, 3)
    assert grid.windows[:4].tolist() == [[0, 2, 0, 3], [0, 2, 2, 5], [0, 2, 4, 7], [2, 4, 0, 3]]


def test_sizes_that_are_not_given_are_an_eighth_and_half_of_it():
    grid = WindowGrid.fitting((64, 33), None, None)
    assert (grid.window, grid.step) == ((8, 4), (4, 2))
    assert WindowGrid.fitting((5, 5), None, None).window == (1, 1)


@pytest.mark.parametrize(
    ("window", "stride", "message"),
    [
        ((6, 1), None, r"window \(6, 1\) .* 1 to 5 high, 1 to 7 wide"),
        (0, None, r"window \(0, 0\)"),
        (2, 3, r"stride \(3, 3\) .* 1 to 2 high, 1 to 2 wide"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(window, stride, message):
    with pytest.raises(UsageError, match=message):
        WindowGrid.fitting((5, 7), window, stride)


def test_each_pixel_gets_the_mean_of_its_windows():
    grid = WindowGrid.fitting((1, 4), (1, 2), 1)
    found = grid.spread(np.array([[1.0, 3.0, 8.0], [0.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(found, [[[1, 2, 5.5, 8]], [[0, 0, 1, 2]]])


def test_contents_come_from_the_filled_picture_or_from_the_border(rng):
    context = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 2))))
    x = rng.uniform(-1, 1, (2, 3, 6, 6))
    windows = np.array([[1, 3, 2, 5], [0, 6, 0, 1]])
    black = Contents(context, x, "black").of(1, windows)
    assert len(black) == 2
    np.testing.assert_allclose(black.content(0), np.full((3, 2, 3), -1.0), atol=1e-6)
    inpainted = Contents(context, x, "inpaint").of(1, windows)
    for k, window in enumerate(windows):
        wanted = Inpainting(x[1], (1, 2)).window(window)
        np.testing.assert_array_equal(inpainted.content(k), wanted)
    with pytest.raises(UnknownNameError, match=r"nothing.*inpaint"):
        Contents(context, x, "nothing")
