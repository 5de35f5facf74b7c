"""The separating direction against scikit-learn, and what cannot be separated."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from onnxplain.errors import UsageError
from onnxplain.features.concepts.separator import separating_direction


@pytest.mark.parametrize(("count", "size"), [(30, 80), (200, 4)])
@pytest.mark.parametrize("ridge", [0.01, 0.5])
def test_it_is_that_of_scikit_learn(rng, count, size, ridge):
    vectors = 7 * rng.normal(size=(count, size)) + 3
    positive = np.arange(count) % 3 == 0
    vectors[positive, 1] += 9
    direction, threshold = separating_direction(vectors, positive, ridge)
    centre = vectors.mean(axis=0)
    scale = np.sqrt(((vectors - centre) ** 2).sum(axis=1).mean())
    peer = LogisticRegression(C=1 / (ridge * count), tol=1e-13, max_iter=20000)
    peer.fit((vectors - centre) / scale, positive)
    length = np.linalg.norm(peer.coef_[0])
    assert np.linalg.norm(direction) == pytest.approx(1)
    np.testing.assert_allclose(direction, peer.coef_[0] / length, atol=1e-5)
    wanted = direction @ centre - peer.intercept_[0] * scale / length
    assert threshold == pytest.approx(wanted, abs=1e-4 * scale)
    other = separating_direction(vectors, ~positive, ridge)
    np.testing.assert_allclose(other[0], -direction, atol=1e-9)


def test_the_scale_and_origin_of_vectors_do_not_matter(rng):
    vectors, positive = rng.normal(size=(40, 6)), np.arange(40) < 15
    one, _ = separating_direction(vectors, positive)
    other, _ = separating_direction(1000 * vectors - 5, positive)
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_sets_that_can_be_separated_perfectly_have_a_direction_too(rng):
    vectors = rng.normal(size=(20, 50))
    positive = np.arange(20) < 10
    vectors[positive] += 100 * np.eye(50)[3]
    direction, threshold = separating_direction(vectors, positive)
    assert direction[3] > 0.95
    assert ((vectors @ direction > threshold) == positive).all()


@pytest.mark.parametrize(
    ("vectors", "positive", "ridge", "message"),
    [
        (np.ones((4, 3)), [1, 1, 0, 0], 0.1, "all vectors are the same"),
        (np.eye(4), [1, 1, 1, 1], 0.1, "two sets of vectors and a ridge"),
        (np.eye(4), [1, 1, 0, 0], 0.0, "two sets of vectors and a ridge"),
        (np.array([[1.0], [2.0], [1.0], [2.0]]), [1, 1, 0, 0], 0.1, "the same mean"),
    ],
)
def test_refusals(vectors, positive, ridge, message):
    with pytest.raises(UsageError, match=message):
        separating_direction(vectors, np.array(positive, bool), ridge)
