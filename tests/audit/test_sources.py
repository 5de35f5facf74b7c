"""Paths of records: followed inside of their folder, shown elsewhere."""

import pytest

from onnxplain.audit.sources import in_folder, is_inside, kept_inside, require_told
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
