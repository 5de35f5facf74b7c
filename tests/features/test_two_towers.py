"""CLIP-like files: a linear image tower and a text tower, against closed forms and differences."""

import numpy as np
import onnx
import pytest
from features.small import IMAGE, SIDE, inputs, pixels
from onnx import numpy_helper, parser

import onnxplain
from onnxplain.features.similarity import likeness_to, similarity

WIDTH, SCALE = 5, 100.0
_RNG = np.random.default_rng(0)
WEIGHTS = {
    "w": _RNG.normal(size=(3 * SIDE**2, WIDTH)),
    "k": _RNG.normal(size=(4, 3, 3, 3)),
    "w4": _RNG.normal(size=(4 * SIDE**2, WIDTH)),
    "table": _RNG.normal(size=(11, 6)),
    "p": _RNG.normal(size=(6, WIDTH)),
    "hundred": np.array(SCALE),
}
LINEAR = "f = Flatten(image) e = MatMul(f, w)"
CURVED = "c = Conv<pads = [1,1,1,1]>(image, k) r = Tanh(c) f = Flatten(r) e = MatMul(f, w4)"
BOTH = """
    n = ReduceL2<axes = [-1], keepdims = 1>(e) image_embeds = Div(e, n)
    g = Gather(table, input_ids) m = ReduceMean<axes = [1], keepdims = 0>(g) t = MatMul(m, p)
    tn = ReduceL2<axes = [-1], keepdims = 1>(t) text_embeds = Div(t, tn)
    tt = Transpose<perm = [1, 0]>(text_embeds) cosines = MatMul(image_embeds, tt)
    logits_per_image = Mul(cosines, hundred)
    logits_per_text = Transpose<perm = [1, 0]>(logits_per_image)
"""
OUTPUTS = (
    "float[N,T] logits_per_image, float[T,N] logits_per_text, "
    f"float[T,{WIDTH}] text_embeds, float[N,{WIDTH}] image_embeds"
)
# Two texts of three words each.
IDS = np.array([[1, 2, 3], [4, 5, 6]])
PICTURE = pixels(0) + 100


def opened(tower=LINEAR, **options):
    proto = parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> g (int64[T,S] input_ids, {IMAGE}) => '
        f"({OUTPUTS}) {{ {tower} {BOTH} }}"
    )
    for name, value in WEIGHTS.items():
        kept = np.asarray(value, np.float32) / (1 if name == "hundred" else 100)
        proto.graph.initializer.append(numpy_helper.from_array(kept, name))
    onnx.checker.check_model(proto)
    return onnxplain.load(proto, preprocess="raw", device="cpu", precision="double", **options)


def weight(name):
    return (WEIGHTS[name] / 100).astype(np.float32).astype(np.float64)


def texts():
    """Directions of both texts, (2, D)."""
    vectors = weight("table")[IDS].mean(axis=1) @ weight("p")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_hand(k):
    """Cosine of the picture and a text, and its slope at each pixel."""
    v = np.moveaxis(PICTURE, -1, 0).reshape(-1).astype(np.float64) @ weight("w")
    length, text = np.linalg.norm(v), texts()[k]
    slope = weight("w") @ ((text - (v @ text / length) * v / length) / length)
    return v @ text / length, slope.reshape(3, SIDE, SIDE)


def near(found, expected, tolerance=1e-6):
    assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("stored", [False, True])
def test_the_image_half_and_a_stored_text_vector(stored, tmp_path):
    """The text inputs are not asked for where only the picture's embedding is read."""
    model = opened(output="image_embeds")
    cosine, slope = by_hand(0)
    if stored:
        np.save(tmp_path / "dog.npy", texts()[0] * 7)
        found = model.explain(PICTURE, "gradient", f"like={tmp_path / 'dog.npy'}")
    else:
        found = similarity(
            model, PICTURE, likeness_to(model, texts()[0] * 7, "dog"), method="gradient"
        ).first
    assert found.score == pytest.approx(cosine, rel=1e-5)
    near(found.attribution, slope)
    assert np.abs(by_hand(1)[1] - slope).max() > 0.1 * np.abs(slope).max()


@pytest.mark.parametrize("k", [0, 1])
def test_texts_as_the_second_input_are_classes(k):
    """Scores are 100 times the cosines; by default each is explained against the other text."""
    model = opened(
        output="logits_per_image", bound={"input_ids": IDS}, scores="logits", labels=("dog", "cat")
    )
    (cosine, slope), (other_cosine, other) = by_hand(k), by_hand(1 - k)
    found = model.explain(PICTURE, "gradient", ("dog", "cat")[k])
    assert found.score == pytest.approx(SCALE * (cosine - other_cosine), rel=1e-5)
    near(found.attribution, SCALE * (slope - other))
    alone = model.explain(PICTURE, "gradient", k, kind="logit")
    assert alone.score == pytest.approx(SCALE * cosine, rel=1e-5)
    near(alone.attribution, SCALE * slope)


def test_texts_are_in_no_batch_with_pictures():
    """Each picture of a batch is compared with all texts, also with texts as many as pictures."""
    model = opened(output="logits_per_image", bound={"input_ids": IDS}, scores="logits")
    whole = model.network.ort.forward(inputs(0, 1, 2))
    alone = [model.network.ort.forward(inputs(s))[0] for s in (0, 1, 2)]
    np.testing.assert_allclose(whole, alone, rtol=1e-5)


def test_a_curved_tower_by_differences():
    model = opened(CURVED, output="image_embeds")
    aim = likeness_to(model, texts()[1], "cat", against=[texts()[0]])
    found = model.explain(PICTURE, "gradient", aim)
    x = np.moveaxis(PICTURE, -1, 0)[None].astype(np.float64)
    step = 1e-3
    places = [(0, 0, 0), (1, 5, 7), (2, SIDE - 1, 3)]

    def score(at, by):
        moved = x.copy()
        moved[(0, *at)] += by
        return float(aim.score(model.network.torch.activations(moved, aim.tensors))[0])

    slopes = np.array([(score(at, step) - score(at, -step)) / (2 * step) for at in places])
    taken = np.array([found.attribution[at] for at in places])
    np.testing.assert_allclose(taken, slopes, atol=1e-5 * np.abs(found.attribution).max())
    assert np.abs(taken).max() > 0


@pytest.mark.parametrize("method", ["libragrad", "lrp", "blur-ig", "sobol", "hsic", "occlusion"])
def test_methods_without_a_black_picture_explain_a_text(method):
    model = opened(output="image_embeds")
    found = model.explain(PICTURE, method, likeness_to(model, texts()[0], "dog"))
    assert found.score == pytest.approx(by_hand(0)[0], rel=1e-5)
    assert found.attribution.any()
