"""Each annotation belongs to the picture of its name, in the folder that agrees furthest."""

import json
from pathlib import Path

import pytest
from annotated_scenes import FOLDER, coco, voc, yolo

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.attach import annotate
from onnxplain.inputs.dataset import Sample, read_dataset

ROW = "0 0.5 0.5 0.2 0.2\n"


def samples(root, *names):
    return [Sample(n, root / n) for n in names]


def counts(found):
    return [None if s.annotation is None else len(s.annotation.objects) for s in found.samples]


@pytest.mark.parametrize(
    "write", [lambda p: coco(p / "a.json"), lambda p: yolo(p / "y"), lambda p: voc(p / "v")]
)
def test_formats_say_the_same(tmp_path, write):
    found = annotate(read_dataset(FOLDER), write(tmp_path))
    known = annotate(read_dataset(FOLDER), FOLDER / "boxes.json")
    assert counts(found) == counts(known) == [3, 1, 1, 4, 3, 5]
    for one, other in zip(found.samples, known.samples, strict=True):
        first, second = (s.annotation.in_pixels((96, 96)) for s in (one, other))
        assert [o.label for o in first] == [o.label for o in second]
        assert [round(v, 4) for o in first for v in o.sides] == [v for o in second for v in o.sides]


@pytest.mark.parametrize(
    "layout", ["images/{}/a.jpg labels/{}/a.txt", "{}/images/a.jpg {}/labels/a.txt"]
)
def test_pictures_of_one_name_in_folders_of_their_own(tmp_path, layout):
    picture, labels = layout.split()
    for number, part in enumerate(("train", "val"), 1):
        path = tmp_path / labels.format(part)
        path.parent.mkdir(parents=True)
        path.write_text(ROW * number)
    of = samples(tmp_path, picture.format("train"), picture.format("val"))
    assert counts(annotate(of, tmp_path)) == [1, 2]
    # Of one folder alone as well.
    assert counts(annotate(of[1:], tmp_path)) == [2]


def write_coco(path, *names):
    images = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    drawn = [
        {"id": k, "image_id": k, "category_id": 0, "bbox": [0, 0, k + 1, 1]}
        for k in range(len(names))
    ]
    kinds = [{"id": 0, "name": "a"}]
    path.write_text(json.dumps({"images": images, "annotations": drawn, "categories": kinds}))
    return path


def test_a_name_that_fits_two_pictures_is_said(tmp_path):
    of = samples(tmp_path, "x/a.jpg", "y/a.jpg", "y/b.jpg")
    found = annotate(of, write_coco(tmp_path / "c.json", "a.jpg", "b.jpg"))
    assert counts(found) == [None, None, 1]
    assert "could belong to 'x/a.jpg' or 'y/a.jpg'" in found.problems[0]
    assert "2 of 3 pictures are not annotated" in found.notes[-1]
    found = annotate(of, write_coco(tmp_path / "c.json", "old\\x\\a.jpg", "y/a.jpg"))
    assert counts(found) == [1, 1, None]
    assert not found.problems


def test_a_picture_with_two_annotations_has_none(tmp_path):
    found = annotate(
        samples(tmp_path, "a.jpg", "b.jpg"),
        write_coco(tmp_path / "c.json", "a.jpg", "a.jpg", "b.jpg"),
    )
    assert counts(found) == [None, 1]
    assert "has 2 annotations" in found.problems[0]


def test_yolo_without_a_file_is_empty_and_with_a_broken_one_unknown(tmp_path):
    (tmp_path / "a.txt").write_text(ROW)
    (tmp_path / "b.txt").write_bytes(b"\xff")
    found = annotate(samples(tmp_path, "a.jpg", "b.jpg", "c.jpg"), tmp_path)
    assert counts(found) == [1, None, 0]
    assert "1 of 3 pictures have no label file" in found.notes[-1]


def test_annotations_of_other_pictures_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"none of 1 entries \(such as 'z.jpg'\)"):
        annotate(samples(tmp_path, "a.jpg"), write_coco(tmp_path / "c.json", "z.jpg"))


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("labels").mkdir()
    Path("labels/a.txt").write_text(ROW)
    assert counts(annotate([Sample("a.jpg", Path("images/a.jpg"))], "labels")) == [1]
