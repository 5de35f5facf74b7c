"""A layout in the file beside the model."""

import copy
import json

import numpy as np
import onnx
import pytest
from detector_forms import SIDE, written

import onnxplain
from onnxplain.errors import UsageError

LAYOUT = {
    "boxes": {"tensor": "output0", "axis": 0, "columns": [0, 4], "form": "cxcywh"},
    "scores": {"tensor": "output0", "axis": 0, "columns": [4, 7]},
    "least": 0.25,
    "overlap": 0.45,
}


def load(tmp_path, layout, name="v8"):
    proto = copy.deepcopy(written(name))
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "m.onnx")
    (tmp_path / "m.onnxplain.json").write_text(json.dumps({"boxes": layout}))
    return onnxplain.load(tmp_path / "m.onnx", preprocess="zero-one", device="cpu")


def test_it_is_read_as_declared(tmp_path):
    photo = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    known = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu").predict(photo)
    found = load(tmp_path, LAYOUT).predict(photo)
    np.testing.assert_array_equal(found.sides, known.sides)
    assert found.names[0].startswith("class ")
    picky = load(tmp_path, LAYOUT | {"least": 0.9}).predict(photo)
    np.testing.assert_array_equal(picky.scores, known.scores[known.scores >= 0.9])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": None}, "expected an object"),
        ({"colour": 1}, "needs 'boxes' and 'scores'"),
        ({"boxes": {"tensor": "output1"}}, "there is no output 'output1'"),
        ({"boxes": {"tensor": "output0", "columns": [0, 3]}}, "must be four columns"),
        (
            {"boxes": {"tensor": "output0", "columns": [0, 4], "form": "dfl"}},
            "is relative to cells",
        ),
        ({"boxes": {"tensor": "output0", "columns": [0, 4], "unit": "miles"}}, "is not known"),
        ({"scores": {"tensor": "output0", "columns": [4, True]}}, "one past the last"),
        ({"scores": {"tensor": "output0", "columns": [4, 7], "background": 3}}, "not an index"),
        ({"scores": {"tensor": "output0", "scale": 0}}, "not a number above 0"),
        ({"least": 2}, "from 0 to 1"),
        ({"overlap": "much"}, "from 0 to 1"),
        ({"most": 0}, "1 or more"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    with pytest.raises(UsageError, match=said) as error:
        load(tmp_path, LAYOUT | change)
    assert "\n" not in str(error.value)
