"""Methods, parameters and targets are checked before anything is computed."""

import pytest

import onnxplain
from onnxplain.cli.choices import (
    ALL_SECONDS,
    Chosen,
    bound_all,
    choose_methods,
    choose_targets,
    give_layer,
    give_limits,
    give_parameters,
    require_read,
)
from onnxplain.errors import MethodRefusedError, OnnxplainError, UnknownNameError, UsageError
from onnxplain.methods import find


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-softmax.onnx")


def named(methods):
    return [m.name for m in methods]


def chosen(*names):
    return [Chosen(find(name)) for name in names]


def test_methods_in_their_order_each_once(model):
    found, left_out = choose_methods(["lrp,occlusion", "lrp"], model)
    assert (named(found), left_out) == (["lrp", "occlusion"], {})


def test_all_leaves_out_what_is_impossible_and_says_why(model):
    found, left_out = choose_methods(["all"], model)
    assert "cam" in left_out
    assert "cam" not in named(found)
    assert "occlusion" in named(found)
    with pytest.raises(UsageError, match="-m is empty"):
        choose_methods([","], model)


def test_parameters_go_to_those_that_have_them():
    methods = [find("occlusion"), find("lrp")]
    first, second = give_parameters(methods, ["window=2", "lrp.epsilon=0.5"])
    assert (dict(first.parameters), dict(second.parameters)) == (
        {"window": "2"},
        {"epsilon": "0.5"},
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [("window", UsageError), ("lime.samples=3", UsageError), ("windw=2", UnknownNameError),
     ("window=x", OnnxplainError)],
)  # fmt: skip
def test_parameters_that_fit_nothing(text, error):
    with pytest.raises(error):
        give_parameters([find("occlusion")], [text])


def test_a_layer_is_for_methods_that_take_one(model):
    with pytest.raises(UnknownNameError):
        give_layer(chosen("grad-cam"), "nonsense", model)
    assert give_layer(chosen("gradient"), None, model) == chosen("gradient")


def test_limits_are_for_methods_that_draw_samples():
    (rise, other) = give_limits(chosen("rise", "gradient"), {"max_seconds": 2.0, "tolerance": None})
    assert (rise.parameters, other.parameters) == ({"max_seconds": 2.0}, {})
    with pytest.raises(MethodRefusedError, match="drop --max-seconds"):
        give_limits(chosen("gradient"), {"max_seconds": 2.0})


def test_all_is_kept_to_seconds_unless_something_was_asked(model):
    asked = [Chosen(find("rise")), Chosen(find("lime"), {"samples": 5})]
    rise, lime = bound_all(["all"], asked, model)
    assert rise.parameters == {"max_seconds": ALL_SECONDS}
    assert lime.parameters == {"samples": 5}
    assert bound_all(["rise"], asked, model) == asked


def test_targets(model):
    found = choose_targets(["3", "5"], "1", False, model)
    assert [w.index for w in found.wanted] == [3, 5]
    assert (found.contrast, found.margin) == (1, False)
    with pytest.raises(OnnxplainError):
        choose_targets(["99"], None, False, model)
    with pytest.raises(UsageError, match="contrasted with itself"):
        choose_targets(["3"], "3", False, model)


def test_parts_and_matches_are_for_boxes(model):
    for part, match, name in (("left", None, "--part"), (None, "likeness", "--match")):
        with pytest.raises(UsageError, match=f"{name} .*detector's box"):
            choose_targets(["3"], None, False, model, part, match)
    detector = onnxplain.load("models/scenes-detector.onnx")
    (one,) = choose_targets(["2"], None, False, detector, "left", "likeness").wanted
    assert (one.part, one.match, one.box.number) == ("left", "likeness", 2)


def test_what_no_method_would_look_at_is_refused():
    with pytest.raises(UsageError, match="--part is for methods that take gradients") as refusal:
        require_read("width", None, chosen("occlusion", "d-rise"))
    assert "\n" not in str(refusal.value)
    with pytest.raises(UsageError, match="--match is for methods that change the picture"):
        require_read(None, "score", chosen("lrp"))
    require_read("width", "score", chosen("lrp", "occlusion"))
    require_read(None, None, chosen("lrp"))


def test_the_layer_of_a_box_may_have_fewer_maps_than_the_chosen_one():
    detector = onnxplain.load("models/scenes-detector.onnx")
    (one,) = bound_all(["all"], chosen("score-cam"), detector)
    assert dict(one.parameters) == {"max_seconds": ALL_SECONDS}
    found = detector.explain("examples/scenes/scene-1000000.png", "score-cam", **one.parameters)
    assert found.measures["channels"] == 16


def test_values_of_a_grid_that_look_alike_in_file_names_stay_apart():
    method = find("occlusion")
    texts = ("a/b.png", "a-b.png", "a b.png", "x" * 200, "x" * 201)
    stems = [Chosen(method, cell={"fill_with": t}).stem for t in texts]
    assert len(set(stems)) == len(texts)
    assert stems[1] == "occlusion.fill_with-a-b.png"
    assert all("/" not in s and len(s) < 80 for s in stems)
