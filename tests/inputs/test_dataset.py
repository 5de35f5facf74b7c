"""Data sets: folders, patterns and tables of pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from onnxplain import files
from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.inputs.preprocess import Preprocess


def picture(path, size=(10, 8), value=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value,) * 3).save(path)
    return path


def test_a_folder_of_classes(tmp_path):
    for name in ("dog/b.png", "cat/a.png", "cat/deep/c.jpg", "loose.png"):
        picture(tmp_path / name)
    (tmp_path / "cat/notes.txt").write_text("no picture")
    found = read_dataset(tmp_path)
    assert [(s.name, s.label) for s in found] == [
        ("cat/a.png", "cat"),
        ("cat/deep/c.jpg", "cat"),
        ("dog/b.png", "dog"),
        ("loose.png", None),
    ]


def test_masks_lie_beside_under_the_same_path_or_stem(tmp_path):
    for name in ("cat/a.jpg", "cat/b.jpg", "masks/cat/a.png", "masks/b.png"):
        picture(tmp_path / name)
    found = {s.name: s.mask for s in read_dataset(tmp_path)}
    assert found == {
        "cat/a.jpg": tmp_path / "masks/cat/a.png",
        "cat/b.jpg": tmp_path / "masks/b.png",
    }


def test_a_pattern(tmp_path):
    picture(tmp_path / "a/x.png")
    picture(tmp_path / "b/y.png")
    assert [s.path.name for s in read_dataset(f"{tmp_path}/*/*.png")] == ["x.png", "y.png"]


def test_a_csv_table_with_several_boxes_of_one_picture(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(
        "file,label,x0,y0,x1,y1\na.png,cat,0,0,2,3\na.png,cat,5,5,10,8\nb.png,dog,,,,\n"
    )
    first, second = read_dataset(tmp_path)  # the folder's table is found
    assert first == Sample("a.png", tmp_path / "a.png", "cat", None, ((0, 0, 2, 3), (5, 5, 10, 8)))
    assert second == Sample("b.png", tmp_path / "b.png", "dog")


def test_a_json_table(tmp_path):
    rows = [
        {"file": "a.png", "label": 3, "mask": "m/a.png"},
        {"file": "b.png", "boxes": [[0, 0, 1, 1]]},
    ]
    (tmp_path / "data.json").write_text(json.dumps(rows))
    first, second = read_dataset(tmp_path / "data.json")
    assert (first.label, first.mask) == ("3", tmp_path / "m/a.png")
    assert (second.label, second.boxes) == (None, ((0, 0, 1, 1),))


def recipe(**changes):
    return Preprocess(**({"name": "p", "layout": "NCHW", "size": (4, 4)} | changes))


def test_a_mask_is_cut_and_resized_as_its_picture_is(tmp_path):
    path = picture(tmp_path / "a.png", size=(16, 8))
    drawn = np.zeros((8, 16), np.uint8)
    drawn[:, 8:] = 255
    Image.fromarray(drawn).save(tmp_path / "m.png")
    sample = Sample("a", path, mask=tmp_path / "m.png")
    half = np.repeat([[False, False, True, True]], 4, axis=0)
    np.testing.assert_array_equal(sample.seen_mask(recipe()), half)  # the central square
    np.testing.assert_array_equal(sample.seen_mask(recipe(resize="stretch")), half)
    padded = half.copy()
    padded[[0, 3]] = False  # the borders that were filled up
    np.testing.assert_array_equal(sample.seen_mask(recipe(resize="pad")), padded)


def test_boxes_become_one_mask(tmp_path):
    path = picture(tmp_path / "a.png", size=(8, 8))
    sample = Sample("a", path, boxes=((0, 0, 4, 2), (6, 6, 8, 8)))
    wanted = np.zeros((4, 4), bool)
    wanted[0, :2] = wanted[3, 3] = True
    np.testing.assert_array_equal(sample.seen_mask(recipe()), wanted)
    assert Sample("a", path).seen_mask(recipe()) is None


def test_a_mask_of_another_size_is_refused(tmp_path):
    sample = Sample("a", picture(tmp_path / "a.png"), mask=picture(tmp_path / "m.png", (5, 5)))
    with pytest.raises(ImageError, match="10 x 8 pixels like its picture, not 5 x 5"):
        sample.seen_mask(recipe())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "name,label\na,b\n", "must name the column 'file'.*it names name, label"),
        ("t.csv", "", "it names nothing"),
        ("t.csv", "file,x0,y0,x1,y1\na.png,1,2,,\n", "a box is four numbers"),
        ("t.csv", "file,x0,y0,x1,y1\na.png,4,0,2,3\n", r"entry 1: box .* is empty"),
        (
            "t.csv",
            "file,label\na.png,x\na.png,y\n",
            "an earlier entry gives 'a.png' another label",
        ),
        ("t.json", "{}", "expected a list of objects"),
        ("t.json", '[{"label": 1}]', "entry 1: needs 'file'"),
        ("t.json", '[{"file": "a", "class": 1}]', "unknown: class"),
        ("t.json", '[{"file": "a", "boxes": [3]}]', "a box is four numbers"),
        ("t.json", '[{"file": "a", "boxes": 3}]', "boxes are a list of four numbers each, got 3"),
        ("t.json", '[{"file": "a", "boxes": {"a": 1}}]', "boxes are a list of four numbers each"),
        ("t.json", '[{"file": "a", "boxes": "1234"}]', "boxes are a list of four numbers each"),
        ("t.json", '[{"file": "a", "boxes": [null]}]', "a box is four numbers"),
        ("t.json", '[{"file": "a", "boxes": [[0, 0, [1], 1]]}]', "a box is four numbers"),
        ("t.json", '[{"file": "a", "boxes": [[0, 0, 1]]}]', "a box is four numbers"),
        ("t.json", f'[{{"file": "a", "boxes": [[0, 0, 1{"0" * 400}, 1]]}}]', "is four numbers"),
        ("t.json", '[{"file": "a", "boxes": [[0, 0, NaN, 1]]}]', "is not valid JSON: NaN"),
        ("t.json", "[", "is not valid JSON"),
    ],
)
def test_a_table_that_cannot_be_understood(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=said):
        read_dataset(tmp_path / name)


def test_a_table_in_another_encoding(tmp_path):
    (tmp_path / "t.csv").write_bytes("file,label\nä.png,x\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"table .* not UTF-8 text"):
        read_dataset(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("source", "said"),
    [(".", "no pictures in"), ("none/*.png", "no pictures in"), ("missing", "there is no")],
)
def test_a_source_without_pictures(tmp_path, source, said):
    with pytest.raises(ImageError, match=rf"{said} .*a folder, a pattern, or a table"):
        read_dataset(tmp_path / source)


def test_missing_files(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no folder of masks"):
        read_dataset(tmp_path, masks=tmp_path / "other")
    with pytest.raises(UsageError, match="cannot read table"):
        read_dataset(tmp_path / "gone.csv")


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_table_of_more_rows_than_the_limit(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(files, "MAX_ROWS", 3)
    table = tmp_path / f"many.{suffix}"
    for count in (3, 4):
        names = [f"{k}.png" for k in range(count)]
        text = json.dumps([{"file": n} for n in names])
        table.write_text(text if suffix == "json" else "\n".join(["file", *names]))
        for name in names:
            Image.new("L", (2, 2)).save(tmp_path / name)
        if count == 3:
            assert [s.name for s in read_dataset(table)] == names
    with pytest.raises(UsageError, match=r"many.*: above 3 rows, which is the limit; divide it"):
        read_dataset(table)


def test_a_further_column_names_groups(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label,camera,x0,y0,x1,y1\na.png,0,north,0,0,1,1\na.png,0,north,1,1,2,2\n"
                     "b.png,1,,,,,\n")  # fmt: skip
    first, second = read_dataset(tmp_path, groups="camera")
    assert (first.group, len(first.boxes), second.group) == ("north", 2, None)
    with pytest.raises(UsageError, match="takes one more column with --groups NAME"):
        read_dataset(tmp_path)
    rows = [{"file": "a.png", "camera": 3}, {"file": "b.png"}]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    assert [s.group for s in read_dataset(tmp_path / "t.json", groups="camera")] == ["3", None]


@pytest.mark.parametrize("column", ["label", "file", "boxes", "x0", ""])
def test_a_column_with_a_meaning_of_its_own_names_no_groups(tmp_path, column):
    (tmp_path / "labels.csv").write_text("file,label\na.png,0\n")
    with pytest.raises(UsageError, match="a meaning of its own"):
        read_dataset(tmp_path, groups=column)


def test_a_picture_in_two_groups_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("file,camera\na.png,north\na.png,south\n")
    with pytest.raises(UsageError, match="another label, mask or group"):
        read_dataset(tmp_path, groups="camera")


def test_extra_cells_of_a_row_are_refused_with_groups_and_without(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\na.png,0,1,2\n")
    with pytest.raises(UsageError, match="unknown"):
        read_dataset(tmp_path)
    (tmp_path / "labels.csv").write_text("file,label,camera\na.png,0,north,2\n")
    with pytest.raises(UsageError, match="unknown"):
        read_dataset(tmp_path, groups="camera")
