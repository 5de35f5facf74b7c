"""The format is told by what is there."""

import json
import os

import pytest
from annotated_scenes import FOLDER, TRUTH, coco, voc, yolo

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.find import read_annotations

STEMS = frozenset(name.removesuffix(".png") for name in TRUTH)


def form(path):
    found = read_annotations(path, STEMS)
    assert len(found.entries) == len(TRUTH)
    return found.form


def test_each_format(tmp_path):
    assert form(coco(tmp_path / "a.json")) == "COCO"
    assert form(yolo(tmp_path / "y")) == "YOLO"
    assert form(tmp_path / "y" / "data.yaml") == "YOLO"
    assert form(tmp_path / "y" / "labels") == "YOLO"
    assert form(voc(tmp_path / "v")) == "Pascal VOC"
    assert form(FOLDER / "boxes.json") == "plain"
    assert form(FOLDER) == "plain"


def test_a_table_of_other_pictures_is_left_alone(tmp_path):
    (tmp_path / "history.json").write_text('{"loss": [0.5], "recall": []}')
    with pytest.raises(UsageError, match="no annotations of the pictures"):
        read_annotations(tmp_path, STEMS)
    coco(tmp_path / "a.json")
    assert form(tmp_path) == "COCO"


def test_other_text_of_a_folder_is_left_alone(tmp_path):
    folder = voc(tmp_path / "v")
    (folder / "README.txt").write_text("0 0.5 0.5 0.1 0.1")
    (folder / "other.xml").write_text("<annotation/>")
    assert form(folder) == "Pascal VOC"


def test_files_of_several_folders_are_joined(tmp_path):
    first, second = dict(list(TRUTH.items())[:2]), dict(list(TRUTH.items())[2:])
    for name, part in (("train", first), ("valid", second)):
        (tmp_path / name).mkdir()
        coco(tmp_path / name / "_annotations.coco.json", part)
    (tmp_path / "settings.json").write_text("{}")
    assert form(tmp_path) == "COCO"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"image_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}], "it holds detections"),
        ({"a": 1}, "unknown format"),
        (3, "unknown format"),
    ],
)
def test_other_json_is_refused(tmp_path, data, said):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=said):
        read_annotations(path, STEMS)


def test_what_is_refused(tmp_path):
    with pytest.raises(UsageError, match="it does not exist"):
        read_annotations(tmp_path / "gone", STEMS)
    with pytest.raises(UsageError, match="no annotations of the pictures"):
        read_annotations(tmp_path, STEMS)
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(UsageError, match="unknown format"):
        read_annotations(tmp_path / "a.csv", STEMS)
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        read_annotations(tmp_path / "b.json", STEMS)
    yolo(tmp_path / "y")
    voc(tmp_path / "v")
    with pytest.raises(UsageError, match="annotations of YOLO and Pascal VOC"):
        read_annotations(tmp_path, STEMS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("suffix", [".txt", ".xml", ".json"])
def test_pipes_are_not_waited_for(tmp_path, suffix):
    os.mkfifo(tmp_path / f"scene-1000000{suffix}")
    if suffix == ".json":
        with pytest.raises(UsageError, match="no annotations of the pictures"):
            read_annotations(tmp_path, STEMS)
        return
    found = read_annotations(tmp_path, STEMS)
    assert [a for _, a in found.entries] == [None]
    assert "it is a pipe" in found.problems[0]
