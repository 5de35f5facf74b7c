"""A file that carries maps is the original to everything else; metadata alone prove nothing."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper

import onnxplain
from onnxplain.graph.carried import KEY, carried_maps, without_maps
from tests.convert.oracle import session
from tests.export.agreement import made
from tests.forms_of_answers import VECTOR, model

X = np.random.default_rng(5).random((1, 3, 6, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    body = f"{VECTOR} z = MatMul(f, w4) out = Softmax<axis=1>(z) v = MatMul(f, v4)"
    proto = model(body, ["double[N,4] out", "double[N,4] v"])
    return made(
        proto, tmp_path_factory.mktemp("carried"), "gradient,integrated-gradients",
        loading={"output": "out"},
    )  # fmt: skip


def test_the_original_is_what_is_left(file):
    proto = onnx.load(file.path)
    found = carried_maps(proto)
    assert set(found.outputs) == {"gradient", "integrated-gradients"}
    assert found.source == file.model.sha256
    left = without_maps(proto, found)
    onnx.checker.check_model(left, full_check=True)
    assert [o.name for o in left.graph.output] == ["out", "v"]
    assert [i.name for i in left.graph.input] == ["image"]
    original = onnx.load(file.path.with_name("model.onnx"))
    assert [n.op_type for n in left.graph.node] == [n.op_type for n in original.graph.node]
    before, after = (session(p).run(["out"], {"image": X})[0] for p in (original, left))
    assert before.tobytes() == after.tobytes()


def test_explain_and_inspect_see_the_answers_of_the_original(file):
    opened = onnxplain.load(file.path, preprocess="zero-one", precision="double", output="out")
    assert opened.carried.version == onnxplain.__version__
    assert {a.output for a in opened.network.answers} == {"out", "v"}
    here, there = (m.explain(X, "gradient") for m in (opened, file.model))
    np.testing.assert_array_equal(here.attribution, there.attribution)
    assert opened.warnings == file.model.warnings


def changed(proto, **values):
    twin = onnx.ModelProto()
    twin.CopyFrom(proto)
    said = json.loads(next(p.value for p in twin.metadata_props if p.key == KEY))
    del twin.metadata_props[:]
    helper.set_model_props(twin, {KEY: json.dumps({**said, **values})})
    return twin


@pytest.mark.parametrize(
    "lie",
    [
        {"outputs": {"gradient": "out"}},
        {"outputs": {"gradient": "out", "grad-cam": "v"}},
        {"outputs": {}},
        {"outputs": "attribution"},
        {"outputs": {"gradient": 3}},
        {"inputs": {"explain": "image"}},
        {"inputs": None},
        {"version": "1\n2"},
        {"version": ["1"]},
        {"source_sha256": "none of your business"},
        {"gap": ["gap"]},
        {"gap": "v"},
    ],
)
def test_metadata_that_the_graph_does_not_bear_out_count_for_nothing(file, lie):
    assert carried_maps(changed(onnx.load(file.path), **lie)) is None


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 60_000, '{"a": "' + "x" * 70_000])
def test_metadata_that_are_no_record_count_for_nothing(file, text):
    proto = onnx.load(file.path)
    del proto.metadata_props[:]
    helper.set_model_props(proto, {KEY: text})
    assert carried_maps(proto) is None


def test_a_false_claim_is_said(tmp_path):
    proto = model(f"{VECTOR} out = MatMul(f, w4)", ["double[N,4] out"])
    helper.set_model_props(proto, {KEY: json.dumps({"outputs": {"gradient": "out"}})})
    onnx.save(proto, tmp_path / "model.onnx")
    opened = onnxplain.load(tmp_path / "model.onnx", preprocess="zero-one")
    assert opened.carried is None
    assert any(KEY in text and "ignored" in text for text in opened.warnings)
