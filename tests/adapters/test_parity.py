"""When the engines count as agreeing, and when that proves nothing."""

import numpy as np
import pytest

import onnxplain
from onnxplain.adapters.parity import (
    LARGEST_NOISE,
    TOLERANCE,
    Parity,
    measure_parity,
    plain_input,
    require_parity,
)
from onnxplain.errors import ParityError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.prepare import prepare
from onnxplain.graph.quantised import quantisation_step
from onnxplain.inputs.picture import sample_picture
from tests.small_models import model_of, write_model

DIGIT = "examples/digits/3-10.png"
X, PLAIN = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)


class Engine:
    """Ten times the input, plus an offset where there is a picture."""

    def __init__(self, offset=0.0, slope=10.0, base=0.0, dtype=np.float32):
        self.offset, self.slope, self.base, self.dtype = offset, slope, base, dtype

    def activations(self, x, names):
        values = self.base + self.slope * x + self.offset * (x != 0)
        return {n: values.astype(self.dtype) for n in names}


def measured(converted, reference=None, itself=None, step=0.0):
    opened = []

    def as_written():
        opened.append(True)
        return itself or Engine()

    found = measure_parity(reference or Engine(), as_written, converted, (X, PLAIN), "y", step)
    return found, bool(opened)


def test_the_error_is_relative_to_what_the_input_changes():
    found, _ = measured(Engine(offset=0.5))
    assert found.error == pytest.approx(0.05)
    assert found.tolerance == TOLERANCE
    assert not found.agrees


def test_a_large_constant_output_hides_no_difference():
    """A spread of thousands between classes does not make up for what the input does."""
    base = np.array([[0.0, 5000.0]])
    found, _ = measured(Engine(offset=1.0, base=base), Engine(base=base), Engine(base=base))
    assert found.error == pytest.approx(0.1, rel=1e-3)
    assert not found.agrees


def test_onnx_runtime_is_asked_about_itself_only_when_the_engines_differ():
    assert measured(Engine(offset=0.009))[1] is False
    assert measured(Engine(offset=0.011))[1] is True


@pytest.mark.parametrize(("offset", "agrees"), [(0.39, True), (0.41, False)])
def test_twice_the_disagreement_of_onnx_runtime_with_itself_is_allowed(offset, agrees):
    found, _ = measured(Engine(offset=offset), itself=Engine(offset=-0.2))
    assert found.agrees is agrees
    assert "itself" in found.basis


@pytest.mark.parametrize(("offset", "agrees"), [(0.24, True), (0.2500001, True), (0.26, False)])
def test_one_step_of_the_output_is_allowed(offset, agrees):
    found, _ = measured(Engine(offset=offset), step=0.25)
    assert found.agrees is agrees
    assert "step" in found.basis


@pytest.mark.parametrize(
    ("reference", "itself", "step"),
    [
        (Engine(slope=0.0, base=1.0), None, 0.0),  # the output ignores the input
        (Engine(slope=5e-4, base=1000.0), Engine(slope=5e-4, base=1000.0), 0.0),
        (Engine(), None, 1.1),  # nine steps are no evidence
        (Engine(), Engine(offset=1.1), 0.0),
        (Engine(slope=1e-3, base=1.0, dtype=np.float16), None, 0.0),
    ],
)
def test_an_output_that_hardly_changes_proves_nothing(reference, itself, step):
    found, _ = measured(Engine(offset=3.0), reference, itself, step)
    assert found.noise > LARGEST_NOISE
    assert not found.agrees
    with pytest.raises(ParityError, match="hardly changes"):
        require_parity(found)


def test_exact_agreement_of_constant_outputs_proves_nothing_either():
    constant = Engine(slope=0.0, base=1.0)
    assert not measured(constant, constant, constant)[0].agrees


def test_another_shape_and_nan_are_disagreements():
    class Flat(Engine):
        def activations(self, x, names):
            return {n: np.zeros(2, np.float32) for n in names}

    assert not measured(Flat())[0].agrees
    assert not measured(Engine(offset=np.nan))[0].agrees


