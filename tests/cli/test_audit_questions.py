"""Options of an audit over its configuration."""

import json

import pytest

from onnxplain.audit.record import read_record

DATA = "examples/digits"
CONFIG = (
    'methods = ["occlusion", "grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 0\nseed = 3\n'
    "[method.occlusion]\nwindow = [4, 2]\n"
)


@pytest.fixture
def asked(run, tmp_path):
    """The questions in the record of an audit of one picture; the error line if it fails."""

    def call(*words, config=None):
        where = ["-o", tmp_path / f"out-{len(list(tmp_path.iterdir()))}", "--limit", 1]
        if config is not None:
            path = tmp_path / "audit.toml"
            path.write_text(config)
            where += ["--config", path]
        found = run("audit", "models/digits-gap.onnx", DATA, *where, *words)
        if found.exit_code:
            return found.stderr
        return read_record(where[1] / "record.json").to_dict()["questions"]

    return call


def test_methods_and_measures_without_a_file(asked):
    found = asked("-m", "GradCAM,occlusion", "--metrics", "deletion", "-p", "occlusion.window=4x2")
    assert found["methods"] == ["grad-cam", "occlusion"]
    assert found["measures"] == ["deletion"]
    assert found["method"] == {"occlusion": {"window": [4, 2]}}


def test_options_change_single_answers_of_a_file(asked):
    found = asked("-p", "fill_with=black", "--explain", "label", "-t", "4", config=CONFIG)
    assert found["method"] == {"occlusion": {"window": [4, 2], "fill_with": "black"}}
    assert (found["explained"], found["target"], found["seed"]) == ("label", "4", 3)
    assert found["sanity_pictures"] == 0


def test_methods_of_options_replace_those_of_the_file_and_their_parameters(asked):
    found = asked("-m", "cam", "--seed", 5, config=CONFIG)
    assert (found["methods"], found["method"], found["seed"]) == (["cam"], {}, 5)


def test_a_file_and_options_that_say_the_same_ask_the_same(asked):
    by_file = asked(config=CONFIG)
    by_options = asked(
        "-m", "occlusion,grad-cam", "--metrics", "deletion", "--seed", 3, "-p", "window=4x2",
        config="sanity_pictures = 0\n",
    )  # fmt: skip
    assert json.dumps(by_file, sort_keys=True) == json.dumps(by_options, sort_keys=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-m", "no-such"), "unknown method 'no-such'"),
        (("-m", ","), "-m is empty"),
        (("--metrics", "nice"), "unknown measure 'nice'"),
        (("--metrics", ","), "--metrics is empty"),
        (("-p", "window=many"), "unknown parameter of grad-cam, lrp 'window'"),
        (("-m", "rise", "-p", "max_seconds=3"), "cannot be reproduced by another party"),
        (("--seed", "-1"), "Invalid value for '--seed'"),
    ],
)
def test_wrong_wishes(asked, words, said):
    assert said in asked(*words)
