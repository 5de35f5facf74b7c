"""Sparse weights become the dense ones that they stand for, or are refused."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnxplain
from onnxplain.errors import ModelFileError
from onnxplain.graph.dense import without_sparse
from tests.external_models import KINDS, MATMUL, WEIGHTS, classifier, plain, write


def sparse(values, places, dims):
    tensors = (numpy_helper.from_array(np.array(v), n) for v, n in ((values, "w"), (places, "i")))
    return helper.make_sparse_tensor(*tensors, dims)


def test_a_model_without_sparse_weights_is_itself():
    model = classifier([MATMUL], [plain()])
    assert without_sparse(model) is model


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "sparse" in kind])
def test_nothing_sparse_is_left_and_the_model_is_unchanged(kind):
    model = KINDS[kind][0]()
    before = model.SerializeToString()
    dense = without_sparse(model)
    assert model.SerializeToString() == before
    assert "sparse" not in str(dense)
    onnx.checker.check_model(dense)


def test_the_values_of_a_dense_tensor():
    found = without_sparse(classifier([MATMUL], sparse_weights=[KINDS["sparse initializer"][0]()
                           .graph.sparse_initializer[0]]))  # fmt: skip
    (tensor,) = found.graph.initializer
    assert tensor.name == "w"
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), WEIGHTS)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (sparse(np.ones(1, np.float32), np.zeros(1, np.int64), (1 << 20, 1 << 20)), "dense one"),
        (sparse(np.ones(1, np.float32), np.full(1, 480), (48, 10)), "sparse|480"),
        (sparse(np.ones(1, np.float32), np.full(1, -1), (48, 10)), "sparse|-1"),
        (sparse(np.ones(1, np.float32), np.array([[48, 0]]), (48, 10)), "sparse"),
        (sparse(np.ones(2, np.float32), np.zeros(1, np.int64), (48, 10)), "sparse"),
    ],
)
def test_a_sparse_tensor_that_contradicts_itself_is_one_line(tmp_path, tensor, said):
    model = classifier([MATMUL], sparse_weights=[tensor])
    for call in (without_sparse, lambda m: onnxplain.load(write(m, tmp_path))):
        with pytest.raises(ModelFileError, match=said) as caught:
            call(model)
        assert "\n" not in str(caught.value)
