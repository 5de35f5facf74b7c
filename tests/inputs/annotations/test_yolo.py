"""YOLO's label files: rows of boxes or outlines, names from data.yaml or classes.txt."""

import pytest
from annotated_scenes import CLASSES, SIDE, TRUTH, yolo

from onnxplain.inputs.annotations.yolo import find_names, read_yolo


def rows(tmp_path, text, names="names: [a, b]\n", yaml="data.yaml"):
    if names is not None:
        (tmp_path / yaml).write_text(names)
    file = tmp_path / "x.txt"
    file.write_text(text)
    return read_yolo([file], find_names(tmp_path))


def test_the_examples(tmp_path):
    folder = yolo(tmp_path / "set")
    files = sorted((folder / "labels").glob("*.txt"))
    found = read_yolo(files, find_names(folder / "labels"))
    assert found.names == list(CLASSES)
    assert not found.problems
    for (path, annotation), name in zip(found.entries, sorted(TRUTH), strict=True):
        assert path.endswith(name.replace(".png", ".txt"))
        for one, known in zip(annotation.in_pixels((SIDE, SIDE)), TRUTH[name], strict=True):
            assert one.label == known["class"]
            assert one.sides == pytest.approx(known["box"], abs=1e-5)


@pytest.mark.parametrize(
    ("row", "sides"),
    [
        ("1 0.5 0.5 0.2 0.4", (0.4, 0.3, 0.6, 0.7)),
        # An outline, and the four corners of a turned box: the box around them.
        ("1 0.1 0.2 0.5 0.3 0.4 0.9", (0.1, 0.2, 0.5, 0.9)),
        ("1 0.1 0.2 0.5 0.3 0.4 0.9 0.2 0.8", (0.1, 0.2, 0.5, 0.9)),
        ("1.0 0.5 0.5 0.2 0.4", (0.4, 0.3, 0.6, 0.7)),
    ],
)
def test_forms_of_a_row(tmp_path, row, sides):
    found = rows(tmp_path, row)
    assert not found.problems
    (one,) = found.entries[0][1].objects
    assert one.label == "b"
    assert one.sides == pytest.approx(sides)


def test_key_points_follow_a_box(tmp_path):
    text = "0 0.5 0.5 0.2 0.4 0.1 0.1 2 0.9 0.9 2"
    found = rows(tmp_path, text, "kpt_shape: [2, 3]\nnames: [a, b]\n")
    assert found.entries[0][1].objects[0].sides == pytest.approx((0.4, 0.3, 0.6, 0.7))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a 0.5 0.5 0.2 0.4", "not a whole number"),
        ("-1 0.5 0.5 0.2 0.4", "not a whole number"),
        ("2 0.5 0.5 0.2 0.4", "class 2 has no name; there are 2"),
        ("0 0.5 0.5 0.2", "3 numbers after the class"),
        ("0 0.5 0.5 0.2 0.4 0.9", "five are a detection with its score"),
        ("0 50 50 20 40", "from 0 to 1"),
        ("0 0.5 0.5 nan 0.4", "from 0 to 1"),
        ("0 0.5 0.5 0 0.4", "empty"),
        ("0 0.5 0.5 x 0.4", "not a number"),
    ],
)
def test_a_bad_row_is_said_and_the_others_are_read(tmp_path, row, said):
    found = rows(tmp_path, f"{row}\n1 0.5 0.5 0.2 0.4\n\n")
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert "row 1" in found.problems[0]
    assert [o.label for o in found.entries[0][1].objects] == ["b"]


def test_a_file_that_cannot_be_read_says_nothing_of_its_picture(tmp_path):
    file = tmp_path / "x.txt"
    file.write_bytes(b"\xff\xfe\x00")
    found = read_yolo([file], None)
    assert found.entries == [(str(file), None)]
    assert "not UTF-8" in found.problems[0]


def test_names_beside_or_above_and_numbers_without(tmp_path):
    assert rows(tmp_path, "1 .5 .5 .1 .1", "x\ny\n", "classes.txt").names == ["x", "y"]
    (tmp_path / "classes.txt").unlink()
    found = rows(tmp_path, "1 .5 .5 .1 .1", None)
    assert found.entries[0][1].objects[0].label == 1
    assert "the model's numbers are assumed" in found.notes[0]
    inner = tmp_path / "labels" / "train"
    inner.mkdir(parents=True)
    (tmp_path / "my.yaml").write_text("names:\n  0: p\n")
    assert find_names(inner) == tmp_path / "my.yaml"


def test_other_files_beside_need_not_be_readable(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff")
    (tmp_path / "classes.txt").write_text("x\n")
    assert find_names(tmp_path) == tmp_path / "classes.txt"
