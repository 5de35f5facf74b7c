"""Maps of files in which inputs meet are those of inputs alone, whatever runs in batches.

The reference is the same file declared for a batch of one, where no engine can let them meet.
"""

import company
import numpy as np
import pytest

import onnxplain
from onnxplain.adapters.changes import WindowChanges
from onnxplain.adapters.independence import Independence
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.run import evaluate
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.methods import registered
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from tests.applicable import NEED_BOXES

RECIPE = Preprocess(
    name="unit", layout="NCHW", size=(16, 16), color="RGB", scale=1 / 127.5,
    mean=(1.0,) * 3, std=(1.0,) * 3,
)  # fmt: skip
PICTURE = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
WINDOWS = {"window": 4, "stride": 2}
# Everything that asks about several inputs, or about several values of a layer, at once.
FORWARD = {
    "occlusion": WINDOWS,
    "rise": {"samples": 40},
    "lime": {"samples": 40},
    "kernel-shap": {"samples": 40},
    "sobol": {"samples": 4, "regions": 9},
    "hsic": {"samples": 40},
    "region-search": {"segments": "grid", "regions": 9},
    # In front of the place where inputs meet.
    "score-cam": {"layer": "c"},
    "ablation-cam": {"layer": "c"},
    "recipro-cam": {"layer": "c"},
    "prediction-difference": {"window": 4, "samples": 3},
}
BACKWARD = {
    "smoothgrad": {"samples": 6},
    "integrated-gradients": {"steps": 6},
    "expected-gradients": {"samples": 6},
    "blur-ig": {"steps": 6},
    "grad-cam": {},
}
WRITTEN_OUT = company.MEETING["statistics written out"]


def opened(parts, **more):
    recipe, proto = RECIPE, company.classifier(**parts, **more)
    return onnxplain.load(proto, preprocess=recipe, device="cpu", precision="double")


def map_of(model, method, parameters, target=1):
    return model.explain(PICTURE, method, target, **parameters)


def spoilt(monkeypatch):
    monkeypatch.setattr(Network, "independence", Independence())


@pytest.mark.parametrize("method", [*FORWARD, *BACKWARD])
def test_maps_are_those_of_single_inputs(method, monkeypatch):
    parameters = {**FORWARD, **BACKWARD}[method]
    expected = map_of(opened(WRITTEN_OUT, batch=1), method, parameters)
    found = map_of(opened(WRITTEN_OUT), method, parameters)
    extent = np.ptp(expected.attribution)
    assert extent > 0
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-5 * extent)
    if method == "grad-cam":  # one input alone; its layer is measured without asking
        assert "independence" not in found.notes
        return
    assert found.notes["independence"]["coupled"]
    assert "ReduceMean (tensor 'mu')" in found.provenance["warnings"][-1]
    spoilt(monkeypatch)
    wrong = map_of(opened(WRITTEN_OUT), method, parameters)
    assert np.abs(wrong.attribution - expected.attribution).max() > 0.01 * extent


@pytest.mark.parametrize("name", company.MEETING)
def test_occlusion_of_every_kind(name):
    parts = company.MEETING[name]
    expected = map_of(opened(parts, batch=1), "occlusion", WINDOWS)
    found = map_of(opened(parts), "occlusion", WINDOWS)
    extent = max(np.ptp(expected.attribution), 1e-3)
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-5 * extent)


def test_the_list_of_methods_is_whole():
    """A method that asks about one input at a time is named here, every other one above."""
    variants = {"smoothgrad-squared", "vargrad"}
    single = {
        "attention-rollout", "gradient-attention-rollout", "cam", "clear", "deep-taylor",
        "counterfactual-grad-cam", "deeplift", "deconvnet", "eigen-cam", "gradient",
        "gradient-x-input", "grad-cam",
        "grad-cam++", "guided-backprop", "guided-ig", "guided-grad-cam", "hirescam", "layercam",
        "lrp", "attn-lrp", "libragrad", "saliency", "xgrad-cam", "layercam-scales",
        "activation", "enriched",
    }  # fmt: skip
    assert set(registered()) - NEED_BOXES - single - variants == {*FORWARD, *BACKWARD} - single


