"""What is written into the side file of a model, and what is not overwritten."""

import json

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.beside import read_beside
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.save_beside import save_beside

RECIPE = Preprocess("one", "NCHW", (4, 4), scale=0.5)
OTHER = Preprocess("two", "NCHW", (4, 4), scale=0.25)


def test_what_is_saved_is_read_back_and_the_rest_stays(tmp_path):
    model = tmp_path / "net.onnx"
    path = save_beside(model, {"task": "values"})
    assert path == tmp_path / "net.onnxplain.json"
    save_beside(model, {"labels": ["a", "b"], "preprocess": RECIPE.to_dict()})
    assert read_beside(model) == {
        "task": "values",
        "labels": ["a", "b"],
        "preprocess": json.loads(json.dumps(RECIPE.to_dict())),
    }


def test_another_word_needs_force(tmp_path):
    model = tmp_path / "net.onnx"
    save_beside(model, {"task": "values", "labels": ["a"]})
    with pytest.raises(UsageError, match=r'says task "values", not "classes"; add --force'):
        save_beside(model, {"labels": ["a"], "task": "classes"})
    assert read_beside(model)["task"] == "values"
    save_beside(model, {"task": "classes"}, force=True)
    assert read_beside(model) == {"task": "classes", "labels": ["a"]}


def test_the_same_recipe_under_another_name_is_no_contradiction(tmp_path):
    model = tmp_path / "net.onnx"
    save_beside(model, {"preprocess": RECIPE.to_dict()})
    save_beside(model, {"preprocess": {**RECIPE.to_dict(), "name": "renamed"}})
    assert read_beside(model)["preprocess"]["name"] == "renamed"
    with pytest.raises(UsageError, match="says preprocess 'renamed', not 'two'"):
        save_beside(model, {"preprocess": OTHER.to_dict()})


def test_other_files_of_the_model_are_asked_too(tmp_path):
    model = tmp_path / "net.onnx"
    RECIPE.save(tmp_path / "net.preprocess.json")
    (tmp_path / "net.labels.json").write_text('["a", "b"]')
    with pytest.raises(UsageError, match=r"net\.preprocess\.json.*says preprocess 'one'"):
        save_beside(model, {"preprocess": OTHER.to_dict()})
    with pytest.raises(UsageError, match=r"net\.labels\.json.*says labels"):
        save_beside(model, {"labels": ["b", "a"]})
    assert not (tmp_path / "net.onnxplain.json").exists()
    save_beside(model, {"labels": ["a", "b"]})
    assert read_beside(model) == {"labels": ["a", "b"]}
