"""Files whose other outputs are hard: what does not matter to the scores costs nothing."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import ConversionError, MethodRefusedError, UsageError
from onnxplain.inputs.picture import sample_picture
from onnxplain.methods import registered
from onnxplain.model.inspection import inspect_file, inspect_model, inspect_parity
from tests.wrapped_outputs import (
    NAMES,
    label,
    label_of,
    maps,
    optional,
    sequence,
    tensor,
    wrapped_classifier,
    zip_map,
)

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def opened(model, **options):
    given = {"preprocess": "minus-one-one", "device": "cpu", "precision": "double"}
    return onnxplain.load(model, **{**given, **options})


@pytest.fixture
def plain():
    """The classifier with its scores alone."""
    return wrapped_classifier([], [tensor("s")])


@pytest.fixture
def beside():
    """The same with the name of the class, which PyTorch cannot compute."""
    return wrapped_classifier(label_of("s"), [label(), tensor("s")])


@pytest.mark.parametrize("method", ["gradient", "lrp", "guided-backprop", "deeplift", "grad-cam"])
def test_an_output_beside_the_scores_withholds_nothing(method, plain, beside):
    for output in (None, "s"):
        model = opened(beside, output=output)
        found = model.explain(PICTURE, method, 1)
        wanted = opened(plain).explain(PICTURE, method, 1)
        assert wanted.attribution.any()
        np.testing.assert_array_equal(found.attribution, wanted.attribution)


def test_every_method_is_as_possible_as_without(plain, beside):
    assert inspect_model(opened(beside))["methods"] == inspect_model(opened(plain))["methods"]


def test_the_engines_are_compared_at_what_matters(beside):
    model = opened(beside)
    found = inspect_parity(model, sample_picture(model.preprocess))
    assert found["scores"]["agrees"]
    assert {t["tensor"] for t in found["worst"]} == {"c", "r", "p", "f", "z", "s"}


def test_what_cannot_be_opened_does_not_matter_either(plain):
    """An operator that ONNX Runtime has not, behind the scores."""
    broken = wrapped_classifier([node("Sparkle", ["s"], ["y"], domain="acme")],
                                [tensor("y"), tensor("s")])  # fmt: skip
    with pytest.raises(Exception, match="Sparkle"):
        onnxruntime.InferenceSession(broken.SerializeToString())
    found = opened(broken, output="s").explain(PICTURE, "occlusion", 1)
    wanted = opened(plain).explain(PICTURE, "occlusion", 1)
    np.testing.assert_array_equal(found.attribution, wanted.attribution)


def test_an_operator_on_the_way_to_the_scores_still_withholds_them():
    tail = [node("Normalizer", ["s"], ["y"], domain="ai.onnx.ml", norm="L1")]
    model = opened(wrapped_classifier(tail, [tensor("y")]))
    assert model.explain(PICTURE, "occlusion", 1).attribution.any()
    assert model.explain(PICTURE, "eigen-cam", 1).attribution.any()
    with pytest.raises(ConversionError, match=r"ai\.onnx\.ml::Normalizer"):
        model.explain(PICTURE, "gradient", 1)
    blocked = inspect_model(model)["methods"]
    for name, method in registered().items():
        if method.takes_slopes:
            assert "Normalizer" in blocked[name]


def test_a_value_is_asked_only_for_inputs_that_matter():
    tail = [node("Mul", ["z", "gain"], ["y"])]
    model = wrapped_classifier(tail, [tensor("y"), tensor("s")], inputs=[tensor("gain")])
    assert opened(model, output="s").explain(PICTURE, "gradient", 1).attribution.any()
    ones = {"gain": np.ones((1, 3), np.float32)}
    opened(model, output="s", bound=ones)  # one value for every output is no mistake
    opened(model, output="y", bound=ones)
    with pytest.raises(UsageError, match=r"'gain'.* need a value"):
        opened(model, output="y")
    with pytest.raises(UsageError, match="no input is named"):
        opened(model, output="s", bound={"nothing": np.ones(1)})


def test_a_layer_that_does_not_matter_is_refused_in_both_engines():
    tail = [node("Relu", ["c"], ["side_maps"]), node("Neg", ["side_maps"], ["side"])]
    shape = onnx.helper.make_tensor_value_info("side", 1, ["N", 6, 8, 8])
    model = opened(wrapped_classifier(tail, [shape, tensor("s")]))
    for method in ("grad-cam", "eigen-cam"):
        said = r"not computed from tensor 'side_maps'.*'side'"
        with pytest.raises(MethodRefusedError, match=said):
            model.explain(PICTURE, method, 1, layer="side_maps")
    assert model.explain(PICTURE, "eigen-cam", 1, layer="c").attribution.any()


def test_inspect_says_what_is_left_out(tmp_path, run_inspect, beside):
    onnx.save(beside, tmp_path / "m.onnx")
    found = json.loads(run_inspect(tmp_path / "m.onnx", "--json").stdout)
    assert found["model"]["left_out"] == {
        "inputs": [],
        "outputs": ["label"],
        "operators": {"ArgMax": 1, "ai.onnx.ml::ArrayFeatureExtractor": 1},
    }
    assert found["model"]["output"]["others"] == ["label"]
    text = " ".join(run_inspect(tmp_path / "m.onnx").stdout.split())
    assert (
        "left out output label; operators ArgMax 1, ai.onnx.ml::ArrayFeatureExtractor 1: "
        "the scores do not depend on it" in text
    )


@pytest.mark.parametrize("opset", [8, 13, 17])
def test_a_map_is_explained_with_its_names(opset, tmp_path, plain):
    path = tmp_path / "m.onnx"
    tail = [*label_of("s"), zip_map("s", "loss")]
    onnx.save(wrapped_classifier(tail, [label(), ("loss", maps())], opset=opset, ml=1), path)
    model = opened(path)
    assert model.labels == NAMES
    assert "ZipMap" in model.sources["labels"]
    wanted = opened(plain)
    for method in ("occlusion", "gradient"):
        found = model.explain(PICTURE, method, "dog")
        np.testing.assert_allclose(
            found.attribution, wanted.explain(PICTURE, method, 1).attribution, rtol=1e-6, atol=1e-9
        )


def test_names_that_were_given_come_first(tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(wrapped_classifier([zip_map("s", "loss")], [("loss", maps())]), path)
    (tmp_path / "m.labels.txt").write_text("x\ny\nz\n")
    assert opened(path).labels == ["x", "y", "z"]
    assert opened(path, labels=["p", "q", "r"]).labels == ["p", "q", "r"]


def test_a_domain_that_is_not_declared_is_what_onnx_runtime_takes_it_for(tmp_path):
    path = tmp_path / "m.onnx"
    model = wrapped_classifier([zip_map("s", "loss")], [("loss", maps())])
    del model.opset_import[1]
    onnxruntime.InferenceSession(model.SerializeToString())
    onnx.save(model, path)
    assert opened(path).labels == NAMES


@pytest.mark.parametrize(
    ("tail", "kind", "code", "said"),
    [
        ([zip_map("s", "y")], maps(), 0, "y: sequence(map(string, float32))"),
        ([node("Optional", ["s"], ["y"])], optional(), 0, "y: optional(float32)"),
        (
            [node("SequenceConstruct", ["s", "f"], ["y"])],
            sequence(),
            3,
            "y: sequence(float32)",
        ),
    ],
)
def test_inspect_names_the_types_of_outputs(tail, kind, code, said, tmp_path, run_inspect):
    path = tmp_path / "m.onnx"
    onnx.save(wrapped_classifier(tail, [("y", kind)]), path)
    found = run_inspect(path)
    assert found.exit_code == code
    assert said in " ".join(found.stdout.split())
    assert inspect_file(path).to_dict()["outputs"][0]["dtype"] == said.removeprefix("y: ")
    if code:
        assert "--output: 's', 'f'" in found.stderr
        assert run_inspect(path, "--output", "s").exit_code == 0


def test_a_map_that_is_given_to_a_side_branch_does_not_matter(plain):
    kind = helper.make_map_type_proto(
        TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    given = helper.make_value_info("words", kind)
    count = node("DictVectorizer", ["words"], ["y"], domain="ai.onnx.ml", string_vocabulary=NAMES)
    file = wrapped_classifier([count], [tensor("y"), tensor("s")], inputs=[given])
    model = opened(file, output="s")
    assert inspect_model(model)["left_out"]["inputs"] == ["words"]
    np.testing.assert_array_equal(
        model.explain(PICTURE, "gradient", 1).attribution,
        opened(plain).explain(PICTURE, "gradient", 1).attribution,
    )


def test_what_a_function_computes_for_another_output_goes():
    """Its second result comes from an operator that PyTorch lacks."""
    body = [node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["c"])]
    body += [node("Normalizer", ["a"], ["d"], domain="ai.onnx.ml", norm="MAX")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    function = helper.make_function("acme", "Twice", ["a"], ["c", "d"], body, opsets)
    call = node("Twice", ["s"], ["t", "y"], domain="acme")
    file = wrapped_classifier([call], [tensor("y"), tensor("t")])
    file.functions.append(function)
    model = opened(file, output="t")
    assert inspect_model(model)["left_out"]["operators"] == {"ai.onnx.ml::Normalizer": 1}
    found = model.explain(PICTURE, "gradient", 1).attribution
    assert found.any()
    with pytest.raises(ConversionError, match="Normalizer"):
        opened(file, output="y").explain(PICTURE, "gradient", 1)


@pytest.fixture
def run_inspect():
    """Inspect a model file by the command line."""
    from click.testing import CliRunner

    from onnxplain.cli import main

    return lambda path, *more: CliRunner().invoke(main, ["inspect", str(path), *more])
