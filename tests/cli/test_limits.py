"""`--max-seconds` and `--tolerance` reach the methods that draw samples."""

import json

import pytest

from onnxplain import Explanation


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
    assert f"none of the chosen methods draws samples; drop {option}" in found.stderr


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_what_is_no_duration_is_refused(explain, value):
    found = explain("-m", "rise", "--max-seconds", value)
    assert found.exit_code == 2
    assert "--max-seconds" in found.stderr


def test_a_negative_seed_is_refused(explain):
    found = explain("-m", "rise", "--seed", "-1")
    assert found.exit_code == 2
    assert "seed -1 is not possible" in found.stderr
