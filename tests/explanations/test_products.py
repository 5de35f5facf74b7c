"""A product in pieces is the product, and no piece is large enough for a second thread."""

import numpy as np
import pytest

from onnxplain.explanations import products


@pytest.mark.parametrize("shape", [(3, 32, 50176), (224, 7, 224), (1, 1, 1), (600, 500, 3)])
def test_is_the_matrix_product(shape):
    rows, inner, columns = shape
    random = np.random.default_rng(0)
    left, right = random.random((rows, inner)), random.random((inner, columns))
    found = np.full((rows, columns), np.nan)
    products.product(left, right, found)
    assert np.allclose(found, np.einsum("ij,jk->ik", left, right), rtol=1e-12)


def test_pieces_are_small(monkeypatch):
    sizes = []
    multiply = np.matmul

    def watched(left, right, out):
        sizes.append(left.size * right.shape[1])
        return multiply(left, right, out=out)

    monkeypatch.setattr(products.np, "matmul", watched)
    products.product(np.ones((3, 32)), np.ones((32, 50176)), np.empty((3, 50176)))
    assert len(sizes) > 1
    assert max(sizes) <= 4 * 65536
