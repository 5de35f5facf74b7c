"""What forward-only methods read at a layer of a quantised file, beside its float twin."""

import numpy as np
import onnx
import pytest
from integer_sums import skip_if_sums_overflow
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic
from quantised_twins import DIGIT, GAP, RECIPE, opened, static

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.quantised import scale_and_zero

LITE0, INT8 = "models/efficientnet-lite0.onnx", "models/efficientnet-lite0-int8.onnx"
CAT = "examples/photos/chelsea.png"
FINE = {"window": 2, "stride": 1}
# The zero point of signed integers is not zero, that of unsigned ones here is.
SIGNED, UNSIGNED = QuantType.QInt8, QuantType.QUInt8
FORMS = [(form, kind) for form in QuantFormat for kind in (SIGNED, UNSIGNED)]


@pytest.fixture(scope="module", params=FORMS, ids=lambda p: f"{p[0].name}-{p[1].name}")
def twin(request, tmp_path_factory):
    """A quantised file, the tensor that holds its last feature maps as integers, and their step."""
    form, kind = request.param
    path = tmp_path_factory.mktemp("twin") / "model.onnx"
    static(path, form, activation_type=kind)
    skip_if_sums_overflow(onnx.load(path))
    model = onnxplain.load(path, preprocess=RECIPE, scores="logits")
    name = model.network.layer(None).name
    if form is QuantFormat.QDQ:
        name = model.network.graph.producers[name].inputs[0]
    scale, zero = scale_and_zero(model.network.graph, name)
    assert (scale, zero) == (pytest.approx(0.167, abs=1e-3), -128 if kind is SIGNED else 0)
    held = model.network.ort.activations(model.read(DIGIT).x, [name])[name]
    assert held.dtype == (np.int8 if kind is SIGNED else np.uint8)
    return model, name, scale


def original():
    model = opened(GAP)
    return model, model.network.layer(None).name


def test_response_of_a_layer_of_integers(twin):
    """Largest values are rounded to a step, and the mean over maps is no further away."""
    model, name, step = twin
    source, layer = original()
    wanted = source.explain(DIGIT, "occlusion", 3, response_of=layer, **FINE)
    found = model.explain(DIGIT, "occlusion", 3, response_of=name, **FINE)
    for key in ("score", "difference"):
        distance = np.abs(found.maps[key] - wanted.maps[key]).max()
        assert distance < step < np.ptp(wanted.maps[key])
    assert np.corrcoef(found.attribution.ravel(), wanted.attribution.ravel())[0, 1] > 0.999


def test_a_hidden_unit_of_integers(twin):
    model, name, step = twin
    source, layer = original()
    unit = int(
        source.network.ort.activations(source.read(DIGIT).x, [layer])[layer].mean((2, 3)).argmax()
    )
    options = {"unit": unit, "window": 2, "samples": 3}
    wanted = source.explain(DIGIT, "prediction-difference", 3, hidden=layer, **options)
    found = model.explain(DIGIT, "prediction-difference", 3, hidden=name, **options)
    assert np.abs(found.attribution - wanted.attribution).max() < step / 2
    assert np.ptp(wanted.attribution) > step


def require_refined(model, image, target, **options):
    """Where something is computed it is the full map's, bit for bit; the rest lies between."""
    full = model.explain(image, "occlusion", target, **options).maps["score"]
    coarse = model.explain(image, "occlusion", target, refine=4, **options)
    own = coarse.maps["interpolated"] == 0
    assert own.mean() == pytest.approx(coarse.measures["computed"])
    assert 0.1 < own.mean() < 1
    score = coarse.maps["score"]
    np.testing.assert_array_equal(score[own], full[own])
    assert full[own].min() <= score[~own].min()
    assert score[~own].max() <= full[own].max()
    return full, coarse


def test_refining_the_score(twin):
    require_refined(twin[0], DIGIT, 3, **FINE)


@pytest.fixture(scope="module")
def shipped():
    """Float file and its layer; int8 file, its layer of integers and the floats behind it."""
    source, model = opened(LITE0), opened(INT8)
    skip_if_sums_overflow(onnx.load(INT8))
    behind = model.network.layer(None).name
    integers = model.network.graph.producers[behind].inputs[0]
    return source, source.network.layer(None).name, model, integers, behind


def test_the_shipped_int8_file(shipped):
    """At its integers and at the floats behind them it is one response, that of the original."""
    source, layer, model, integers, behind = shipped
    wanted, found, same = (
        m.explain(CAT, "occlusion", 282, response_of=name, window=56, stride=56).maps["difference"]
        for m, name in ((source, layer), (model, integers), (model, behind))
    )
    np.testing.assert_allclose(found, same, atol=1e-6)
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.98


def test_refining_the_response_of_the_shipped_int8_file(shipped):
    _, _, model, integers, _ = shipped
    options = {"response_of": integers, "window": 64, "stride": 20}
    full, coarse = require_refined(model, CAT, 282, **options)
    assert np.abs(coarse.maps["score"] - full).max() < 0.25 * np.ptp(full)


@pytest.mark.parametrize(
    "method", [("occlusion", "response_of"), ("prediction-difference", "hidden")]
)
def test_integers_of_unknown_worth_are_refused(tmp_path, method):
    """Those of a dynamic file are worth something else in every picture."""
    quantize_dynamic(GAP, tmp_path / "model.onnx")
    model = onnxplain.load(tmp_path / "model.onnx", preprocess=RECIPE)
    node = next(n for n in model.network.graph.nodes if n.op_type == "ConvInteger")
    with pytest.raises(MethodRefusedError, match="int32 numbers whose scale is not known"):
        model.explain(DIGIT, method[0], 3, **{method[1]: node.output})
