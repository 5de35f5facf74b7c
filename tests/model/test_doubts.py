"""Maps that show nothing or one side only say so, and what to do."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from handmade import model

import onnxplain
from onnxplain.methods import find
from onnxplain.model.doubts import ONE_SIDED, map_warnings
from onnxplain.model.noise import Rounding, score_noise
from onnxplain.targets.classes import ClassScore
from tests.methods.test_common_part import PICTURE, opened

DIGITS = "models/digits-softmax.onnx"
PLAIN = ClassScore(0, "logit", "z", "none", 4)
OTHERS = ClassScore(0, "logit", "z", "none", 4, others=True)
PROBABILITY = ClassScore(0, "probability", "p", "softmax", 4)


def said(method, values, target=OTHERS, noise=None):
    moved = None if noise is None else lambda largest: noise
    return map_warnings(find(method), np.array([values], float), ("H", "W"), target, moved)


def test_a_map_that_has_something_to_say_gets_no_warning():
    assert said("lrp", [1.0, -0.5]) == ()
    assert said("grad-cam", [1.0, -2.0]) == ()
    assert said("occlusion", [1e-3, 0], PROBABILITY, noise=1e-4) == ()


@pytest.mark.parametrize("method", ["lrp", "grad-cam", "saliency", "occlusion"])
def test_a_map_of_zeros(method):
    (text,) = said(method, [0.0, 0.0])
    assert "zero everywhere" in text
    assert "another method" in text


def test_a_map_that_shows_only_positive_numbers_and_has_none():
    (text,) = said("grad-cam", [-1.0, -2.0])
    assert "the picture is empty" in text
    assert "--contrast" in text
    assert "--layer" in text
    assert "drop --kind" not in text
    assert "drop --kind" in said("grad-cam", [-1.0, -2.0], PLAIN)[0]


@pytest.mark.parametrize("method", ["lrp", "grad-cam"])
def test_a_map_of_one_side(method):
    (text,) = said(method, [1 - ONE_SIDED, -ONE_SIDED])
    assert text.startswith("75 % of the map is evidence against the target")
    assert said(method, [1 - ONE_SIDED + 0.01, -ONE_SIDED]) == ()


def test_the_sign_of_a_slope_is_no_side():
    assert said("gradient", [0.0, -1.0]) == ()


def test_a_number_may_fall_everywhere():
    assert said("lrp", [0.0, -1.0], SimpleNamespace()) == ()


def test_below_what_rounding_does():
    (text,) = said("occlusion", [2e-7, 0], PROBABILITY, noise=1e-7)
    assert "rounding noise" in text
    assert "--kind logit" in text
    assert said("occlusion", [2.1e-7, 0], PROBABILITY, noise=1e-7) == ()


def test_a_file_without_logits_is_not_asked_for_them():
    """Nothing is known in front of what makes its scores probabilities."""
    body = "f = Flatten(image) z = MatMul(f, w) s = Softmax<axis=1>(z) scores = Sin(s)"
    arrays = {"w": np.array([[1e4, 0.0, 0.0]] * 12)}
    proto = model(body, arrays, image="float[N,3,2,2] image")
    pixels = np.full((2, 2, 3), 200, np.uint8)
    net = onnxplain.load(proto, preprocess="zero-one", scores="probabilities")
    assert not net.network.has_logits
    found = net.explain(pixels, "occlusion", window=1, fill_with="0.1")
    (text,) = found.warnings
    assert "export the model with its logits" in text
    assert "-p window=N" in text
    assert "--kind" not in text


def certain():
    """Digits with logits 40 times as large: probabilities that float32 cannot tell from one."""
    proto = onnx.load(DIGITS)
    last = next(n for n in reversed(proto.graph.node) if n.op_type in ("Gemm", "MatMul"))
    for held in proto.graph.initializer:
        if held.name in last.input:
            values = onnx.numpy_helper.to_array(held)
            held.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(40), held.name))
    recipe = DIGITS.replace(".onnx", ".preprocess.json")
    return onnxplain.load(proto, preprocess=recipe)


def test_a_saturated_probability_is_told_and_the_remedy_works():
    model, picture = certain(), "examples/digits/1-2.png"
    options = {"window": 1, "stride": 1}
    found = model.explain(picture, "occlusion", kind="probability", **options)
    (text,) = found.warnings
    assert "zero everywhere" in text or "rounding noise" in text
    assert "--kind logit" in text
    for fit in (
        model.explain(picture, "occlusion", **options),
        model.explain(picture, "occlusion", kind="logit", **options),
        onnxplain.load(DIGITS).explain(picture, "occlusion", **options),
    ):
        assert fit.warnings == ()


def test_noise_is_what_the_score_moves_by():
    """Compared with the picture's neighbours that a person would choose by hand."""
    model = onnxplain.load(DIGITS)
    picture = model.read("examples/digits/1-2.png")
    target = model.target("1", model.predict(picture))
    logits = [model.predict(picture.x * np.float32(1 + k * 2.0**-23)).logits[1] for k in (-1, 0, 1)]
    noise = score_noise(model.network, picture.x, target, float(logits[1]))
    assert np.spacing(np.float32(logits[1])) <= noise
    assert noise <= np.ptp(logits) + 64 * np.spacing(np.float32(np.abs(logits).max()))


def test_rounding_is_measured_once_and_again_where_it_may_matter(monkeypatch):
    asked = []

    def measured(network, x, target, score):
        asked.append(x)
        return 1e-6 * abs(score)

    monkeypatch.setattr("onnxplain.model.noise.score_noise", measured)
    rounding = Rounding()

    def beside(x, score, largest, target=PROBABILITY):
        return rounding.beside(None, x, target, score, largest)

    assert beside("first", 1.0, 0.5) == 1e-6
    assert beside("far above", 1.0, 0.5) == 1e-6
    assert beside("near", 1.0, 1e-4) == 1e-6
    assert beside("far above, of a small score", 1e-9, 0.5) == 1e-6
    # Known as a share of the score as well: a larger score is rounded more.
    assert beside("near, for so large a score", 1e3, 0.5) == 1e-3
    assert beside("another kind of score", 1.0, 0.5, OTHERS) == 1e-6
    assert asked == ["first", "near", "near, for so large a score", "another kind of score"]


def test_a_logit_with_a_common_part_is_told():
    found = opened("weights").explain(PICTURE, "lrp", kind="logit")
    assert "evidence against the target" in found.warnings[0]
    assert "drop --kind" in found.warnings[0]
    assert opened("weights").explain(PICTURE, "lrp").warnings == ()
    empty = opened("weights").explain(PICTURE, "grad-cam", kind="logit")
    assert "the picture is empty" in empty.warnings[0]
