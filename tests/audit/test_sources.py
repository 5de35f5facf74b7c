"""Paths of records: followed inside of their folder, shown elsewhere."""

import pytest
from PIL import Image

from onnxplain.audit.sources import (
    in_folder,
    is_inside,
    kept_inside,
    recorded_data,
    require_told,
)
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in/data").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path / "out")
    (tmp_path / "in/round").symlink_to(tmp_path / "in/data")
    return tmp_path / "in"


@pytest.mark.parametrize("recorded", ["data", "./data", "data/../data", "round"])
def test_what_lies_inside_is_followed(folder, recorded):
    assert in_folder(folder, recorded) is not None


@pytest.mark.parametrize("recorded", [".", "..", "../out", "link", "*", "none", "/", "a\0b", ""])
def test_what_does_not_is_not(folder, recorded):
    assert in_folder(folder, recorded) is None
    with pytest.raises(UsageError, match="is not followed; give it with --data"):
        require_told(None, folder, recorded, "--data")
    assert require_told("told", folder, recorded, "--data") == "told"


def test_the_place_where_the_audit_began_counts_only_inside(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert in_folder(folder, "in/data") is not None
    assert in_folder(folder, "out") is None


def test_a_neighbour_whose_name_begins_the_same_is_outside(folder):
    (folder.parent / "inside").mkdir()
    assert not is_inside(folder.parent / "inside", folder)


def test_samples_that_lead_out_are_dropped(folder):
    inner, outer = folder / "data/a.png", folder.parent / "out/b.png"
    samples = [
        Sample("a", inner),
        Sample("b", outer),
        Sample("c", inner, mask=outer),
        Sample("d", folder / "link/b.png"),
    ]
    assert [s.name for s in kept_inside(samples, folder)] == ["a"]


@pytest.fixture
def pictures(folder):
    """Two data sets in the record's folder, one outside of it."""
    for place in ("in/data/0/a.png", "in/more/0/a.png", "out/0/a.png", "out/0/b.png"):
        path = folder.parent / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(path)
    return folder


def test_several_sources_in_the_folder_are_read_by_their_recorded_names(pictures):
    found = recorded_data((), pictures, ["data", "more"])
    assert [(s.name, s.path, s.label) for s in found] == [
        ("data/0/a.png", pictures / "data/0/a.png", "0"),
        ("more/0/a.png", pictures / "more/0/a.png", "0"),
    ]


@pytest.mark.parametrize("other", ["../out", "link", "*/0/*.png", "/", "none"])
def test_one_source_outside_is_enough_to_refuse(pictures, other):
    for recorded in (["data", other], [other, "data"]):
        with pytest.raises(UsageError, match="is not followed; give it with --data"):
            recorded_data((), pictures, recorded)


def test_a_table_among_several_sources_does_not_lead_out(pictures):
    (pictures / "table.csv").write_text("file\n../out/0/b.png\nmore/0/a.png\n")
    found = recorded_data((), pictures, ["data", "table.csv"])
    assert [s.name for s in found] == ["data/0/a.png", "more/0/a.png"]


def test_what_is_told_stands_for_what_is_recorded(pictures):
    told = [str(pictures.parent / "out"), str(pictures / "data")]
    found = recorded_data(told, "/nowhere", ["/then/data", "/then/test"])
    assert [s.name for s in found] == [
        "/then/test/0/a.png", "/then/test/0/b.png", "/then/data/0/a.png",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="has 3 sources of data: a, b, c; give --data once for"):
        recorded_data(told, pictures, ["a", "b", "c"])


def test_pictures_given_one_by_one_are_found_in_one_folder(pictures):
    place = pictures.parent / "out/0"
    found = recorded_data([place], pictures, ["photos/a.png", "photos/b.png", "photos/gone.png"])
    assert [(s.name, s.path) for s in found] == [
        ("photos/a.png", place / "a.png"),
        ("photos/b.png", place / "b.png"),
    ]
    with pytest.raises(UsageError, match="2 sources"):  # which of two is meant, nobody knows
        recorded_data([place], pictures, ["one/a.png", "two/a.png"])
