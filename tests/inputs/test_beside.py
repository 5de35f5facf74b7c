"""The side file of a model."""

import json

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.beside import read_beside


def read(folder, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "net.v1.onnxplain.json").write_text(text)
    return read_beside(folder / "net.v1.onnx")


def test_what_it_says_is_returned_as_it_is(tmp_path):
    said = {
        "preprocess": {"name": "a"},
        "labels": ["b"],
        "boxes": {},
        "task": "values",
        "scores": "logits",
        "output": "y",
    }
    assert read(tmp_path, said) == said
    assert read(tmp_path, {}) == {}


def test_no_file_says_nothing(tmp_path):
    assert read_beside(None) == {}
    assert read_beside(tmp_path / "net.onnx") == {}
    assert read_beside(tmp_path / ("n" * 300 + ".onnx")) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "expected an object with some of the keys preprocess, labels, boxes, task"),
        ({"label": ["a"]}, "expected an object with some of the keys"),
        ({"task": 3}, "'task' must be a text"),
        ({"output": None}, "'output' must be a text"),
        ({"boxes": "yolo"}, "'boxes' must be an object"),
        ({"preprocess": []}, "'preprocess' must be an object"),
        ({"labels": "a, b"}, "'labels' must be a list of names"),
        ({"labels": ["a", 2]}, "'labels' must be a list of names"),
        ("{", "net.v1.onnxplain.json"),
    ],
)
def test_what_it_must_not_say(tmp_path, content, said):
    with pytest.raises(UsageError, match=said):
        read(tmp_path, content)
