"""Deployed forms of one network: quantised, half precision, optimised, large, on raw pixels."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from integer_sums import needs_exact_sums, skip_if_sums_overflow
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

import onnxplain
from onnxplain.convert import to_torch
from onnxplain.errors import ConversionError, OnnxplainError
from onnxplain.graph import light
from onnxplain.graph.edit import with_constants
from onnxplain.graph.light import weights_size
from onnxplain.graph.quantised import scale_and_zero
from onnxplain.graph.rectifiers import rectified_root
from onnxplain.model.obstacles import obstacles
from tests.quantised_twins import DIGIT, GAP, RECIPE, opened, static
from tests.small_models import model_of

VIT, VIT_RECIPE = "models/digits-vit.onnx", "models/digits-vit.preprocess.json"
LITE0, INT8 = "models/efficientnet-lite0.onnx", "models/efficientnet-lite0-int8.onnx"
CAT = "examples/photos/chelsea.png"


def correlation(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


def optimised(path, level, source=GAP):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def bfloat16_weights(path):
    """Weights in bfloat16, each widened where it is read, as ONNX Runtime's CPU needs it."""
    model = onnx.load(GAP)
    for tensor in list(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        bits = numpy_helper.to_array(tensor).copy().view(np.uint32) >> 16
        short = TensorProto(name=f"{tensor.name}_short", data_type=TensorProto.BFLOAT16)
        short.dims.extend(tensor.dims)
        short.raw_data = bits.astype(np.uint16).tobytes()
        cast = helper.make_node("Cast", [short.name], [tensor.name], to=TensorProto.FLOAT)
        model.graph.node.insert(0, cast)
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(short)
    onnx.save(model, path)


LEVELS = onnxruntime.GraphOptimizationLevel
FORMS = {
    "qdq": lambda path: static(path, QuantFormat.QDQ),
    "qoperator": lambda path: static(path, QuantFormat.QOperator),
    "dynamic": lambda path: quantize_dynamic(GAP, path),
    "float16": lambda path: onnx.save(convert_float_to_float16(onnx.load(GAP)), path),
    "float16 inside": lambda path: onnx.save(
        convert_float_to_float16(onnx.load(GAP), keep_io_types=True), path
    ),
    "bfloat16": bfloat16_weights,
    "optimised": lambda path: optimised(path, LEVELS.ORT_ENABLE_EXTENDED),
}


@pytest.fixture(scope="module", params=list(FORMS))
def form(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("forms") / "model.onnx"
    FORMS[request.param](path)
    skip_if_sums_overflow(onnx.load(path))
    return request.param, onnxplain.load(path, preprocess=RECIPE, scores="logits")


@pytest.mark.parametrize(
    "method", ["grad-cam", "gradient-x-input", "integrated-gradients", "occlusion"]
)
def test_the_map_is_that_of_the_original_network(form, method):
    _, model = form
    wanted = opened(GAP).explain(DIGIT, method, 3)
    found = model.explain(DIGIT, method, 3)
    assert correlation(wanted.attribution, found.attribution) > 0.98
    if "parity_error" in found.measures:
        assert found.measures["parity_error"] <= found.measures["parity_tolerance"] < 0.1


@pytest.mark.parametrize("composite", ["epsilon-plus-flat", "epsilon-gamma-box", "epsilon"])
def test_relevance_is_that_of_the_original_network(form, composite):
    _, model = form
    wanted, found = (m.explain(DIGIT, "lrp", 3, composite=composite) for m in (opened(GAP), model))
    assert correlation(wanted.attribution, found.attribution) > 0.99
    assert found.measures["conservation"] == pytest.approx(
        wanted.measures["conservation"], abs=0.02
    )
    other = opened(GAP).explain(DIGIT, "lrp", 8, composite=composite)
    assert correlation(other.attribution, found.attribution) < 0.95


def test_every_node_agrees_given_its_inputs(form):
    _, model = form
    assert not [t for t in model.compare_tensors(model.read(DIGIT)) if t.parts]


@needs_exact_sums
@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_a_quantised_transformer_is_read_at_the_same_layer(tmp_path, form):
    static(tmp_path / "vit.onnx", form, VIT)
    model = onnxplain.load(tmp_path / "vit.onnx", preprocess=VIT_RECIPE, scores="logits")
    for method in ("grad-cam", "layercam", "gradient-x-input"):
        index = opened(VIT).explain(DIGIT, method).target.index
        wanted, found = (m.explain(DIGIT, method, index) for m in (opened(VIT), model))
        assert correlation(wanted.attribution, found.attribution) > 0.95
        assert (found.layer or "").startswith(wanted.layer or "")


def test_feature_maps_of_integers_are_the_numbers_that_they_stand_for(tmp_path):
    static(tmp_path / "gap.onnx", QuantFormat.QOperator)
    graph = onnxplain.load(tmp_path / "gap.onnx", preprocess=RECIPE, scores="logits").network.graph
    node = next(n for n in graph.nodes if n.op_type == "QLinearConv")
    scale, zero = (float(graph.constant(i).item()) for i in node.inputs[6:8])
    assert scale_and_zero(graph, node.output) == (scale, zero) != (1.0, 0.0)
    assert scale_and_zero(opened(GAP).network.graph, "3") == (1.0, 0.0)


@needs_exact_sums
@pytest.mark.parametrize(
    ("method", "least"),
    [
        ("cam", 0.999), ("clear", 0.99), ("score-cam", 0.99), ("ablation-cam", 0.99),
        ("eigen-cam", 0.99),
        # What one place alone does is few steps of the scores.
        ("recipro-cam", 0.98),
    ],
)  # fmt: skip
def test_layers_of_integers_are_read_as_numbers(tmp_path, method, least):
    static(tmp_path / "gap.onnx", QuantFormat.QOperator)
    model = onnxplain.load(tmp_path / "gap.onnx", preprocess=RECIPE, scores="logits")
    wanted, found = (m.explain(DIGIT, method, 3) for m in (opened(GAP), model))
    assert correlation(wanted.attribution, found.attribution) > least
    # Not only their order is right, but also their size.
    ratio = np.abs(found.attribution).sum() / np.abs(wanted.attribution).sum()
    assert ratio == pytest.approx(1, abs=0.1)
    if method == "cam":
        assert abs(found.measures["completeness_gap"]) < 0.02


@needs_exact_sums
@pytest.mark.parametrize("method", ["cam", "grad-cam", "lrp"])
def test_the_int8_twin_of_a_photo_network(method):
    index = opened(LITE0).explain(CAT, "cam").target.index
    wanted, found = (opened(p).explain(CAT, method, index).attribution for p in (LITE0, INT8))
    if method == "lrp":
        wanted, found = wanted.sum(0), found.sum(0)
    assert correlation(wanted, found) > 0.99


@needs_exact_sums
def test_the_int8_twin_computes_what_is_deployed():
    found = opened(INT8).explain(CAT, "grad-cam")
    assert found.measures["parity_error"] == 0.0 < found.measures["parity_tolerance"] < 0.1
    assert found.notes["parity_tolerance_from"] == "one step of quantisation"


def test_a_file_for_one_processor_is_refused_with_advice_and_still_explained(tmp_path):
    optimised(tmp_path / "nchwc.onnx", LEVELS.ORT_ENABLE_ALL)
    domains = {n.domain for n in onnx.load(tmp_path / "nchwc.onnx").graph.node}
    assert "com.microsoft.nchwc" in domains
    model = onnxplain.load(tmp_path / "nchwc.onnx", preprocess=RECIPE, scores="logits")
    with pytest.raises(ConversionError, match=r"optimised for one processor.*occlusion"):
        model.explain(DIGIT, "gradient")
    wanted = opened(GAP).explain(DIGIT, "occlusion", 3).attribution
    assert correlation(wanted, model.explain(DIGIT, "occlusion", 3).attribution) > 0.999


@pytest.mark.parametrize("source", ["digits-gap", "digits-keras", "flowers-gap"])
def test_all_that_such_a_file_does_not_allow_says_so(tmp_path, source):
    path = tmp_path / "nchwc.onnx"
    optimised(path, LEVELS.ORT_ENABLE_ALL, f"models/{source}.onnx")
    model = onnxplain.load(path, preprocess=f"models/{source}.preprocess.json")
    size = (model.preprocess.size[0], model.preprocess.size[1], 3)
    for method in ("grad-cam", "cam", "score-cam", "gradient", "lrp"):
        with pytest.raises(OnnxplainError, match="optimised for one processor: use the one before"):
            model.explain(np.zeros(size, np.uint8), method)
    said = obstacles(model.network)
    refused = {name: why for name, why in said.items() if why}
    assert {"grad-cam", "cam", "recipro-cam", "saliency", "lrp"} <= set(refused)
    before = obstacles(onnxplain.load(f"models/{source}.onnx").network)
    assert not any("one processor" in why for why in before.values())
    lost = [why for name, why in refused.items() if not before[name]]
    assert all("one processor" in why for why in lost), lost


def test_a_classical_model_is_refused_with_advice_and_still_explained():
    proto = model_of("f = Flatten(x) s = Identity(f) y = MatMul(s, w)")
    node = next(n for n in proto.graph.node if n.op_type == "Identity")
    node.CopyFrom(
        helper.make_node("Scaler", ["f"], ["s"], domain="ai.onnx.ml", offset=[0.1], scale=[2.0])
    )
    proto.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    model = onnxplain.load(proto)
    with pytest.raises(ConversionError, match=r"ai\.onnx\.ml.*no gradient"):
        model.explain(DIGIT, "saliency")
    assert model.explain(DIGIT, "occlusion").attribution.any()


def test_large_models_are_never_written_as_one_message(monkeypatch, tmp_path):
    path = tmp_path / "large.onnx"
    proto = onnx.load(GAP)
    onnx.save(proto, path, save_as_external_data=True, location="large.bin", size_threshold=0)
    monkeypatch.setattr(light, "LARGE", 0)
    model = onnxplain.load(path, preprocess=RECIPE, scores="logits")
    plain = opened(GAP)
    layer = model.network.layers[0].name
    x = model.read(DIGIT).x
    for name in (model.network.head.logits, layer):
        np.testing.assert_array_equal(
            model.network.ort.activations(x, [name])[name],
            plain.network.ort.activations(x, [name])[name],
        )
    assert len(model.network.ort._sessions._file) < len(Path(GAP).read_bytes()) / 2
    for method in ("occlusion", "grad-cam", "lrp"):
        np.testing.assert_array_equal(
            model.explain(DIGIT, method).attribution, plain.explain(DIGIT, method).attribution
        )


def test_the_weights_of_a_large_model_are_held_once(monkeypatch):
    monkeypatch.setattr(light, "LARGE", 0)
    network = onnxplain.load(GAP).network
    graph, constants = network.graph, to_torch(network.graph).constants()
    assert len(graph.weights) >= 2
    for name, array in graph.weights.items():
        assert np.shares_memory(graph.constant(name), array)
        assert np.shares_memory(constants[name].numpy(), array)
        assert not graph.constant(name).flags.writeable
    assert weights_size(graph.model) > 2 * len(graph.model.SerializeToString())


def test_a_large_model_can_be_edited_and_cut(monkeypatch):
    monkeypatch.setattr(light, "LARGE", 0)
    graph = onnxplain.load(GAP).network.graph
    name = next(iter(graph.weights))
    edited = with_constants(graph, {name: 2 * graph.constant(name)})
    np.testing.assert_array_equal(edited.constant(name), 2 * graph.constant(name))
    inner = onnxplain.load(on_pixels(), preprocess="raw", at="normalised", scores="logits")
    assert inner.network.graph.weights
    wanted, found = (
        m.explain(opened(GAP).read(DIGIT).pixels, "saliency", 3) for m in (opened(GAP), inner)
    )
    np.testing.assert_allclose(found.attribution, wanted.attribution, rtol=1e-4, atol=1e-6)


def test_damage_is_found_in_large_models_too(monkeypatch, tmp_path):
    proto = onnx.load(GAP)
    proto.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(proto, tmp_path / "m.onnx")
    monkeypatch.setattr(light, "LARGE", 0)
    with pytest.raises(OnnxplainError, match="NoSuchOperator"):
        onnxplain.load(tmp_path / "m.onnx")


def on_pixels():
    """The digits network behind its preprocessing: uint8 pixels, channels last, any size."""
    proto = onnx.load(GAP)
    del proto.graph.input[:]
    proto.graph.input.append(
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 8, 8, 1])
    )
    steps = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "full"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["image"], perm=[0, 3, 1, 2]),
    ]
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(steps + nodes)
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(255), "full"))
    return proto