def test_a_disagreement_says_where_and_how_much_and_what_to_do():
    with pytest.raises(ParityError) as caught:
        require_parity(Parity("logits", 0.5))
    for text in ("'logits'", "0.5", "0.001", "inspect --parity", "occlusion", "--allow-mismatch"):
        assert text in str(caught.value)
    require_parity(Parity("logits", 0.5e-3))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_plain_input_has_each_picture_s_own_mean_colour(layout, rng):
    shape = (2, 3, 4, 5) if layout == "NCHW" else (2, 4, 5, 3)
    image = ImageInput("x", "float32", layout, 3, (4, 5), None, False)
    x = rng.random(shape).astype(np.float32)
    axes = (2, 3) if layout == "NCHW" else (1, 2)
    plain = plain_input(x, image)
    assert plain.shape == shape
    assert plain.dtype == x.dtype
    means = [values.mean(axes, dtype=np.float64) for values in (plain, x)]
    np.testing.assert_allclose(*means, rtol=1e-6)
    assert np.ptp(plain, axis=axes).max() == 0
    pixels = np.array([0, 255, 255, 255], np.uint8).reshape(1, 1, 2, 2)
    rounded = plain_input(pixels, ImageInput("x", "uint8", "NCHW", 1, (2, 2), None, False))
    assert rounded.tolist() == [[[[191, 191], [191, 191]]]]


def test_the_step_is_the_scale_of_the_last_dequantisation():
    body = (
        "s = Constant<value: tensor = float {0.25}>() z = Constant<value: tensor = uint8 {3}>() "
        "f = Flatten(x) m = MatMul(f, w) q = QuantizeLinear(m, s, z) d = DequantizeLinear(q, s, z) "
        "y = Flatten(d)"
    )
    graph = prepare(model_of(body))
    assert quantisation_step(graph, "y") == quantisation_step(graph, "d") == 0.25
    assert quantisation_step(graph, "m") == quantisation_step(graph, "x") == 0.0


def test_every_explanation_in_pytorch_records_how_far_the_engines_agree():
    model = onnxplain.load("models/digits-gap.onnx", engine="pytorch")
    found = model.explain(DIGIT, "saliency")
    assert 0 <= found.measures["parity_error"] <= found.measures["parity_tolerance"] == TOLERANCE
    assert found.notes["parity_tolerance_from"] == "float arithmetic"
    assert "parity_error" not in model.explain(DIGIT, "occlusion").measures


def test_a_picture_of_one_colour_can_be_explained():
    model = onnxplain.load("models/digits-gap.onnx", engine="pytorch")
    found = model.explain(np.full((8, 8), 200, np.uint8), "saliency")
    assert found.measures["parity_error"] < TOLERANCE


def test_a_network_that_ignores_its_picture_is_refused(tmp_path):
    body = (
        "t = Constant<value: tensor = float {1e-9}>() o = Constant<value: tensor = float {1.0}>() "
        "f = Flatten(x) m = MatMul(f, w) k = Mul(m, t) y = Add(k, o)"
    )
    model = onnxplain.load(write_model(tmp_path / "m.onnx", body))
    with pytest.raises(ParityError, match="hardly changes"):
        model.explain(DIGIT, "saliency", 0)
    found = model.explain(DIGIT, "saliency", 0, allow_mismatch=True)
    assert found.measures["parity_tolerance"] > 0
    assert model.explain(DIGIT, "occlusion", 0).attribution.shape == (4, 4)


def test_a_sample_picture_is_smooth_and_covers_the_range():
    preprocess = onnxplain.load("models/efficientnet-lite0.onnx").preprocess
    first, second = sample_picture(preprocess), sample_picture(preprocess, seed=1)
    assert first.x.shape == preprocess.shape
    assert (first.pixels.min(), first.pixels.max()) == (0, 255)
    assert np.abs(np.diff(first.pixels.astype(int), axis=0)).max() < 20
    assert not np.array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.x, sample_picture(preprocess).x)
