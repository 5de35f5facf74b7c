"""The plainest annotations, as the examples have them."""

from annotated_scenes import TRUTH

from onnxplain.inputs.annotations.plain_boxes import is_plain, read_plain


def test_the_examples():
    found = read_plain(TRUTH, "boxes.json")
    assert not found.problems
    assert [name for name, _ in found.entries] == list(TRUTH)
    for name, annotation in found.entries:
        expected = [(o["class"], tuple(map(float, o["box"]))) for o in TRUTH[name]]
        assert [(o.label, o.sides) for o in annotation.objects] == expected


def test_a_bad_object_is_said_and_the_others_are_read():
    good = {"class": "a", "box": [0, 0, 1, 1]}
    bad = [{"class": "a"}, {"box": [0, 0, 1, 1]}, {"class": "a", "box": [1, 0, 0, 1]}, "a"]
    found = read_plain({"x.png": [*bad, good], "y.png": []}, "b.json")
    assert len(found.problems) == 4
    assert [len(a.objects) for _, a in found.entries] == [1, 0]


def test_what_is_plain():
    assert is_plain(TRUTH)
    assert not is_plain({})
    assert not is_plain({"a": 1})
    assert not is_plain([])
