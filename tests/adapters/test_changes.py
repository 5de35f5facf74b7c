"""Windows and their contents, put into whole inputs."""

import numpy as np
import pytest

from onnxplain.adapters.changes import WindowChanges, changed_inputs, engine_named, inside
from onnxplain.errors import UnknownNameError, UsageError

WINDOWS = np.array([[0, 2, 1, 3], [1, 3, 0, 4]])


@pytest.mark.parametrize("spatial", [(1, 2), (0, 1)])
def test_inputs_differ_inside_of_their_window_only(spatial, rng):
    base, other = np.moveaxis(rng.normal(size=(2, 2, 3, 4)), 1, 1 if spatial == (1, 2) else -1)
    changes = WindowChanges.from_picture(WINDOWS, other, spatial)
    found = changed_inputs(base, changes, [1, 0], spatial)
    for picture, (top, bottom, left, right) in zip(found, WINDOWS[[1, 0]], strict=True):
        rows, columns = np.mgrid[:3, :4]
        within = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        mask = within if spatial == (1, 2) else within[..., None]
        np.testing.assert_array_equal(picture, np.where(mask, other, base))
    assert len(changes) == 2


def test_the_index_of_a_window():
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(x[inside([1, 3, 0, 2], 3, (1, 2))], x[:, 1:3, 0:2])


@pytest.mark.parametrize("wrong", [[0, 0, 0, 1], [2, 1, 0, 1], [-1, 1, 0, 1], [0, 1, 3, 3]])
def test_empty_windows_are_refused(wrong):
    with pytest.raises(UsageError, match="none of them empty"):
        WindowChanges(np.array([wrong]), lambda k: np.zeros(1))


def test_engines_by_name():
    assert engine_named("brute-force") == "brute-force"
    with pytest.raises(UnknownNameError, match="engine 'incrementl'; nearest: 'incremental'"):
        engine_named("incrementl")
