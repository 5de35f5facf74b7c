"""An embedding is likened to a vector that is an input of the file."""

import numpy as np
import onnxruntime
import pytest

from onnxplain.targets.request import TargetRequest
from tests.export.agreement import assert_same, made
from tests.forms_of_answers import VECTOR, model

STOPPED = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument
X = np.random.default_rng(5).random((1, 3, 6, 6)).astype(np.float32)
OTHER = np.array([0.5, -1.0, 2.0, 0.25], np.float32)
UNIT = f"{VECTOR} z = MatMul(f, w4) n = ReduceL2<axes=[1]>(z) c = Max(n, tiny) out = Div(z, c)"


@pytest.fixture
def file(tmp_path):
    proto = model(UNIT, ["double[N,4] out"], extra={"tiny": np.array(1e-12)})
    return made(proto, tmp_path, loading={"task": "embedding"})


def likeness(vector):
    return TargetRequest(like="given", reference=vector)


def test_the_reference_is_an_input(file):
    found = file.maps(X, reference=OTHER[None])["gradient"]
    assert_same(found[0], file.explained(X, likeness(OTHER), "gradient"))


def test_each_picture_of_a_batch_has_its_own(file):
    both = np.concatenate([X, X])
    references = np.stack([OTHER, OTHER[::-1]])
    found = file.maps(both, reference=references)["gradient"]
    for values, vector in zip(found, references, strict=True):
        assert_same(values, file.explained(X, likeness(vector), "gradient"))


def test_without_a_reference_there_are_no_numbers(file):
    assert np.isnan(file.maps(X)["gradient"]).all()


def test_a_dimension_needs_no_reference(file):
    for k in range(4):
        assert_same(file.maps(X, target=[k])["gradient"][0], file.explained(X, str(k), "gradient"))
    with pytest.raises(STOPPED, match="idx"):
        file.maps(X, target=[4])


def test_the_default_may_be_a_vector(tmp_path):
    np.save(tmp_path / "face.npy", OTHER)
    proto = model(UNIT, ["double[N,4] out"], extra={"tiny": np.array(1e-12)})
    file = made(proto, tmp_path, target=f"like={tmp_path / 'face.npy'}",
                loading={"task": "embedding"})  # fmt: skip
    assert_same(file.maps(X)["gradient"][0], file.explained(X, likeness(OTHER), "gradient"))
