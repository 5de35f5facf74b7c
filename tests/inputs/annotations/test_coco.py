"""COCO's JSON: ids, boxes with width and height, crowds; bad entries are said and left out."""

import json

import pytest
from annotated_scenes import CLASSES, TRUTH, coco

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.coco import is_coco, read_coco

GOOD = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}
IMAGE = {"id": 7, "file_name": "a.png", "width": 96, "height": 48}
KIND = {"id": 3, "name": "star"}


def of(annotations, images=(IMAGE,), categories=(KIND,)):
    return {"images": [*images], "annotations": [*annotations], "categories": [*categories]}


def test_the_examples(tmp_path):
    path = coco(tmp_path / "a.json", crowds={("scene-1000000.png", 1)})
    found = read_coco(json.loads(path.read_text()), "a.json")
    assert found.names == list(CLASSES)
    assert not found.problems
    for name, annotation in found.entries:
        expected = [(o["class"], tuple(map(float, o["box"]))) for o in TRUTH[name]]
        assert [(o.label, o.sides) for o in annotation.objects] == expected
        assert annotation.size == (96, 96)
    crowds = [o.aside for _, a in found.entries for o in a.objects]
    assert crowds.count("crowd") == 1
    assert crowds[1] == "crowd"


def test_a_picture_without_objects_is_annotated():
    ((name, annotation),) = read_coco(of([]), "a.json").entries
    assert (name, annotation.objects) == ("a.png", ())


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({**GOOD, "bbox": [10, 20, 0, 40]}, "'bbox' is"),
        ({**GOOD, "bbox": [10, 20, float("nan"), 40]}, "'bbox' is"),
        ({**GOOD, "bbox": [10, 20, 30]}, "'bbox' is"),
        ({**GOOD, "bbox": None}, "'bbox' is None"),
        ({**GOOD, "bbox": [10, 20, "30", 40]}, "'bbox' is"),
        ({**GOOD, "image_id": 8}, "no image has the id 8"),
        ({**GOOD, "category_id": 4}, "no category has the id 4"),
        ({**GOOD, "category_id": [3]}, "no category has the id None"),
        ("text", "not an object"),
    ],
)
def test_a_bad_object_is_said_and_the_others_are_read(bad, said):
    found = read_coco(of([bad, GOOD]), "a.json")
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert "annotations[0]" in found.problems[0]
    assert [o.sides for o in found.entries[0][1].objects] == [(10, 20, 40, 60)]


def test_bad_images_and_categories_are_said():
    found = read_coco(
        of([GOOD], images=[{"id": 1}, IMAGE, dict(IMAGE, file_name="b.png")], categories=[5, KIND]),
        "a.json",
    )
    assert len(found.problems) == 3
    assert len(found.entries) == 1


def test_what_is_no_list_is_refused():
    with pytest.raises(UsageError, match="write 'images'"):
        read_coco({"images": {}, "annotations": []}, "a.json")
    assert is_coco(of([]))
    assert not is_coco({"info": {}})


@pytest.mark.parametrize(
    ("value", "aside"),
    [(1, "crowd"), ("1", "crowd"), (True, "crowd"), (0, ""), ("0", ""), (None, "")],
)
def test_crowds(value, aside):
    found = read_coco(of([{**GOOD, "iscrowd": value}]), "a.json")
    assert found.entries[0][1].objects[0].aside == aside
