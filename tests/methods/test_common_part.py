"""What all logits have in common, a Softmax does not see: default maps do not hold it either."""

import functools

import numpy as np
import onnx
import pytest
from handmade import model as written

import onnxplain
from onnxplain.cli.choices import DEFAULT_METHODS
from onnxplain.evaluate.flowers import flowers
from onnxplain.methods import registered

FLOWERS = "models/flowers-gap.onnx"
CLASSES, CHANNELS, SIDE = 5, 6, 12
RNG = np.random.default_rng(3)
# Multiples of 1/64: sums of them are exact in float32 too.
KERNELS = RNG.integers(-40, 40, (CHANNELS, 3, 3, 3)) / 64
HEAD = RNG.integers(-90, 90, (CHANNELS, CLASSES)) / 64
COMMON = -RNG.integers(300, 700, (CHANNELS, 1)) / 64
PICTURE = RNG.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
BODY = (
    "c = Conv<pads=[1,1,1,1]>(image, k) r = Relu(c) p = GlobalAveragePool(r) f = Flatten(p) "
    "m = MatMul(f, w) z = Add(m, b) scores = Softmax<axis=1>(z)"
)
# Added to the head's weights, and to its logits.
SHIFTS = {
    "up": (0.0, 100.0),
    "down": (0.0, -100.0),
    "weights": (COMMON, 0.0),
    "both": (COMMON, -100.0),
}
# Methods that read nothing but slopes in float64, and of the score only where it is linear.
SLOPES = [
    name
    for name, m in registered().items()
    if m.takes_slopes and m.family in ("cam", "gradient") and m.against_others
    and name not in ("odam", "g-came", "ablation-cam", "score-cam", "recipro-cam",
                     "attention-rollout", "gradient-attention-rollout")
]  # fmt: skip


@functools.cache
def opened(shift=None):
    weight, bias = SHIFTS[shift] if shift else (0.0, 0.0)
    arrays = {"k": KERNELS, "w": HEAD + weight, "b": np.full(CLASSES, bias)}
    proto = written(BODY, arrays, image=f"float[N,3,{SIDE},{SIDE}] image")
    return onnxplain.load(proto, preprocess="zero-one", precision="double")


def apart(method, shift, **options):
    one, other = (m.explain(PICTURE, method, **options) for m in (opened(), opened(shift)))
    return np.abs(one.attribution - other.attribution).max() / np.abs(one.attribution).max()


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("method", SLOPES)
def test_slopes_hold_nothing_that_all_logits_have(method, shift):
    assert apart(method, shift) < 1e-12


@pytest.mark.parametrize("shift", SHIFTS)
def test_relevance_holds_nothing_that_all_logits_have(shift):
    """What is left is the stabilizer, which counts by the size of each logit."""
    assert apart("lrp", shift, epsilon=1e-12) < 1e-9
    assert apart("lrp", shift) < 1e-5


@pytest.mark.parametrize("shift", SHIFTS)
def test_occlusion_explains_what_a_softmax_sees(shift):
    """Probabilities, as far as float32 holds logits of that size."""
    one, other = (m.explain(PICTURE, "occlusion") for m in (opened(), opened(shift)))
    noise = np.spacing(np.float32(np.abs(opened(shift).predict(PICTURE).logits).max()))
    assert np.abs(one.attribution - other.attribution).max() <= 4 * noise


@pytest.mark.parametrize("method", ["gradient", "grad-cam", "cam", "lrp"])
def test_the_logit_alone_holds_it(method):
    """Else the tests above could not fail."""
    assert apart(method, "weights", kind="logit") > 0.5


BARE = BODY.replace(" scores = Softmax<axis=1>(z)", "").replace("z = Add", "scores = Add")
# Methods that change the picture and read scores: of a file without probabilities, its logits.
CHANGED = {
    "occlusion": {},
    "rise": {"samples": 100},
    "lime": {"samples": 60},
    "kernel-shap": {"samples": 60},
}


@functools.cache
def bare(shift=None):
    weight, bias = SHIFTS[shift] if shift else (0.0, 0.0)
    arrays = {"k": KERNELS, "w": HEAD + weight, "b": np.full(CLASSES, bias)}
    proto = written(BARE, arrays, image=f"float[N,3,{SIDE},{SIDE}] image")
    return onnxplain.load(proto, preprocess="zero-one")


