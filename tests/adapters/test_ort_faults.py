"""Is it the file's fault, the picture's, or that of a value which somebody gave?"""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import ImageError, UnsupportedModelError, UsageError
from onnxplain.graph.budget import Budget, within
from tests.small_models import NEVER_RUNS, write_model

# Gather reads row 40 or above of 48 if a pixel is bright, and there are 16 rows.
BRIGHT_FAILS = (
    "b = ReduceMax<keepdims: int = 0>(x) i = Cast<to: int = 7>(b) z = Gather<axis: int = 0>(w, i) "
    "f = Flatten(x) g = MatMul(f, w) y = Add(g, z)"
)
# One picture fits.
ONE_BY_ONE = "s = Constant<value_ints: ints = [1, 16]>() r = Reshape(x, s) y = MatMul(r, w)"
TWO_INPUTS = "f = Flatten(x) g = MatMul(f, w) y = Mul(g, k)"


def opened(tmp_path, body, **options):
    image = options.pop("image", "float[N,1,4,4] x")
    path = write_model(tmp_path / "m.onnx", body, image=image)
    return onnxplain.load(path, preprocess="raw", **options)


def picture(value):
    return np.full((4, 4), value, np.uint8)


def test_a_picture_that_the_model_cannot_take(tmp_path):
    model = opened(tmp_path, BRIGHT_FAILS)
    assert np.isfinite(model.predict(picture(3)).logits).all()
    with pytest.raises(ImageError, match="rejects input 'x'"):
        model.predict(picture(200))


def test_a_model_that_runs_on_no_picture(tmp_path):
    with pytest.raises(UnsupportedModelError, match="cannot run this model on any picture of 4 x"):
        opened(tmp_path, NEVER_RUNS).predict(picture(3))


def test_a_model_that_runs_on_single_pictures_only(tmp_path):
    adapter = opened(tmp_path, ONE_BY_ONE).network.ort
    one = adapter.forward(np.ones((1, 1, 4, 4), np.float32))
    assert one.shape == (1, 3)
    two = np.ones((2, 1, 4, 4), np.float32)
    assert adapter.forward(two).shape == (2, 3)
    with pytest.raises(UnsupportedModelError, match="on one picture, not on 2 at a time"):
        adapter.together().forward(two)


@pytest.mark.parametrize("value", [np.full(3, 1e300), np.ones(4, np.float32)])
def test_a_bound_value_that_does_not_fit_its_input(tmp_path, value):
    image = "float[N,1,4,4] x, float[3] k"
    fits = opened(tmp_path, TWO_INPUTS, image=image, bound={"k": np.ones(3, np.float32)})
    assert fits.predict(picture(3)).logits.shape == (3,)
    with pytest.raises(UsageError, match=r"input 'k'"):
        opened(tmp_path, TWO_INPUTS, image=image, bound={"k": value}).predict(picture(3))


def test_more_pictures_at_a_time_than_memory_holds(tmp_path):
    with (
        within(Budget(tensor_bytes=1 << 60, picture_bytes=1 << 60, small_work=1 << 60)),
        pytest.raises(UnsupportedModelError, match="more memory than is available"),
    ):
        opened(tmp_path, NEVER_RUNS, image="float[99999999999999,1,4,4] x").predict(picture(3))