def test_several_targets_share_passes_of_single_inputs():
    targets, model = [0, 1, 2], opened(WRITTEN_OUT)
    for method in ("occlusion", "smoothgrad"):
        parameters = {**FORWARD, **BACKWARD}[method]
        together = model.explain_targets(PICTURE, method, targets, **parameters)
        for target, found in zip(targets, together, strict=True):
            alone = map_of(opened(WRITTEN_OUT, batch=1), method, parameters, target)
            extent = np.ptp(alone.attribution)
            np.testing.assert_allclose(found.attribution, alone.attribution, atol=1e-5 * extent)


def test_the_window_engine_cuts_no_such_file():
    """With its sections, a window would be computed from statistics of a piece."""
    model = opened(WRITTEN_OUT)
    found = map_of(model, "occlusion", {**WINDOWS, "engine": "auto"})
    assert found.notes["engine"]["batch"] == 1
    assert "alone" in found.notes["engine"]["because"]
    with pytest.raises(UsageError, match=r"incremental engine cannot run.*alone"):
        map_of(model, "occlusion", {**WINDOWS, "engine": "incremental"})


def test_training_statistics_are_not_local_even_alone():
    """Declared for one input, nothing meets; yet each pixel changes the statistics of all."""
    model = opened(company.MEETING["statistics of the batch"], batch=1)
    whole = map_of(model, "occlusion", {**WINDOWS, "engine": "brute-force"})
    local = model.network.ort._windows._services.sections(["scores"]).local
    assert "m" not in local.grids
    found = map_of(model, "occlusion", WINDOWS)
    np.testing.assert_array_equal(found.attribution, whole.attribution)


def copies_of_each(model, windows):
    """The map by a plain loop over batches of copies."""
    batch, base = model.network.image.batch, model.read(PICTURE).x
    black = np.full_like(base, -1.0)
    changes = WindowChanges.from_picture(windows, black[0], (1, 2))
    scores = []
    for k, (top, bottom, left, right) in enumerate(windows):
        x = base.copy()
        x[0, :, top:bottom, left:right] = changes.content(k)
        session = model.network.ort._sessions.exposing(())
        scores.append(session.run(["scores"], {"image": np.repeat(x, batch, axis=0)})[0][0])
    return np.array(scores), changes


def test_a_fixed_batch_holds_copies():
    model = opened(WRITTEN_OUT, batch=4)
    windows = np.array([[r, r + 4, c, c + 4] for r in range(0, 13, 3) for c in range(0, 13, 3)])
    expected, changes = copies_of_each(model, windows)
    context = Context(model.network, RECIPE)
    aim = model.target(1, model.predict(PICTURE), kind="raw")
    run = context.windowed_scores(model.read(PICTURE).x[0], changes, aim)
    found = np.empty(len(expected))
    for indices, scores in run.blocks:
        found[indices] = scores
    np.testing.assert_allclose(found, expected[:, 1], rtol=1e-6)
    assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("method", ["grad-cam", "smoothgrad", "lrp"])
def test_there_is_no_gradient_of_one_input_in_a_fixed_batch(method):
    with pytest.raises(MethodRefusedError, match=r"batches of 4.*forward-only"):
        map_of(opened(WRITTEN_OUT, batch=4), method, {})


def test_scores_along_a_curve_are_those_of_single_inputs(tmp_path):
    from PIL import Image

    path = tmp_path / "1.png"
    Image.fromarray(PICTURE).save(path)
    sample = Sample(path.name, path, None)
    plan = Plan({"occlusion": WINDOWS}, ("deletion", "insertion"), controls=False)
    alone, free = (
        evaluate(opened(WRITTEN_OUT, **more), [sample], plan).rows for more in ({"batch": 1}, {})
    )
    assert [r.value for r in free] == pytest.approx([r.value for r in alone], rel=1e-5)
    assert len(alone) == 2


def test_nothing_is_measured_for_a_single_pass_nor_twice(monkeypatch):
    model = opened({})
    map_of(model, "grad-cam", {})
    assert model.network.known_independence is None
    map_of(model, "rise", {"samples": 8})
    known = model.network.known_independence
    assert known == Independence()
    map_of(model, "rise", {"samples": 8})
    assert model.network.known_independence is known
