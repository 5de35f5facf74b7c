"""Sobol indices against functions whose indices are known."""

import numpy as np
import pytest

from onnxplain.features.concepts.sobol import sobol_design, total_indices


def test_of_a_linear_function(rng):
    """The share of a squared coefficient in the sum of squares."""
    factors = np.array([3.0, 0.0, 1.0, 2.0])
    found = total_indices(sobol_design(4, 1024) @ factors, 4)
    np.testing.assert_allclose(found, factors**2 / (factors**2).sum(), atol=0.02)
    assert found[1] == 0


def test_of_a_product():
    """x y has main effects of 3/7 each and an interaction of 1/7, which both totals hold."""
    design = sobol_design(2, 4096)
    np.testing.assert_allclose(total_indices(design[:, 0] * design[:, 1], 2), 4 / 7, atol=0.02)


def test_by_transcription(rng):
    """Jansen's estimator with loops."""
    answers = rng.normal(size=5 * 8)
    a, b, mixed = answers[:8], answers[8:16], answers[16:].reshape(3, 8)
    variance = np.concatenate([a, b]).var()
    wanted = [sum((a[n] - m[n]) ** 2 for n in range(8)) / (2 * 8 * variance) for m in mixed]
    np.testing.assert_allclose(total_indices(answers, 3), wanted)


def test_a_constant_has_no_variance_to_share():
    assert total_indices(np.ones(16), 2).tolist() == [0, 0]


def test_the_design(rng):
    design = sobol_design(3, 8, seed=1)
    a, b = design[:8], design[8:16]
    for k in range(3):
        mixed = design[16 + 8 * k : 24 + 8 * k]
        np.testing.assert_array_equal(mixed[:, k], b[:, k])
        others = [i for i in range(3) if i != k]
        np.testing.assert_array_equal(mixed[:, others], a[:, others])
    assert not np.array_equal(design, sobol_design(3, 8, seed=2))
    assert design.min() >= 0
    assert design.max() == pytest.approx(1, abs=0.2)
