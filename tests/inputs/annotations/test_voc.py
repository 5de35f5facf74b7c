"""Pascal VOC's XML: pixels counted from 1, difficult objects, broken files."""

import pytest
from annotated_scenes import TRUTH, voc

from onnxplain.inputs.annotations.voc import read_voc

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>"
GOOD = f"<object><name>cat</name>{BOX}</object>"


def read(tmp_path, text):
    file = tmp_path / "x.xml"
    file.write_text(text)
    return read_voc([file])


def test_the_examples(tmp_path):
    folder = voc(tmp_path / "set", difficult={("scene-1000000.png", 2)})
    found = read_voc(sorted(folder.glob("*.xml")))
    assert not found.problems
    assert set(found.names) == {o["class"] for objects in TRUTH.values() for o in objects}
    for (_, annotation), name in zip(found.entries, sorted(TRUTH), strict=True):
        expected = [(o["class"], tuple(map(float, o["box"]))) for o in TRUTH[name]]
        assert [(o.label, o.sides) for o in annotation.objects] == expected
        assert annotation.size == (96, 96)
    aside = [o.aside for _, a in found.entries for o in a.objects]
    assert aside[2] == "difficult"
    assert aside.count("difficult") == 1


@pytest.mark.parametrize(
    "bad",
    [
        f"<object>{BOX}</object>",
        "<object><name>cat</name></object>",
        "<object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object>",
        f"<object><name>cat</name>{BOX.replace('10', 'ten')}</object>",
        f"<object><name>cat</name>{BOX.replace('10', 'nan')}</object>",
        f"<object><name>cat</name>{BOX.replace('20', '1')}</object>",
    ],
)
def test_a_bad_object_is_said_and_the_others_are_read(tmp_path, bad):
    found = read(tmp_path, f"<annotation>{bad}{GOOD}</annotation>")
    assert len(found.problems) == 1
    assert "object 1" in found.problems[0]
    assert [o.sides for o in found.entries[0][1].objects] == [(0, 1, 10, 20)]


@pytest.mark.parametrize("text", ["", "<annotation>", "<html/>", "not XML"])
def test_a_broken_file_says_nothing_of_its_picture(tmp_path, text):
    found = read(tmp_path, text)
    assert [a for _, a in found.entries] == [None]
    assert "its picture is not counted" in found.problems[0]


def test_a_size_of_zero_is_no_size(tmp_path):
    size = "<size><width>0</width><height>0</height></size>"
    assert read(tmp_path, f"<annotation>{size}{GOOD}</annotation>").entries[0][1].size is None
