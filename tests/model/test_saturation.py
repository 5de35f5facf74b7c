"""Targets whose slope vanishes at the picture: exact as long as it can be, then refused."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

import onnxplain
from onnxplain.errors import MethodRefusedError, NumericalError
from onnxplain.methods import registered
from onnxplain.targets.reading import Piece, Reading
from tests.applicable import WITHOUT_ATTENTION

SIDE = 8
PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
TAILS = {
    "softmax": ("out = Softmax<axis=1>(z)", 3),
    "logits": ("out = Identity(z)", 3),
    "sigmoid": ("out = Sigmoid(z)", 3),
    "yes-no": ("y = Gemm(p, one) out = Sigmoid(y)", 1),
    "average": ("a = Softmax<axis=1>(z) b = Softmax<axis=1>(q) s = Add(a, b) out = Div(s, two)", 3),
}


def model(tail, scale):
    body, count = TAILS[tail]
    rng = np.random.default_rng(5)
    made = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[N,3,{SIDE},{SIDE}] image) => '
        f"(float[N,{count}] out) {{ c = Conv<pads=[1,1,1,1]>(image, k) r = Relu(c) "
        f"g = GlobalAveragePool(r) p = Flatten(g) z = Gemm(p, w) q = Gemm(p, v) {body} }}"
    )
    constants = {
        "k": rng.normal(size=(4, 3, 3, 3)),
        "w": scale * np.abs(rng.normal(size=(4, 3))) * [1, 2, 4],
        "v": scale * np.abs(rng.normal(size=(4, 3))) * [1, 2, 4],
        "one": scale * np.abs(rng.normal(size=(4, 1))),
        "two": np.array(2.0),
    }
    used = {i for n in made.graph.node for i in n.input}
    for name, value in constants.items():
        if name in used:
            made.graph.initializer.append(numpy_helper.from_array(value.astype("f4"), name))
    return made


def opened(tail, scale, **said):
    return onnxplain.load(
        model(tail, scale), preprocess="minus-one-one", precision="double", **said
    )


SLOPES = [
    m.name
    for m in registered().values()
    if m.takes_slopes and m.name in WITHOUT_ATTENTION and m.name != "clear"
]
# They look at other inputs than the picture too, or at single layers whatever the score.
ELSEWHERE = {
    "integrated-gradients", "guided-ig", "blur-ig", "expected-gradients", "deeplift", "smoothgrad",
}  # fmt: skip


@pytest.mark.parametrize("tail", sorted(set(TAILS) - {"logits"}))
@pytest.mark.parametrize("method", ["gradient", "gradient-x-input", "grad-cam"])
def test_a_saturated_probability_is_refused_in_one_line(tail, method):
    model = opened(tail, 1e5)
    with pytest.raises(MethodRefusedError, match="gradient is zero everywhere") as caught:
        model.explain(PICTURE, method, kind="probability")
    assert "\n" not in str(caught.value)
    offers = "occlusion" if tail == "average" else "--kind logit"
    assert offers in str(caught.value)
    if tail != "average":
        logit = model.explain(PICTURE, method, kind="logit")
        assert np.abs(logit.attribution).max() > 0


def test_what_the_output_holds_is_refused_as_well():
    with pytest.raises(MethodRefusedError, match=r"score of class 2.*--kind logit"):
        opened("softmax", 1e5).explain(PICTURE, "gradient", 2, kind="raw")


@pytest.mark.parametrize("method", sorted(set(SLOPES) - ELSEWHERE))
def test_no_method_shows_an_empty_map_of_a_saturated_score(method):
    model = opened("softmax", 1e5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = model.attempt_targets(PICTURE, method, [None], kind="probability")
    if isinstance(found, onnxplain.errors.OnnxplainError):
        assert "\n" not in str(found)
    else:
        assert np.abs(found.attribution).max() > 0


def test_forward_methods_go_on():
    found = opened("softmax", 1e5).explain(PICTURE, "occlusion", kind="probability")
    assert found.score == pytest.approx(1.0)


@pytest.mark.parametrize("z", [20.0, 36.0, 60.0, 300.0, -40.0])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_slopes_near_one_and_zero_keep_their_digits(activation, z):
    scores = np.array([[z, 0.0, 1.0]])
    reading = Reading((Piece("z"),), activation=activation)
    found = reading.slopes({"z": scores}, np.array([[1.0, 0.0, 0.0]]))["z"][0]
    # In extended precision, with nothing subtracted from one.
    wide = np.exp(scores[0].astype(np.longdouble))
    if activation == "sigmoid":
        expected = np.array([wide[0] / (1 + wide[0]) / (1 + wide[0]), 0, 0])
    else:
        total = wide.sum()
        own = wide[0] / total
        expected = np.array([own * (wide[1] + wide[2]) / total, *(-own * wide[1:] / total)])
    np.testing.assert_allclose(found, expected.astype(np.float64), rtol=1e-12)


def test_the_gradient_of_a_nearly_saturated_probability_is_that_of_its_logits():
    """p = 1 - 1e-13 or so: in float64 the map is still the sum of the logits' maps."""
    plain = opened("logits", 1.0)
    x = plain.read(PICTURE).x
    second, first = np.sort(plain.network.torch.activations(x, ["out"])["out"][0])[-2:]
    model = opened("logits", 30 / (first - second), scores="logits")
    z = model.network.torch.activations(x, ["out"])["out"][0]
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    best = int(p.argmax())
    assert 1e-15 < 1 - p[best] < 1e-12
    maps = [model.explain(PICTURE, "gradient", k, kind="logit").attribution for k in range(3)]
    expected = sum(p[best] * p[k] * (maps[best] - maps[k]) for k in range(3) if k != best)
    found = model.explain(PICTURE, "gradient", best, kind="probability").attribution
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-9)


