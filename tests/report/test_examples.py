"""Single pictures of a report: only those asked for, and only of the very file."""

import base64
import io

import numpy as np
from PIL import Image

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.report.examples import examples


def drawn(audited, wanted, maps=lambda number, method: None):
    _, record, files = audited
    made = build(Record, record)
    return examples(wanted, made.pictures, files, made.preprocess.recipe, maps)


def test_those_that_were_examined(audited):
    found = drawn(audited, [0, 3, 4, 99])  # 4 could not be read, 99 is none
    assert sorted(found) == [0, 3]
    assert found[3].entry.name == "e.png"
    assert [c.name for c in found[0].curves] == ["grad-cam", "lrp"]


def test_a_photo_has_the_size_of_the_input(audited):
    uri = drawn(audited, [0])[0].photo
    shown = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert shown.size == (96, 96)


def test_maps_are_those_of_the_number_and_the_method(audited):
    asked = []

    def maps(number, method):
        asked.append((number, method))
        return np.zeros(28 * 28, np.float32) if method == "lrp" else None

    assert list(drawn(audited, [2], maps)[2].layers) == ["lrp"]
    assert asked == [(2, "grad-cam"), (2, "lrp")]


def test_why_there_is_no_photo(audited, tmp_path):
    _, _, files = audited
    files["a.png"] = tmp_path  # a folder
    files["e.png"] = tmp_path / "gone.png"
    found = drawn(audited, [0, 3])
    assert found[0].missing == "the file cannot be read: it is a folder"
    assert found[3].missing == "the file cannot be read: it does not exist"
