"""explain --trust: the verdict in the terminal, JSON and the saved map, and what is refused."""

import json
from pathlib import Path

import pytest

from onnxplain import Explanation
from onnxplain.evaluate.choose.choice import BEATS, NONE, UNDECIDED

MODEL = "models/digits-gap.onnx"


@pytest.fixture(scope="module")
def choice(tmp_path_factory):
    from click.testing import CliRunner

    from onnxplain.cli import main

    file = tmp_path_factory.mktemp("choice") / "c.json"
    words = ["choose", MODEL, "examples/digits", "-m", "lrp,grad-cam", "-o", str(file)]
    assert CliRunner().invoke(main, words).exit_code == 0
    return file


def test_the_chosen_method_is_used_and_judged(explain, choice):
    found = explain("--choice", choice)
    assert found.exit_code == 0, found.stderr
    assert "lrp of 3 (3)" in found.stdout
    assert "  Trust: beats the controls (p = " in found.stdout
    assert "maps of networks with shuffled weights" in found.stdout
    assert "not compared with control maps" not in found.stdout
    saved = Explanation.load(explain.folder / "3-10.lrp.npz")
    assert saved.notes["trust"]["verdict"] == BEATS
    assert saved.sentences[2].startswith("Trust: beats the controls")


def test_a_method_that_did_not_beat_them_never_does(explain, choice):
    found = explain("--choice", choice, "-m", "lrp,grad-cam", "--json")
    assert found.exit_code == 0, found.stderr
    (image,) = json.loads(found.stdout)["images"]
    said = {e["method"]: e["notes"]["trust"]["verdict"] for e in image["explanations"]}
    assert said["grad-cam"] == NONE
    assert said["lrp"] in (BEATS, UNDECIDED)
    assert image["trust"] == said["lrp"]


def test_a_changed_verdict_is_shown_as_text_alone(explain, choice, tmp_path):
    explain("--choice", choice)
    saved = Explanation.load(explain.folder / "3-10.lrp.npz")
    for wrong in (3, [], {"verdict": 1, "sentence": "x"}, {"verdict": BEATS}):
        saved.notes["trust"] = wrong
        assert len(Explanation(**vars_of(saved)).sentences) == 2


def vars_of(found):
    import dataclasses

    return {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-m", "occlusion"), "occlusion was not measured on this model; measured: lrp"),
        (("-p", "lrp.composite=epsilon", "-m", "lrp"), "was not measured"),
        (("-t", "5"), "what the choice was made for: the prediction"),
        (("--kind", "logit"), "leave out --kind"),
        (("--contrast", "5"), "leave out --contrast"),
        (("--margin",), "leave out --margin"),
    ],
)
def test_what_was_not_measured_is_refused(explain, choice, arguments, said):
    found = explain("--choice", choice, *arguments)
    assert found.exit_code == 2, found.stdout
    assert said in found.stderr
    assert found.stderr.count("error:") == 1


def test_without_a_choice_and_with_few_pictures(explain):
    found = explain("--trust")
    assert found.exit_code == 2
    assert "there is none at 'models/digits-gap.choice.json'" in found.stderr.replace("\\", "/")


def test_a_choice_of_another_model_is_refused(run, choice, tmp_path):
    found = run("explain", "models/digits-keras.onnx", "examples/digits/3-10.png", "--choice",
                choice, "-o", tmp_path)  # fmt: skip
    assert found.exit_code == 2
    assert "measured with another file" in found.stderr


def test_damaged_and_missing_choices(explain, tmp_path):
    for text in ("{}", "no json", "[1]"):
        file = tmp_path / "c.json"
        file.write_text(text, "utf-8")
        found = explain("--choice", file)
        assert found.exit_code == 2
        assert found.stderr.count("error:") == 1
    assert explain("--choice", tmp_path / "nothing.json").exit_code == 2


def test_many_pictures_make_their_own_choice(run, tmp_path):
    import shutil

    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in Path("examples/digits").glob("*.png"):
        for copy in "ab":
            shutil.copy(path, folder / f"{path.stem}{copy}.png")
    found = run("explain", MODEL, folder, "--trust", "-m", "lrp", "-o", tmp_path / "out", "--json")
    assert found.exit_code == 0, found.stderr
    assert "one is made of 20 of these pictures" in found.stderr
    assert (tmp_path / "out" / "digits-gap.choice.json").exists()
    said = [i["trust"] for i in json.loads(found.stdout)["images"]]
    assert len(said) == 20
    assert said.count(BEATS) >= 10