@pytest.mark.parametrize("method", ["gradient", "grad-cam"])
def test_an_embedding_beside_itself_has_no_slope(method, tmp_path):
    model = onnxplain.load(
        model_of_an_embedding(), preprocess="minus-one-one", precision="double", task="embedding"
    )
    values = model.predict(PICTURE).scores
    np.save(tmp_path / "same.npy", values)
    like = f"like={tmp_path / 'same.npy'}"
    with pytest.raises(MethodRefusedError, match="both vectors point the same way"):
        model.explain(PICTURE, method, like)
    shown = model.explain(PICTURE, "lrp", like)
    assert np.abs(shown.attribution).max() > 0
    np.save(tmp_path / "other.npy", values + np.array([0.5, -1, 2]))
    other = model.explain(PICTURE, method, f"like={tmp_path / 'other.npy'}")
    assert np.abs(other.attribution).max() > 0


def model_of_an_embedding():
    made = model("softmax", 1.0)
    del made.graph.node[-1]
    made.graph.node[-1].output[0] = "out"
    made.graph.node[-1].input[1] = "w"
    return made


def test_a_map_that_is_not_finite_is_refused(monkeypatch):
    found = opened("softmax", 1.0)
    monkeypatch.setattr(Reading, "slopes", lambda self, values, weights: {
        p.tensor: np.full(values[p.tensor].shape, np.inf) for p in self.pieces
    })  # fmt: skip
    with pytest.raises(NumericalError, match="not finite there"):
        found.explain(PICTURE, "gradient", 0)


@pytest.mark.parametrize("tail", ["softmax", "sigmoid", "yes-no"])
def test_occlusion_explains_the_logit_where_the_probability_hardly_moves(tail):
    """The same map as that of a network whose probability moves, times the factor."""
    target = {"softmax": 2, "sigmoid": 2, "yes-no": "yes"}[tail]
    still, moving = opened(tail, 3000), opened(tail, 1)
    found = still.explain(PICTURE, "occlusion", target)
    assert found.target.kind == "logit"
    assert found.target.others == (tail == "softmax")
    assert found.notes["probability_moves"] < 1e-3
    assert "its probability hardly changes" in found.summary
    expected = moving.explain(PICTURE, "occlusion", moving.target(
        target, moving.predict(PICTURE), kind="logit", others=tail == "softmax",
    ))  # fmt: skip
    largest = np.abs(expected.attribution).max()
    assert np.abs(found.attribution / 3000 - expected.attribution).max() < 1e-3 * largest


def test_a_probability_that_moves_or_was_asked_for_stays():
    moving, still = opened("softmax", 1), opened("softmax", 3000)
    assert moving.explain(PICTURE, "occlusion", 2).target.kind == "probability"
    asked = still.explain(PICTURE, "occlusion", 2, kind="probability")
    assert (asked.target.kind, np.abs(asked.attribution).max()) == ("probability", 0.0)
    ready = still.target(2, still.predict(PICTURE), kind="probability")
    assert still.explain(PICTURE, "occlusion", ready).target == ready
