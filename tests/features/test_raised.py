"""What grows: a score or a channel, less the likeness of pictures; slopes by differences."""

import numpy as np
import pytest
from features.small import inputs, opened, tensors

from onnxplain.errors import UsageError
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.raised import Channel, Raised, alike


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


def test_a_channel_is_its_mean_activation(model):
    x = inputs(0, 1)
    raised = Raised.of(model, Channel("d", 2))
    np.testing.assert_allclose(raised.scores(x), tensors(x)["d"][:, 2].mean(axis=(1, 2)))
    assert Channel("d", 2).describe() == "channel 2 of d"


def test_a_target_is_its_score(model):
    target, _ = examples_of(model, (), 1)
    x = inputs(0, 1)
    scores = tensors(x)["scores"]
    wanted = scores[:, 1] - scores[:, [0, 2]].mean(axis=1)
    np.testing.assert_allclose(Raised.of(model, target).scores(x), wanted)


@pytest.mark.parametrize("apart", [None, "d"])
@pytest.mark.parametrize("channel", [False, True])
def test_slopes_by_central_differences(model, apart, channel):
    aim = Channel("r", 1) if channel else examples_of(model, (), 1)[0]
    raised = Raised.of(model, aim)
    x = inputs(0, 1, 2, 3).astype(np.float64) + 0.25
    value, slopes = raised.value_and_slopes(x, apart, 2, 50.0)

    def slow(x):
        values = {k: v.astype(np.float64) for k, v in tensors(x).items()}
        scores = values["r"][:, 1] if channel else None
        if not channel:
            s = values["scores"]
            scores = s[:, 1] - s[:, [0, 2]].mean(axis=1)
        if apart is None:
            return scores.mean()
        pooled = values["d"].mean(axis=(2, 3)).reshape(2, 2, -1).mean(axis=1)
        a, b = pooled
        return scores.mean() - 50 * (a @ b) / np.linalg.norm(a) / np.linalg.norm(b)

    assert value == pytest.approx(slow(x), rel=1e-5)
    rng, step = np.random.default_rng(0), 1e-4
    for place in [tuple(rng.integers(0, n) for n in x.shape) for _ in range(12)]:
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        assert slopes[place] == pytest.approx((slow(up) - slow(down)) / (2 * step), abs=1e-3)


def test_likeness_and_its_gradient(rng):
    vectors = rng.normal(size=(4, 5))
    value, slope = alike(vectors)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = np.mean([units[i] @ units[j] for i in range(4) for j in range(4) if i != j])
    assert value == pytest.approx(wanted)
    for place in np.ndindex(vectors.shape):
        up, down = vectors.copy(), vectors.copy()
        up[place] += 1e-6
        down[place] -= 1e-6
        assert slope[place] == pytest.approx((alike(up)[0] - alike(down)[0]) / 2e-6, abs=1e-6)
    assert np.isfinite(alike(np.zeros((2, 3)))[1]).all()


def test_a_channel_that_is_not_there(model):
    with pytest.raises(UsageError, match=r"channel 5 is out of range: 'd' has 0\.\.4"):
        Raised.of(model, Channel("d", 5))
