"""A model that explains what it says: slopes against differences, and what is refused."""

import inspect

import numpy as np
import pytest
from graphs import SIDE, classifier
from handmade import computed

import onnxplain
from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.model.model import Model

PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
FILE = classifier(final="Softmax")


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(FILE, preprocess="zero-one", precision="double")


def test_a_gradient_is_the_slope_of_the_logit(model):
    found = model.explain(PICTURE, "gradient", 1, kind="logit")
    logits = computed(FILE, "logits")
    x = model.read(PICTURE).x.astype(np.float64)
    gradient = found.attribution
    rng = np.random.default_rng(1)
    for _ in range(5):
        step = np.zeros_like(x)
        place = tuple(rng.integers(n) for n in x.shape[1:])
        step[(0, *place)] = 1e-6
        slope = (logits(x + step) - logits(x - step))[0, 1] / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-8)
    assert found.score == pytest.approx(logits(x)[0, 1], abs=1e-5)


def test_targets_of_one_picture_are_what_they_are_alone(model):
    several = model.explain_targets(PICTURE, "gradient", [2, "top-2", 2])
    assert len({e.target for e in several}) == len(several)
    for one in several:
        alone = model.explain(PICTURE, "gradient", one.target)
        np.testing.assert_allclose(one.attribution, alone.attribution, rtol=1e-9, atol=1e-12)


def test_the_engines_agree(model):
    picture = model.read(PICTURE)
    parity = model.measure_parity(picture)
    assert parity.agrees
    logits = computed(FILE, "logits")(picture.x)
    deployed = model.network.ort.activations(picture.x, ["logits"])["logits"]
    assert np.abs(deployed - logits).max() <= parity.tolerance
    assert {t.tensor for t in model.compare_tensors(picture)} >= {"c1", "maps", "logits"}


def test_only_methods_that_run_in_pytorch_need_agreement(model):
    from onnxplain.methods import find

    picture = model.read(PICTURE)
    said = model.predict(picture)
    single = onnxplain.load(FILE, preprocess="zero-one")
    assert single.check_parity(find("gradient"), picture, said) is said  # in ONNX Runtime
    assert model.check_parity(find("occlusion"), picture, said) is said
    for method in ("gradient", "lrp"):  # double precision is PyTorch's
        checked = model.check_parity(find(method), picture, said)
        assert checked.parity.agrees
        assert model.check_parity(find(method), picture, checked) is checked


def test_an_edited_graph_has_no_digest(model):
    edited = model.with_graph(model.network.graph)
    assert (edited.sha256, edited.name) == ("", f"{model.name} (edited)")
    assert edited.preprocess is model.preprocess
    np.testing.assert_array_equal(
        edited.explain(PICTURE, "gradient", 1).attribution,
        model.explain(PICTURE, "gradient", 1).attribution,
    )


def test_what_is_refused(model):
    with pytest.raises(UsageError, match="'top-2' stands for 2 targets; use explain_targets"):
        model.explain(PICTURE, "gradient", "top-2")
    with pytest.raises(UsageError, match="no target"):
        model.explain_targets(PICTURE, "gradient", [])
    with pytest.raises(OnnxplainError, match="gradiant"):
        model.explain(PICTURE, "gradiant")
    with pytest.raises(OnnxplainError, match="steps"):
        model.explain(PICTURE, "gradient", steps=3)
    with pytest.raises(OnnxplainError, match="99"):
        model.explain_targets(PICTURE, "gradient", [0, 99])


def test_a_model_says_what_it_is():
    assert repr(onnxplain.load("models/digits-gap.onnx")) == (
        "<Model digits-gap.onnx: classes, scores of shape (10,) from output 'logits'; picture "
        "'image', 1x1x8x8 NCHW>"
    )


def test_a_text_is_one_target_and_a_path_one_picture():
    model = onnxplain.load("models/digits-gap.onnx")
    picture = "examples/digits/3-10.png"
    (found,) = onnxplain.explain_all(model, picture, "cam", "top-2")
    assert [e.target.index for e in found] == [
        e.target.index for e in model.explain_targets(picture, "cam", ["top-2"])
    ]
    assert len(model.explain_targets(picture, "cam", 7)) == 1
    shown = model.read(picture).pixels
    assert len(onnxplain.explain_all(model, shown, "cam")) == 1
    assert len(onnxplain.explain_all(model, np.stack([shown, shown]), "cam")) == 2


def test_public_signatures_name_their_options():
    for function in (
        onnxplain.explain,
        onnxplain.explain_all,
        Model.explain,
        Model.explain_targets,
    ):
        names = inspect.signature(function).parameters
        assert {"kind", "contrast", "margin", "seed", "average", "progress"} <= set(names)
        assert "options" not in names
