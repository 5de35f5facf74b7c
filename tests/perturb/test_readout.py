"""Numbers read from a network: its score, or a unit inside."""

import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.adapters.changes import WindowChanges
from onnxplain.errors import UsageError
from onnxplain.perturb.readout import readout

BODY = "hidden = Conv<kernel_shape = [1, 1]>(image, k) f = Flatten(hidden) scores = MatMul(f, w)"


@pytest.fixture
def k(rng):
    return rng.integers(-3, 4, (2, 3, 1, 1)).astype(np.float64)


@pytest.fixture
def w(rng):
    return rng.integers(-3, 4, (72, 4)).astype(np.float64)


@pytest.fixture
def context(k, w):
    return context_of(model(BODY, k=k, w=w))


@pytest.fixture
def x(rng):
    return rng.integers(-4, 5, (2, 3, 6, 6)).astype(np.float64)


def maps(x, k):
    return np.einsum("nchw,kc->nkhw", x, k[:, :, 0, 0])


def test_the_target_is_read_as_its_score(context, x, k, w):
    found = readout(context, target_of(context, 3), None, 0, None)
    assert (found.is_probability, found.classes) == (False, 4)
    np.testing.assert_array_equal(found.values(x), (maps(x, k).reshape(2, -1) @ w)[:, 3])
    probability = readout(context, target_of(context, 3, "probability"), None, 0, None)
    assert probability.is_probability


def test_a_channel_is_read_as_its_mean_or_at_a_place(context, x, k):
    target = target_of(context, 0)
    mean, place = (readout(context, target, "hidden", 1, p) for p in (None, (2, 5)))
    assert (mean.is_probability, mean.classes) == (False, 0)
    np.testing.assert_allclose(mean.values(x), maps(x, k)[:, 1].mean((1, 2)), rtol=1e-12)
    np.testing.assert_array_equal(place.values(x), maps(x, k)[:, 1, 2, 5])


@pytest.mark.parametrize("hidden", [None, "hidden"])
def test_changed_windows_are_read_like_whole_inputs(context, x, hidden):
    found = readout(context, target_of(context, 1), hidden, 1, None)
    windows = np.array([[0, 2, 0, 3], [4, 6, 1, 6]])
    run = found.windowed(context, x[0], WindowChanges.from_picture(windows, x[1], (1, 2)))
    numbers = np.full(2, np.nan)
    for indices, values in run.blocks:
        numbers[indices] = values
    changed = np.stack([x[0], x[0]])
    for picture, (top, bottom, left, right) in zip(changed, windows, strict=True):
        picture[:, top:bottom, left:right] = x[1][:, top:bottom, left:right]
    np.testing.assert_allclose(numbers, found.values(changed), rtol=1e-12)


def test_units_and_places_that_do_not_exist_are_refused(context):
    target = target_of(context, 0)
    with pytest.raises(UsageError, match=r"unit 2 is out of range: 'hidden' has 0\.\.1"):
        readout(context, target, "hidden", 2, None)
    with pytest.raises(UsageError, match=r"place \(6, 0\) is outside the tensor: .* 6 x 6 places"):
        readout(context, target, "hidden", 0, (6, 0))
    with pytest.raises(UsageError, match="no height and width"):
        readout(context, target, "f", 0, (0, 0))
