"""What is explained in every picture, in the form that each method explains."""

import numpy as np
import pytest
from detector_forms import SIDE, written

import onnxplain
from onnxplain.evaluate.cases import Plan, cases, look
from onnxplain.evaluate.question import aim_of
from onnxplain.inputs.dataset import Sample
from onnxplain.methods import registered
from onnxplain.targets.boxes.box_match import BoxMatch

# They change the picture or a layer, and score what comes out.
CHANGING = {"score-cam", "ablation-cam", "recipro-cam", "occlusion", "rise", "lime", "kernel-shap"}


@pytest.fixture
def seen(tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    path = tmp_path / "scene.png"
    Image.fromarray(pixels).save(path)
    model = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    plan = Plan({"ablation-cam": {}, "grad-cam": {}}, (), controls=False)
    return model, look(model, Sample("scene.png", path, None), plan, []), plan


def test_a_box_is_matched_by_methods_that_change_pictures(seen):
    _, found, _ = seen
    for name in registered():
        aim = aim_of(name, found.target, found.start)
        if registered()[name].takes_slopes:
            assert aim is found.start
        else:
            assert isinstance(aim, BoxMatch)
            assert (aim is found.target) == (name != "d-rise")
            assert aim.match == ("likeness" if name == "d-rise" else "score")
    assert aim_of("gradient", found.target, found.start).unit == "logit"


def test_measures_explain_what_the_map_explains(seen):
    model, found, plan = seen
    made = {case.method: case for case in cases(model, found, list(plan.methods), plan, [])}
    assert set(made) == {"ablation-cam", "grad-cam"}
    for name, case in made.items():
        assert case.aim == found.aim(name) == case.explanation.target
