"""Robustness where the change of the map is known."""

import numpy as np
import pytest
import scipy.ndimage

from onnxplain.evaluate.robustness import jpeg_consistency, max_sensitivity, shift_consistency

RNG = np.random.default_rng(2)
X = RNG.normal(size=(1, 3, 12, 10))
PIXELS = RNG.integers(0, 256, (24, 20, 3)).astype(np.uint8)


def identity(x):
    return x[0].sum(axis=0)


def grey(pixels):
    return pixels.astype(float).sum(axis=2)


def test_a_map_that_never_changes_is_insensitive():
    assert max_sensitivity(lambda x: np.ones((3, 3)), X, RNG, radius=0.1) == 0.0


def test_sensitivity_of_a_map_that_is_the_input_is_the_noise():
    found = max_sensitivity(identity, X, np.random.default_rng(0), radius=0.1, samples=4)
    again = np.random.default_rng(0)
    noise = [identity(0.1 * again.uniform(-1, 1, X.shape)) for _ in range(4)]
    wanted = max(np.linalg.norm(n) for n in noise) / np.linalg.norm(identity(X))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_sensitivity_equals_captum_on_the_same_noise():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("captum.metrics")
    rng, draws = np.random.default_rng(1), []

    def explain(x):
        return np.tanh(x[0]) ** 2

    def recorded(x):
        draws.append(x)
        return explain(x)

    ours = max_sensitivity(recorded, X, rng, radius=0.3, samples=5)

    def squared(inputs):  # Captum calls it with a tensor first, and with a tuple then
        return (torch.tanh(inputs[0] if isinstance(inputs, tuple) else inputs) ** 2,)

    theirs = metrics.sensitivity_max(
        squared,
        torch.from_numpy(X),
        perturb_func=lambda inputs: torch.from_numpy(np.concatenate(draws[1:])),
        n_perturb_samples=5,
    )
    assert ours == pytest.approx(float(theirs[0]), rel=1e-9)


def test_a_map_that_moves_with_the_picture_is_consistent_and_one_that_stays_is_not():
    assert shift_consistency(grey, PIXELS) == pytest.approx(1.0)
    still = RNG.random((24, 20))
    assert abs(shift_consistency(lambda pixels: still, PIXELS)) < 0.1


def test_no_shift_is_the_map_itself():
    noise = iter(RNG.random((2, 24, 20)))
    assert abs(shift_consistency(lambda pixels: next(noise), PIXELS, shifts=((0, 0),))) < 0.2
    assert shift_consistency(grey, PIXELS, shifts=((0, 0),)) == pytest.approx(1.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_of_higher_quality_changes_less(channels):
    smooth = scipy.ndimage.gaussian_filter(PIXELS.astype(float), (2, 2, 0), mode="wrap")
    pixels = np.round(smooth).astype(np.uint8)[..., :channels]
    found = [jpeg_consistency(grey, pixels, quality=q) for q in (5, 50, 95)]
    assert found == sorted(found)
    assert found[0] < 0.95 < found[2] < 1.0