@pytest.mark.parametrize("method", ["gradient-x-input", "integrated-gradients", "saliency", "lrp"])
def test_preprocessing_inside_of_the_graph_is_explained_at_the_pixels(method):
    model = onnxplain.load(on_pixels(), preprocess="raw", scores="logits")
    assert model.network.image.dtype == "uint8"
    pixels = opened(GAP).read(DIGIT).pixels
    wanted = opened(GAP).explain(pixels, method, 3).attribution
    found = model.explain(pixels, method, 3).attribution
    if method == "saliency":
        wanted = wanted / 255  # per unit of pixel
    np.testing.assert_allclose(
        found.reshape(wanted.shape), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max()
    )


@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet", "guided-grad-cam"])
@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_relus_that_the_quantiser_absorbed_are_found(tmp_path, form, method):
    static(tmp_path / "gap.onnx", form)
    skip_if_sums_overflow(onnx.load(tmp_path / "gap.onnx"))
    model = onnxplain.load(tmp_path / "gap.onnx", preprocess=RECIPE, scores="logits")
    assert "Relu" not in {n.op_type for n in model.network.graph.nodes}
    wanted, found = (m.explain(DIGIT, method, 3) for m in (opened(GAP), model))
    assert correlation(wanted.attribution, found.attribution) > 0.99
    ratio = np.abs(found.attribution).sum() / np.abs(wanted.attribution).sum()
    assert ratio == pytest.approx(1, abs=0.05)
    plain = model.explain(DIGIT, "gradient-x-input", 3).attribution
    assert correlation(plain, found.attribution) < 0.9


def test_an_int8_network_has_the_relus_of_its_original():
    clips = [n for n in opened(LITE0).network.graph.nodes if n.op_type in ("Clip", "Relu")]
    graph = opened(INT8).network.graph
    assert len([n for n in graph.nodes if rectified_root(graph, n)]) == len(clips) == 33


def test_values_between_pixels_are_not_rounded_without_a_word():
    model = onnxplain.load(on_pixels(), preprocess="raw", scores="logits", engine="onnxruntime")
    pixels = opened(GAP).read(DIGIT).pixels
    assert model.explain(pixels, "gradient", 3).attribution.any()
    with pytest.raises(OnnxplainError, match=r"needs fractions.*--engine pytorch"):
        model.explain(pixels, "integrated-gradients", 3)