def maps_of_bare(method, shift, **options):
    found = (
        m.explain(PICTURE, method, **CHANGED[method], **options) for m in (bare(), bare(shift))
    )
    return [f.attribution for f in found]


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("method", CHANGED)
def test_of_bare_logits_changes_of_the_picture_hold_nothing_that_all_have(method, shift):
    """As far as float32 holds logits of that size; the maps are differences of them."""
    assert bare(shift).predict(PICTURE).unit == "logit"
    one, other = maps_of_bare(method, shift)
    noise = np.spacing(np.float32(np.abs(bare(shift).predict(PICTURE).logits).max()))
    assert np.abs(one - other).max() <= 8 * noise


@pytest.mark.parametrize("method", CHANGED)
def test_a_bare_logit_alone_holds_it(method):
    one, other = maps_of_bare(method, "weights", kind="logit")
    assert np.abs(one - other).max() > 0.5 * np.abs(one).max()


def test_of_bare_logits_all_methods_of_the_first_look_explain_one_number():
    """The same target for every method of the first look, where there is nothing but logits."""
    for method in DEFAULT_METHODS:
        assert bare().explain(PICTURE, method).target.others
        assert not bare().explain(PICTURE, method, kind="logit").target.others


def test_methods_of_the_first_look_are_among_these():
    assert set(DEFAULT_METHODS) <= {*SLOPES, "lrp", "occlusion"}


@pytest.fixture(scope="module")
def dark():
    """The flower classifier with one weight vector taken from every class: no logit is positive."""
    proto = onnx.load(FLOWERS)
    (weight,) = (t for t in proto.graph.initializer if t.name == proto.graph.node[-1].input[1])
    values = onnx.numpy_helper.to_array(weight)
    common = 3 * np.abs(values).max(axis=0)
    weight.CopyFrom(onnx.numpy_helper.from_array(values - common, weight.name))
    recipe = FLOWERS.replace(".onnx", ".preprocess.json")
    return onnxplain.load(proto, preprocess=recipe, scores="logits")


def test_a_network_whose_logits_are_all_negative(dark):
    """Its logit shows what speaks against every class; the default what speaks for this one."""
    plain = onnxplain.load(FLOWERS)
    for flower in flowers("double12", 4, first_seed=5):
        picture = dark.read(flower.image)
        assert dark.predict(picture).logits.max() < 0
        for method in ("grad-cam", "lrp"):
            found, wanted = (m.explain(picture, method).attribution for m in (dark, plain))
            alone = dark.explain(picture, method, kind="logit").attribution
            np.testing.assert_allclose(found, wanted, atol=1e-2 * np.abs(wanted).max())
            assert positive(alone) < 0.1
            assert positive(found) > 0.3


def positive(values):
    """Share of a map's magnitude that speaks for the target."""
    return np.maximum(values, 0).sum() / np.abs(values).sum()


@pytest.mark.parametrize("shift", [100.0, -100.0])
def test_a_node_that_shifts_all_logits_is_read_as_the_network_without_it(shift):
    body = BODY.replace("z = Add(m, b) scores = Softmax<axis=1>(z)", "scores = Add(m, b)")
    arrays = {"k": KERNELS, "w": HEAD, "b": np.array(shift)}
    image = f"float[N,3,{SIDE},{SIDE}] image"
    moved = onnxplain.load(written(body, arrays, image=image), preprocess="zero-one")
    plain = body.replace("m = MatMul(f, w) scores = Add(m, b)", "scores = MatMul(f, w)")
    alone = onnxplain.load(
        written(plain, {"k": KERNELS, "w": HEAD}, image=image), preprocess="zero-one"
    )
    assert (moved.task.name, alone.task.name) == ("classes", "classes")
    for method in DEFAULT_METHODS:
        one, other = (m.explain(PICTURE, method).attribution for m in (moved, alone))
        noise = 4 * np.spacing(np.float32(np.abs(moved.predict(PICTURE).logits).max()))
        allowed = noise if method == "occlusion" else 1e-5 * np.abs(other).max()
        assert np.abs(one - other).max() <= allowed
