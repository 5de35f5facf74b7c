"""Several folders, patterns, tables and pictures as one data set."""

import os

import pytest
from PIL import Image

from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.dataset import read_dataset
from onnxplain.inputs.datasets import read_datasets, standing_for


@pytest.fixture(autouse=True)
def disk(tmp_path, monkeypatch):
    """Two folders of classes whose pictures have the same names, a table, and two pictures."""
    names = (
        "train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "listed/x.png", "listed/y.png",
        "alone.png", "odd[1].png",
    )  # fmt: skip
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10, 8)).save(path)
    (tmp_path / "listed/labels.csv").write_text("file,label\nx.png,cat\ny.png,dog\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known(samples):
    return [(s.name, s.label) for s in samples]


def test_one_is_what_it_was():
    for source in ("train", "listed", "listed/labels.csv", "alone.png", "*.png"):
        assert read_datasets([source]) == read_datasets(source) == read_dataset(source)


def test_pictures_of_several_folders_stay_apart():
    found = read_datasets(["train", "test/"])
    assert known(found) == [
        ("train/cat/1.png", "cat"),
        ("train/dog/1.png", "dog"),
        ("test/cat/1.png", "cat"),
    ]
    assert [s.path for s in found] == [s.path for d in ("train", "test") for s in read_dataset(d)]


def test_all_kinds_mix():
    found = read_datasets(["alone.png", "listed/labels.csv", "test", "train/*/*.png"])
    assert known(found) == [
        ("alone.png", None),
        ("listed/x.png", "cat"),
        ("listed/y.png", "dog"),
        ("test/cat/1.png", "cat"),
        ("train/cat/1.png", None),
        ("train/dog/1.png", None),
    ]


def test_a_picture_counts_once_with_all_that_is_known_of_it(disk):
    found = read_datasets(["train/cat/1.png", "train", disk / "train", "./train"])
    assert known(found) == [("train/cat/1.png", "cat"), ("train/dog/1.png", "dog")]


def test_two_sources_that_contradict_each_other(disk):
    (disk / "other.csv").write_text("file,label\ntrain/cat/1.png,lynx\n")
    with pytest.raises(UsageError, match=r"train/cat/1.png.*with label 'cat' and 'lynx'"):
        read_datasets(["train", "other.csv"])
    (disk / "other.csv").write_text("file,label\ntrain/cat/1.png,cat\n")
    assert len(read_datasets(["train", "other.csv"])) == 2


def test_each_source_must_have_pictures(disk):
    (disk / "empty").mkdir()
    for source in ("empty", "nothing", "*.jpg"):
        with pytest.raises(ImageError, match=source.replace("*", r"\*")):
            read_datasets(["train", source])
    with pytest.raises(UsageError, match="no data"):
        read_datasets([])


def test_a_name_that_reads_as_a_pattern():
    assert known(read_datasets(["odd[1].png"])) == [("odd[1].png", None)]


def test_masks_beside_and_apart(disk):
    for place in ("train/masks/cat", "masks/dog", "test/masks/cat"):
        (disk / place).mkdir(parents=True)
    for name in ("train/masks/cat/1.png", "masks/dog/1.png", "test/masks/cat/1.png"):
        Image.new("L", (10, 8)).save(disk / name)
    own = {s.name: s.mask for s in read_datasets(["train", "test"])}
    assert own["train/cat/1.png"] == disk.relative_to(disk) / "train/masks/cat/1.png"
    assert own["test/cat/1.png"] == disk.relative_to(disk) / "test/masks/cat/1.png"
    assert own["train/dog/1.png"] is None
    given = {s.name: s.mask for s in read_datasets(["train", "listed"], masks="masks")}
    assert [k for k, m in given.items() if m] == ["train/dog/1.png"]


def test_one_mask_is_of_no_two_pictures(disk):
    (disk / "masks/cat").mkdir(parents=True)
    Image.new("L", (10, 8)).save(disk / "masks/cat/1.png")
    assert read_datasets("train", masks="masks")[0].mask is not None
    with pytest.raises(UsageError, match=r"fits 'train/cat/1.png' and 'test/cat/1.png'"):
        read_datasets(["train", "test"], masks="masks")


def test_moved_data_keep_their_names(disk):
    before = read_datasets(["train", "test", "alone.png"])
    moved = disk / "moved"
    moved.mkdir()
    for name in ("train", "test", "alone.png"):
        os.rename(name, moved / name)
    places = [moved / name for name in ("train", "test", "alone.png")]
    after = read_datasets(places, names=["train", "test", "alone.png"])
    assert known(after) == known(before)
    assert all(str(s.path).startswith(str(moved)) for s in after)
    assert known(read_datasets([moved / "alone.png"], names=["alone.png"])) == [("alone.png", None)]


@pytest.mark.parametrize(
    ("told", "recorded", "stands"),
    [
        (["/x/b", "/x/a"], ["a", "b"], ["b", "a"]),
        (["b", "c"], ["a", "b"], ["b", "a"]),
        (["/y/one", "/y/two"], ["a", "b"], ["a", "b"]),
        (["/y/a"], ["x"], ["x"]),
        (["/y/test", "/x/test"], ["/x/test", "/z/test"], ["/z/test", "/x/test"]),
        (["a"], ["a", "b"], None),
        (["a", "b"], ["a"], None),
    ],
)
def test_which_is_which(told, recorded, stands):
    assert standing_for(told, recorded) == stands


def test_groups_of_several_sources(tmp_path):
    for name, text in (("one", "file,camera\na.png,north\n"), ("two", "file\nb.png\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(text)
    places = [tmp_path / "one", tmp_path / "two"]
    assert [s.group for s in read_datasets(places, groups="camera")] == ["north", None]
    with pytest.raises(UsageError, match="it names file, camera"):
        read_datasets(places, groups="lens")
    with pytest.raises(UsageError, match="names a group in a column 'camera'"):
        read_datasets(places[1], groups="camera")
