"""From a picture to the maps that are measured: who is asked what, and what is left out."""

import numpy as np
import pytest
import small_models
from evaluate.linear import SIDE, WEIGHTS, linear_model, probabilities
from PIL import Image
from scipy.ndimage import gaussian_filter

import onnxplain
from onnxplain.errors import MethodRefusedError, NoSlopeError, UnknownNameError, UsageError
from onnxplain.evaluate import cases as module
from onnxplain.evaluate.cases import Plan, applicable, cases, look
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.settings import Settings
from onnxplain.inputs.dataset import Sample

GRADIENT = {"gradient": {}}


@pytest.fixture
def sample(tmp_path):
    """Make an entry of a data set."""
    pixels = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")

    def made(label=None, boxes=()):
        return Sample("one.png", tmp_path / "one.png", label, boxes=boxes)

    return made


def scores(seen):
    return probabilities(seen.picture.x)[0]


@pytest.mark.parametrize(("label", "explained", "wanted"), [
    ("dog", "label", 3), ("2", "label", 2), (None, "label", "best"), ("dog", "prediction", "best"),
])  # fmt: skip
def test_what_is_explained(sample, label, explained, wanted):
    plan = Plan(GRADIENT, (), explained=explained)
    seen = look(linear_model(), sample(label), plan, [])
    index = int(scores(seen).argmax()) if wanted == "best" else wanted
    assert seen.index == seen.target.index == seen.start.index == index
    assert (seen.target.unit, seen.start.unit) == ("probability", "logit")
    assert seen.label == (None if label is None else 3 if label == "dog" else 2)
    np.testing.assert_allclose(seen.prediction.probabilities, scores(seen), rtol=1e-12)
    assert seen.aim("gradient") is seen.start
    assert seen.aim("occlusion") is seen.target


def test_a_target_of_all_pictures_is_explained_whatever_they_show(sample):
    seen = look(linear_model(), sample("dog"), Plan(GRADIENT, (), target="bee"), [])
    assert (seen.index, seen.label) == (1, 3)


def test_a_label_that_the_model_does_not_know_is_refused(sample):
    with pytest.raises(UsageError, match="bird"):
        look(linear_model(), sample("bird"), Plan(GRADIENT, ()), [])


def test_a_mask_is_seen_as_the_picture_is(sample):
    problems = []
    seen = look(linear_model(), sample(boxes=((1, 2, 5, 4),)), Plan(GRADIENT, ()), problems)
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[2:4, 1:5] = True
    np.testing.assert_array_equal(seen.mask, wanted)
    assert problems == []
    assert look(linear_model(), sample(), Plan(GRADIENT, ()), problems).mask is None


def test_a_mask_of_which_nothing_is_left_is_told_of(sample):
    problems = []
    empty = sample(boxes=((SIDE + 1, 0, SIDE + 2, 5),))
    seen = look(linear_model(), empty, Plan(GRADIENT, ()), problems)
    assert seen.mask is None
    assert problems == ["one.png: nothing of the mask is left in the model's input"]


def listed(sample, plan, problems=None, model=None):
    model = model or linear_model()
    problems = [] if problems is None else problems
    seen = look(model, sample, plan, problems)
    return seen, list(cases(model, seen, list(plan.methods), plan, problems))


def test_methods_come_first_and_controls_behind_them(sample):
    settings = Settings(stages=2)
    given = {**GRADIENT, "occlusion": {"window": 4}}
    plan = Plan(given, (), seed=3, settings=settings, against_others=False)
    seen, found = listed(sample("cat"), plan)
    assert [case.method for case in found] == ["gradient", "occlusion", *CONTROLS]
    assert [case.parameters for case in found] == [{}, {"window": 4}, *[None] * len(CONTROLS)]
    for case in found:
        assert case.target is seen.target
        assert (case.label, case.seed, case.settings) == (2, 3, settings)
        assert (case.explanation is None) == (case.method in CONTROLS)
    weights = WEIGHTS[:, 2].reshape(3, SIDE, SIDE).sum(axis=0)
    np.testing.assert_allclose(found[0].heatmap, weights, rtol=1e-9)
    assert [c.method for c in listed(sample(), Plan(GRADIENT, (), controls=False))[1]] == [
        "gradient"
    ]


