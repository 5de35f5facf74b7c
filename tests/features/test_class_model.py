"""Images that raise a class: closed forms, penalties against finite differences, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from graphs import build, node, value_info

import onnxplain
from onnxplain.errors import NumericalError, UsageError
from onnxplain.features import class_model as module
from onnxplain.features.archive import read_archive
from onnxplain.features.ascent import Ascent, ascend, total_variation
from onnxplain.features.class_model import class_model
from onnxplain.inputs.preprocess import Preprocess

W = np.random.default_rng(0).standard_normal((108, 3)).astype(np.float32)
PLAIN = Ascent(steps=400, rate=0.02)
RECIPE = Preprocess(
    name="unit", layout="NCHW", size=(6, 6), scale=1 / 127.5, mean=(1.0,) * 3, resize="stretch"
)


def linear(layout="NCHW"):
    shape = ["N", 3, 6, 6] if layout == "NCHW" else ["N", 6, 6, 3]
    proto = build(
        [node("Flatten", ["image"], ["f"]), node("MatMul", ["f", "w"], ["scores"])],
        [value_info("scores", ["N", 3])],
        {"w": W},
        inputs=[value_info("image", shape)],
    )
    return onnxplain.load(proto, preprocess=replace(RECIPE, layout=layout), precision="double")


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_linear_model_has_a_closed_form(layout):
    """The maximum of w x - lambda |x|^2 is at w / (2 lambda)."""
    model, decay = linear(layout), 2.0
    found = class_model(model, 1, replace(PLAIN, decay=decay))
    expected = W[:, 1].astype(np.float64) / (2 * decay)
    assert np.abs(found.x.ravel() - expected).max() < 1e-4
    best = expected @ W[:, 1] - decay * expected @ expected
    assert abs(found.history[-1] - best) < 1e-6
    other = class_model(model, 2, replace(PLAIN, decay=decay))
    assert np.abs(other.x.ravel() - expected).max() > 0.1


def test_small_steps_never_lose():
    found = class_model(linear(), 0, Ascent(steps=50, rate=1e-3, decay=1.0))
    assert (np.diff(found.history) > 0).all()


def test_input_stays_within_what_preprocessing_can_give():
    found = class_model(linear(), 0, replace(PLAIN, bounded=True))
    np.testing.assert_allclose(found.x.ravel(), np.sign(W[:, 0]), atol=1e-12)
    assert set(np.unique(found.pixels)) == {0, 255}


def test_total_variation_and_its_gradient(rng):
    x = rng.standard_normal((1, 2, 4, 5))
    value, slope = total_variation(x, (2, 3))
    slow = 0.0
    for c in range(2):
        for i in range(4):
            for j in range(5):
                down = x[0, c, i + 1, j] - x[0, c, i, j] if i < 3 else 0.0
                right = x[0, c, i, j + 1] - x[0, c, i, j] if j < 4 else 0.0
                slow += np.hypot(down, right)
    assert abs(value - slow) < 0.01 * slow
    for place in [(0, 0, 0, 0), (0, 1, 3, 4), (0, 0, 2, 4), (0, 1, 3, 1)]:
        moved = [x.copy(), x.copy()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        measured = (
            total_variation(moved[0], (2, 3))[0] - total_variation(moved[1], (2, 3))[0]
        ) / 2e-5
        np.testing.assert_allclose(slope[place], measured, atol=1e-6)


def test_shifts_are_undone(rng):
    """A gradient that depends on the place only arrives where it belongs."""
    goal = rng.standard_normal((1, 3, 6, 6))
    seen = []

    def objective(x):
        seen.append(x)
        return 0.0, (x > 0.5).astype(float)

    start = (goal > 0).astype(float)
    x, _ = ascend(linear(), start, objective, Ascent(steps=1, jitter=5), seed=3)
    assert not np.array_equal(seen[0], start)
    assert np.array_equal(x > start, start > 0.5)


def test_variation_smooths_and_blur_smooths():
    rough = class_model(linear(), 0, replace(PLAIN, decay=1.0)).x
    for change in ({"variation": 0.5}, {"blur": 1.0, "blur_every": 2}):
        smooth = class_model(linear(), 0, replace(PLAIN, decay=1.0, **change)).x
        assert total_variation(smooth, (2, 3))[0] < 0.8 * total_variation(rough, (2, 3))[0]


def test_trained_classifier_is_convinced(tmp_path):
    model = onnxplain.load("models/digits-gap.onnx")
    found = class_model(model, "3", replace(module.DEFAULT, steps=40, jitter=1, blur=0.0))
    assert found.index == 3
    assert found.score > found.history[0] + 8
    x = found.x
    assert float(model.network.ort.forward(x)[0, 3]) == pytest.approx(found.score, rel=1e-5)
    found.save(tmp_path / "three.npz")
    record, arrays = read_archive(tmp_path / "three.npz", "class model")
    assert np.array_equal(arrays["pixels"], found.pixels)
    assert record["settings"]["steps"] == 40
    assert record["logit"] == found.score
    assert record["probability"] == found.answer
    again = class_model(model, "3", replace(module.DEFAULT, steps=40, jitter=1, blur=0.0))
    assert np.array_equal(again.x, found.x)
    other = class_model(model, "3", replace(module.DEFAULT, steps=40, jitter=1, blur=0.0), seed=1)
    assert not np.array_equal(other.x, found.x)


def test_a_sleeping_network_is_woken_by_noise():
    model = onnxplain.load("models/flowers-gap.onnx")
    found = class_model(model, "petals-red", replace(module.DEFAULT, steps=2))
    assert found.record["first_noise"] > 0
    dead = build(
        [
            node("Flatten", ["image"], ["f"]),
            node("Mul", ["f", "zero"], ["z"]),
            node("MatMul", ["z", "w"], ["s"]),
            node("Add", ["s", "f3"], ["scores"]),
        ],
        [value_info("scores", ["N", 3])],
        {"w": W, "zero": np.float32(0), "f3": np.ones(3, np.float32)},
        inputs=[value_info("image", ["N", 3, 6, 6])],
    )
    with pytest.raises(NumericalError, match="is zero on every start"):
        class_model(
            onnxplain.load(dead, preprocess=RECIPE), 0, PLAIN, allow_mismatch=True
        )  # fmt: skip


def test_refusals():
    with pytest.raises(UsageError, match="class index 3 is out of range"):
        class_model(linear(), 3)
    for wrong in ({"steps": 0}, {"rate": 0.0}, {"decay": -1.0}, {"blur_every": 0}):
        with pytest.raises(UsageError, match="must be 1 or more"):
            Ascent(**wrong)
