"""Exported files keep their scores in every bit, and their maps are the engine's."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from noise import require_float32

import onnxplain
from onnxplain.errors import ConversionError, UnknownNameError, UsageError
from onnxplain.export.export import export
from onnxplain.export.plan import METHODS
from tests import forms_of_answers
from tests.convert.oracle import session

GAP, KERAS, VIT = (f"models/digits-{name}.onnx" for name in ("gap", "keras", "vit"))
PICTURE = "examples/digits/3-10.png"


def made(path, out, methods, **options):
    model = onnxplain.load(path)
    return model, export(model, path, out, methods, picture=PICTURE, **options)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "all.onnx"
    model, found = made(GAP, out, METHODS, steps=20)
    return model, found, session(onnx.load(out))


def feeds(model, *pictures):
    return {model.network.image.name: np.concatenate([model.read(p).x for p in pictures])}


@pytest.mark.parametrize("method", METHODS)
def test_a_map_in_the_file_is_that_of_the_engine(everything, method):
    model, found, file = everything
    (ours,) = file.run([found.written.outputs[method]], feeds(model, PICTURE))
    given = {"steps": 20, "max_steps": 20} if method == "integrated-gradients" else {}
    theirs = model.explain(PICTURE, method, **given).attribution
    scale = np.abs(theirs).max()
    assert scale > 0
    # Sums of some hundred float32 products on both sides.
    np.testing.assert_allclose(ours[0] / scale, theirs / scale, rtol=0, atol=2e-5)


@pytest.mark.parametrize("explain", [True, False])
def test_scores_are_equal_in_every_bit(everything, explain):
    model, _, file = everything
    x = feeds(model, PICTURE, PICTURE)
    (before,) = session(onnx.load(GAP)).run(["logits"], x)
    (after,) = file.run(["logits"], {**x, "explain": np.array(explain)})
    assert after.tobytes() == before.tobytes()


def test_without_maps_there_is_nothing_but_scores(everything):
    model, found, file = everything
    (empty,) = file.run(
        [found.written.outputs["gradient"]], {**feeds(model, PICTURE), "explain": np.array(False)}
    )
    assert len(empty) == 0


@pytest.mark.parametrize("asked", [{"target": 7}, {"target": 3, "contrast": "8"}, {"margin": True}])
def test_the_target_is_an_input(everything, asked):
    model, found, file = everything
    contrast = asked.get("contrast")
    given = {
        "target": np.array([asked.get("target", -1)]),
        "contrast": np.array([-2 if asked.get("margin") else int(contrast) if contrast else -1]),
    }
    names = [found.written.outputs[m] for m in ("gradient", "integrated-gradients")]
    ours = file.run(names, {**feeds(model, PICTURE), **given})
    options = {k: v for k, v in asked.items() if k != "target"} or {"kind": "logit"}
    for one, method in zip(ours, ("gradient", "integrated-gradients"), strict=True):
        fixed = {"steps": 20, "max_steps": 20} if method != "gradient" else {}
        theirs = model.explain(PICTURE, method, asked.get("target"), **options, **fixed).attribution
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(one[0] / scale, theirs / scale, rtol=0, atol=2e-5)


def test_pictures_of_a_batch_have_their_own_targets(everything):
    model, found, file = everything
    x = feeds(model, PICTURE, PICTURE)
    name = found.written.outputs["grad-cam"]
    (both,) = file.run([name], {**x, "target": np.array([3, 8])})
    for row, target in zip(both, (3, 8), strict=True):
        (one,) = file.run([name], {**feeds(model, PICTURE), "target": np.array([target])})
        scale = np.abs(one).max()
        np.testing.assert_allclose(row / scale, one[0] / scale, rtol=0, atol=1e-5)
    assert np.abs(both[0] - both[1]).max() > 0


@pytest.mark.parametrize("target", [10, -3])
def test_a_class_that_is_none_stops_the_run(everything, target):
    model, _, file = everything
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match="idx"):
        file.run(None, {**feeds(model, PICTURE), "target": np.array([target])})


def test_without_defaults_all_inputs_are_fed(tmp_path):
    """And nothing else is another one."""
    model, with_defaults = made(GAP, tmp_path / "a.onnx", ["gradient"])
    _, _ = made(GAP, tmp_path / "b.onnx", ["gradient"], required=True)
    ones, others = (session(onnx.load(tmp_path / name)) for name in ("a.onnx", "b.onnx"))
    names = [with_defaults.written.inputs[k] for k in ("explain", "target", "contrast")]
    assert [i.name for i in others.get_inputs()] == ["image", *names]
    assert [i.name for i in ones.get_inputs()] == ["image"]
    x = feeds(model, PICTURE)
    given = dict(zip(names, (np.array(True), np.array([8]), np.array([-2])), strict=True))
    for a, b in zip(ones.run(None, {**x, **given}), others.run(None, {**x, **given}), strict=True):
        assert a.tobytes() == b.tobytes()
    with pytest.raises(ValueError, match="target"):
        others.run(None, x)


def test_the_gap_is_what_is_missing_of_the_difference(everything):
    model, found, file = everything
    names = [found.written.outputs["integrated-gradients"], found.written.gap, "logits"]
    given = {"target": np.array([3]), "contrast": np.array([-1])}
    attribution, gap, logits = file.run(names, {**feeds(model, PICTURE), **given})
    black = np.full_like(feeds(model, PICTURE)["image"], model.preprocess.bounds()[0].item())
    (start,) = file.run(["logits"], {"image": black, "explain": np.array(False)})
    change = (logits - start)[0, 3]
    assert gap[0] == pytest.approx((change - attribution.sum()) / change, abs=1e-5)


@pytest.mark.parametrize("path", [KERAS, VIT])
def test_other_networks(path, tmp_path):
    model, found = made(path, tmp_path / "out.onnx", ["grad-cam,gradient"])
    file = session(onnx.load(tmp_path / "out.onnx"))
    x = feeds(model, PICTURE)
    before = session(onnx.load(path)).run(None, x)
    outputs = [o.name for o in onnx.load(path).graph.output]
    for explain in (True, False):
        after = file.run(outputs, {**x, "explain": np.array(explain)})
        assert [a.tobytes() for a in after] == [b.tobytes() for b in before]
    for method, name in found.written.outputs.items():
        theirs = model.explain(PICTURE, method).attribution
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(
            file.run([name], x)[0][0] / scale, theirs / scale, rtol=0, atol=1e-4
        )


def test_the_file_says_what_it_holds(everything):
    model, found, _ = everything
    said = {p.key: p.value for p in onnx.load(found.path).metadata_props}
    data = json.loads(said["onnxplain.export"])
    assert data["source_sha256"] == model.sha256
    assert data["layer"] == model.explain(PICTURE, "grad-cam").layer
    assert data["steps"] == 20
    assert set(data["outputs"]) == set(METHODS)


def test_weights_are_shared(everything):
    _, found, _ = everything
    original = onnx.load(GAP)
    large = [t for t in onnx.load(found.path).graph.initializer if np.prod(t.dims) > 256]
    assert len(large) == sum(np.prod(t.dims) > 256 for t in original.graph.initializer)


def test_standard_operators_only(everything):
    _, found, _ = everything
    onnx.checker.check_model(onnx.load(found.path), full_check=True)

    def domains(graph):
        for node in graph.node:
            yield node.domain
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    yield from domains(attribute.g)

    assert set(domains(onnx.load(found.path).graph)) == {""}


def test_names_and_steps_are_checked_first(tmp_path):
    out = tmp_path / "out.onnx"
    with pytest.raises(UnknownNameError, match="unknown method 'occlusion'"):
        made(GAP, out, ["occlusion"])
    with pytest.raises(UsageError, match=r"steps must be 1 to .*, not 0"):
        made(GAP, out, ["integrated-gradients"], steps=0)
    with pytest.raises(UsageError, match="depends on the picture"):
        made(GAP, out, ["integrated-gradients"], baseline="blur")
    assert not out.exists()


def test_the_model_itself_is_not_written_over(tmp_path):
    copy = tmp_path / "model.onnx"
    shutil.copy(GAP, copy)
    with pytest.raises(onnxplain.errors.OutputError, match="is the model itself"):
        export(onnxplain.load(copy), copy, copy, ["gradient"])


@pytest.mark.parametrize("rules", ["epsilon-plus-flat", "epsilon-alpha2-beta1", "deep-taylor"])
def test_relevance_by_composite(rules, tmp_path):
    model, found = made(GAP, tmp_path / "out.onnx", ["lrp"], composite=rules)
    file = session(onnx.load(tmp_path / "out.onnx"))
    given = {**feeds(model, PICTURE), "target": np.array([3]), "contrast": np.array([8])}
    (ours,) = file.run([found.written.outputs["lrp"]], given)
    theirs = model.explain(PICTURE, "lrp", 3, contrast="8", composite=rules).attribution
    scale = np.abs(theirs).max()
    assert scale > 0
    # Sums of some hundred float32 products on both sides.
    np.testing.assert_allclose(ours[0] / scale, theirs / scale, rtol=0, atol=2e-5)


def test_relevance_through_attention(tmp_path):
    model, found = made(VIT, tmp_path / "out.onnx", ["lrp"])
    file = session(onnx.load(tmp_path / "out.onnx"))
    exact = onnxplain.load(VIT, precision="double").explain(PICTURE, "lrp").attribution
    given = feeds(model, PICTURE)
    image = model.network.image.name

    def run(x):
        return file.run([found.written.outputs["lrp"]], {**given, image: x})[0][0]

    # Sums that cancel: how far rounding takes them is measured on this machine.
    require_float32(run, given[image], exact)


def test_an_operator_without_a_rule_is_refused_by_name(tmp_path):
    body = "d = Cast<to=11>(image) f = Flatten(d) s = Sigmoid(f) out = ReduceProd<axes=[1]>(s)"
    onnx.save(forms_of_answers.model(body, ["double[N,1] out"]), tmp_path / "model.onnx")
    model = onnxplain.load(tmp_path / "model.onnx", preprocess="zero-one")
    with pytest.raises(ConversionError, match="ReduceProd"):
        export(model, tmp_path / "model.onnx", tmp_path / "out.onnx", ["gradient"])
    assert not (tmp_path / "out.onnx").exists()