def test_by_default_gradients_are_those_of_a_class_less_the_others(sample):
    _, found = listed(sample("cat"), Plan(GRADIENT, (), controls=False))
    others = WEIGHTS[:, [0, 1, 3]].mean(axis=1)
    weights = (WEIGHTS[:, 2] - others).reshape(3, SIDE, SIDE).sum(axis=0)
    np.testing.assert_allclose(found[0].heatmap, weights, rtol=1e-9)


def test_the_same_picture_is_mapped_alike_and_another_one_is_not(sample):
    plan = Plan({"gradient-x-input": {}}, (), against_others=False)
    _, found = listed(sample("cat"), plan)
    for case in found:
        if case.method != "random":  # it is drawn anew
            np.testing.assert_array_equal(case.remap(case.picture), case.heatmap)
    brighter = linear_model().read(np.full((SIDE, SIDE, 3), 255, np.uint8))
    weights = WEIGHTS[:, 2].reshape(3, SIDE, SIDE).sum(axis=0)
    np.testing.assert_allclose(found[0].remap(brighter), weights, rtol=1e-6)


def test_random_maps_differ_by_picture_and_repeat_by_seed(sample, tmp_path):
    def random_map(entry, seed=0):
        _, found = listed(entry, Plan({}, (), seed=seed))
        return found[0].heatmap

    first = random_map(sample())
    np.testing.assert_array_equal(first, random_map(sample()))
    assert (first != random_map(sample(), seed=1)).any()
    Image.new("RGB", (SIDE, SIDE), "red").save(tmp_path / "red.png")
    assert (first != random_map(Sample("red.png", tmp_path / "red.png"))).any()


def test_every_map_is_blurred(sample):
    (_, plain), (_, soft) = (listed(sample(), Plan(GRADIENT, (), blur=b)) for b in (0.0, 1.5))
    for one, other in zip(plain, soft, strict=True):
        if one.method != "random":
            np.testing.assert_array_equal(other.remap(other.picture), other.heatmap)
        wanted = gaussian_filter(one.heatmap, 1.5, mode="nearest")
        np.testing.assert_allclose(other.heatmap, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("error", "listed_as"), [
    (NoSlopeError("flat"), ["one.png, gradient: flat"] * 2),
    (MethodRefusedError("never"), ["gradient: never"]),
])  # fmt: skip
def test_what_fails_on_a_picture_is_told_for_each_and_on_the_model_once(
    sample, monkeypatch, error, listed_as
):
    explain = module._explain

    def failing(model, name, *given):
        if name == "gradient":
            raise error
        return explain(model, name, *given)

    monkeypatch.setattr(module, "_explain", failing)
    plan, problems = Plan({**GRADIENT, "saliency": {}}, (), controls=False), []
    for _ in range(2):
        _, found = listed(sample(), plan, problems)
        assert [case.method for case in found] == ["saliency"]
    assert problems == listed_as


def test_a_file_that_does_not_convert_keeps_its_forward_methods(sample):
    file = small_models.model_of(small_models.UNCONVERTIBLE)
    model = onnxplain.load(file, preprocess="raw", scores="logits", device="cpu")
    plan, problems = Plan({**GRADIENT, "occlusion": {"window": 2}}, (), controls=False), []
    _, found = listed(sample(), plan, problems, model)
    assert [case.method for case in found] == ["occlusion"]
    (problem,) = problems
    assert problem.startswith("gradient: ")
    assert "Sequence" in problem


def test_methods_that_the_model_does_not_allow_are_left_out():
    problems = []
    plan = Plan({"attention-rollout": {}, **GRADIENT, "cam": {}}, ())
    assert applicable(linear_model(), plan, problems) == ["gradient"]
    assert [p.partition(":")[0] for p in problems] == ["attention-rollout", "cam"]


def test_where_nothing_is_left_that_is_said():
    only = {"cam": {}}
    assert applicable(linear_model(), Plan(only, ()), []) == []
    with pytest.raises(UsageError, match="no method applies to this model: cam:"):
        applicable(linear_model(), Plan(only, (), controls=False), [])


@pytest.mark.parametrize(("plan", "error", "match"), [
    (Plan({"gradient": {"windows": 3}}, ()), UnknownNameError, "windows"),
    (Plan({"gradients": {}}, ()), UnknownNameError, "unknown method 'gradients'"),
    (Plan(GRADIENT, (), target="top-2"), UsageError, "one is explained in each picture"),
])  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_before_anything_runs(plan, error, match):
    with pytest.raises(error, match=match):
        applicable(linear_model(), plan, [])
