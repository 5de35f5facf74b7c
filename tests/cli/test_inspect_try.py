"""``inspect --try`` and ``--save``: from not knowing to a side file that every command reads."""

import json
import shutil

import numpy as np
import onnx
import pytest
from folded import folded

from onnxplain import load
from onnxplain.inputs.preprocess import preset

FLOWERS = "examples/flowers"


@pytest.fixture
def flower(tmp_path):
    """Return a flower model that wants 0..1 and says nothing of it."""
    path = tmp_path / "flower.onnx"
    onnx.save(folded("flowers-gap", "zero-one"), path)
    shutil.copy("models/flowers-gap.labels.json", tmp_path / "flower.labels.json")
    return path


@pytest.fixture
def inspect(run, flower):
    """Inspect that model."""

    def call(*arguments):
        return run("inspect", flower, *arguments)

    return call


def test_the_table_the_reason_and_the_command(inspect, flower):
    found = inspect("--try", FLOWERS, "--scores", "logits", "--task", "classes")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    (heading,) = [t.split() for t in lines if t.startswith("picture ") and "zero-one" in t]
    assert heading[:2] == ["picture", "zero-one"]
    (row,) = [t for t in lines if t.startswith("stem-red-1000006.png")]
    assert row.split()[1] == "stem-red"
    assert "most plausible: zero-one (the best score stands out by" in found.stdout
    assert f"keep it: onnxplain inspect {flower} --preprocess zero-one --save" in lines


def test_the_document(inspect):
    found = json.loads(inspect("--try", FLOWERS, "--json").stdout)["try"]
    assert len(found["pictures"]) == 12
    first = found["tried"][0]
    assert (first["preset"], first["right"], first["problem"]) == ("zero-one", None, "")
    assert [a["name"] for a in first["answers"]] == [
        "-".join(p.split("/")[-1].split("-")[:2]) for p in found["pictures"]
    ]
    for tried in found["tried"]:
        recipe = tried["preprocess"]
        assert recipe["name"] == tried["preset"]
        assert tried["height"] > 0


def test_a_probability_is_called_so_only_where_something_makes_it_one(inspect):
    for scores, unit in (("logits", "probability"), ("raw", "score")):
        given = ("--task", "classes", "--scores", scores)
        found = inspect("--try", f"{FLOWERS}/stem-red-1000006.png", *given)
        assert f"best class and its {unit} under each" in found.stdout
        assert ("%" in found.stdout.split("best class")[1].split("evidence")[0]) == (
            unit == "probability"
        )


def test_folders_of_classes_are_counted(inspect, tmp_path):
    for name in ("stem-red", "stem-blue", "petals-red", "petals-blue", "petals-cyan"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        number = {"stem-red": 6, "stem-blue": 10, "petals-red": 0, "petals-blue": 4}.get(name, 3)
        shutil.copy(f"{FLOWERS}/{name}-{1000000 + number}.png", folder)
    found = inspect("--try", tmp_path / "data")
    assert "zero-one (100 % of the pictures get their class)" in found.stdout


def test_few_pictures_cannot_decide(inspect):
    found = inspect("--try", f"{FLOWERS}/stem-red-1000006.png")
    assert "cannot decide: these pictures do not distinguish it from" in found.stdout
    assert "give at least five pictures of different things" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--try"], "--try needs pictures"),
        (["--try", "nothing-*.png"], "no image in 'nothing-*.png'"),
        (["some.png"], "pictures need --try"),
        (["--save"], "--save has nothing to save: add --preprocess PRESET"),
        (["--force"], "--force needs --save"),
        (["--try", FLOWERS, "--save"], "choose a preprocessing with --preprocess"),
    ],
)
def test_what_makes_no_sense_is_one_line(inspect, arguments, said):
    found = inspect(*arguments)
    assert found.exit_code in (2, 4)
    assert said in found.stderr.splitlines()[-1] or said in found.stderr


class TestSave:
    def test_what_is_saved_is_what_every_command_takes(self, inspect, flower):
        given = ("--preprocess", "zero-one", "--task", "classes", "--scores", "logits")
        found = inspect(*given, "--save")
        assert found.exit_code == 0
        side = flower.with_name("flower.onnxplain.json")
        assert f"saved in {side}" in found.stdout
        assert set(json.loads(side.read_text())) == {"preprocess", "task", "scores"}
        model, declared = load(flower), load(flower, preprocess="zero-one")
        assert model.sources["preprocess"] == "flower.onnxplain.json"
        picture = f"{FLOWERS}/stem-red-1000006.png"
        np.testing.assert_array_equal(model.read(picture).x, declared.read(picture).x)
        assert "nothing to keep" in inspect("--try", FLOWERS).stdout

    def test_what_else_the_side_file_says_stays(self, inspect, flower):
        side = flower.with_name("flower.onnxplain.json")
        side.write_text(json.dumps({"task": "classes", "scores": "logits"}))
        assert inspect("--preprocess", "zero-one", "--save").exit_code == 0
        kept = json.loads(side.read_text())
        assert (kept["task"], kept["scores"]) == ("classes", "logits")
        assert kept["preprocess"]["name"] == "zero-one"

    def test_names_are_saved_as_they_were_understood(self, inspect, flower, tmp_path):
        names = json.loads((tmp_path / "flower.labels.json").read_text())
        (tmp_path / "flower.labels.json").unlink()
        (tmp_path / "n.csv").write_text(
            "id,name\n" + "".join(f"{k},{n}\n" for k, n in enumerate(names))
        )
        assert inspect("--labels", tmp_path / "n.csv", "--save").exit_code == 0
        assert load(flower).labels == names

    def test_a_contradiction_is_refused_and_nothing_is_written(self, inspect, flower):
        side = flower.with_name("flower.onnxplain.json")
        inspect("--preprocess", "zero-one", "--save")
        before = side.read_bytes()
        found = inspect("--preprocess", "raw", "--save")
        assert found.exit_code == 2
        assert "says preprocess 'zero-one', not 'raw'; add --force" in found.stderr
        assert side.read_bytes() == before
        assert inspect("--preprocess", "zero-one", "--save").exit_code == 0
        assert inspect("--preprocess", "raw", "--save", "--force").exit_code == 0
        assert json.loads(side.read_text())["preprocess"]["name"] == "raw"

    def test_another_file_of_the_model_says_otherwise(self, inspect, flower, tmp_path):
        recipe = preset("raw", "NCHW", (128, 128))
        recipe.save(tmp_path / "flower.preprocess.json")
        found = inspect("--preprocess", "zero-one", "--save")
        assert found.exit_code == 2
        assert "flower.preprocess.json' says preprocess 'raw', not 'zero-one'" in found.stderr
        assert not flower.with_name("flower.onnxplain.json").exists()
        assert inspect("--preprocess", "raw", "--save").exit_code == 0

    def test_other_names_than_those_beside_the_model(self, inspect, flower, tmp_path):
        (tmp_path / "n.txt").write_text("\n".join(f"class {k}" for k in range(12)))
        found = inspect("--labels", tmp_path / "n.txt", "--save")
        assert found.exit_code == 2
        assert "flower.labels.json' says labels" in found.stderr

    def test_the_document_names_the_file(self, inspect, flower):
        found = json.loads(inspect("--task", "classes", "--save", "--json").stdout)
        assert found["saved"] == str(flower.with_name("flower.onnxplain.json"))

    def test_nothing_is_saved_for_a_model_that_is_not_there(self, run):
        found = run("inspect", "models/nothing.onnx", "--task", "classes", "--save")
        assert found.exit_code == 3
