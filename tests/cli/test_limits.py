"""`--max-seconds` and `--tolerance` reach the methods that draw samples."""

import json

import pytest

import onnxplain
from onnxplain import Explanation
from onnxplain.cli.choices import ALL_SECONDS, bound_all, choose_methods, give_parameters


def test_they_are_handed_to_the_methods_that_draw_samples(explain):
    methods = "rise,cam,integrated-gradients"
    found = explain("-m", methods, "--max-seconds", "30", "--tolerance", "0.2", "--json")
    assert found.exit_code == 0
    rise, cam, path = json.loads(found.stdout)["images"][0]["explanations"]
    assert rise["parameters"]["max_seconds"] == 30.0
    assert rise["measures"]["samples"] < 4000
    assert rise["measures"]["relative_error"] <= 0.2
    assert "max_seconds" not in cam["parameters"]
    assert path["parameters"]["tolerance"] != 0.2  # of its sum, not of its samples
    saved = Explanation.load(explain.folder / "3-10.rise.npz")
    assert saved.notes["sampling_ended"] == ["settled"]
    assert saved.maps["standard_error"].shape == saved.attribution.shape


def test_a_parameter_of_one_method_wins(explain):
    assert explain("-m", "rise", "--tolerance", "0.2", "-p", "rise.tolerance=0.1").exit_code == 0
    saved = Explanation.load(explain.folder / "3-10.rise.npz")
    assert saved.parameters["tolerance"] == 0.1


@pytest.mark.parametrize("option", ["--max-seconds", "--tolerance"])
def test_without_such_a_method_they_are_refused(explain, option):
    found = explain("-m", "cam", option, "1")
    assert found.exit_code == 2
    assert f"none of the chosen methods samples or can stop early; drop {option}" in found.stderr


def test_each_goes_to_who_takes_it(explain):
    """Score-CAM draws nothing that could settle; it only takes the time."""
    found = explain("-m", "rise,score-cam", "--tolerance", "0.2", "--max-seconds", "60", "--json")
    assert found.exit_code == 0
    rise, cam = json.loads(found.stdout)["images"][0]["explanations"]
    assert rise["parameters"]["tolerance"] == 0.2
    assert cam["parameters"]["max_seconds"] == 60.0
    assert "tolerance" not in cam["parameters"]
    refused = explain("-m", "score-cam", "--tolerance", "0.2", "--max-seconds", "60")
    assert refused.exit_code == 2
    assert refused.stderr.strip().endswith("drop --tolerance")


def bounded(methods, *given):
    model = onnxplain.load("models/digits-gap.onnx")
    chosen = give_parameters(choose_methods(methods, model)[0], given)
    return {c.method.name: c.parameters for c in bound_all(methods, chosen, model)}


def test_all_takes_seconds_for_each_method():
    found = bounded(["all"], "rise.samples=3")
    assert found["lime"] == {"max_seconds": ALL_SECONDS}
    assert found["rise"] == {"samples": "3"}
    assert found["score-cam"] == {"channels": 32}  # the layer has no more
    assert found["grad-cam"] == {}
    assert bounded(["all"], "channels=5")["score-cam"] == {"channels": "5"}


def test_methods_asked_for_by_name_take_the_time_they_need():
    assert bounded(["lime,score-cam"]) == {"lime": {}, "score-cam": {}}


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_what_is_no_duration_is_refused(explain, value):
    found = explain("-m", "rise", "--max-seconds", value)
    assert found.exit_code == 2
    assert "--max-seconds" in found.stderr


def test_a_negative_seed_is_refused(explain):
    found = explain("-m", "rise", "--seed", "-1")
    assert found.exit_code == 2
    assert "the seed must be 0 or more, not -1" in found.stderr
