"""Annotated classes are the model's of the same name; what has none is said."""

import pytest
from annotated_scenes import FOLDER, coco, voc

from onnxplain.errors import ImageError, UsageError
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.inputs.annotations.annotation import Annotation, Marked
from onnxplain.inputs.annotations.attach import Annotated, annotate
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.model.load import load

MODEL = load("models/scenes-detector.onnx")
PICTURE = FOLDER / "scene-1000001.png"


def of(names, *labels, aside=""):
    marked = tuple(Marked(label, (0, 0, 5, 5), aside) for label in labels)
    return Annotated(
        "COCO", tuple(names), [Sample("a", PICTURE, annotation=Annotation(marked))], [], []
    )


def test_names_are_matched_whatever_their_case_and_blanks():
    task = MODEL.task
    found = truth_of(of(["Star", "CROSS", "tree"], "Star", "tree", "tree"), task)
    assert found.classes == {"Star": 3, "CROSS": 4}
    assert any("no class 'tree': its 2 annotated objects" in n for n in found.notes)
    assert any(
        "3 classes of the model are not annotated (circle, square, triangle)" in n
        for n in found.notes
    )
    objects = found.objects(of([], "Star", "tree").samples[0], MODEL.preprocess)
    assert objects.labels.tolist() == [3]


def test_numbers_are_the_models():
    assert truth_of(of([], 3, 4), MODEL.task).classes == {k: k for k in range(5)}


def test_what_is_aside_is_said():
    notes = truth_of(of(["star"], "star", aside="crowd"), MODEL.task).notes
    assert any("1 crowds count neither as found nor as missed" in n for n in notes)


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"\(dog, cat\) is one of the model's \(circle, square"):
        truth_of(of(["dog", "cat"], "dog"), MODEL.task)
    with pytest.raises(UsageError, match="for detectors, and the model answers classes"):
        truth_of(of(["star"], "star"), load("models/digits-gap.onnx").task)


def test_a_set_without_any_object_is_no_error(tmp_path):
    found = annotate(read_dataset(FOLDER), coco(tmp_path / "a.json", {"scene-1000001.png": []}))
    assert len(truth_of(found, MODEL.task).judged) == 5
    found = annotate(read_dataset(FOLDER), voc(tmp_path / "v", {"scene-1000001.png": []}))
    # Nobody says which classes were looked for: every box on it is wrong.
    assert len(truth_of(found, MODEL.task).judged) == 5


def test_a_picture_of_another_size_is_refused():
    other = Sample("a", PICTURE, annotation=Annotation((), size=(5, 5)))
    with pytest.raises(ImageError, match="for 5 x 5 pixels"):
        truth_of(of(["star"]), MODEL.task).objects(other, MODEL.preprocess)
    assert (
        truth_of(of(["star"]), MODEL.task).objects(Sample("a", PICTURE), MODEL.preprocess) is None
    )


def test_two_classes_of_one_name_are_said():
    task = load("models/scenes-detector.onnx", labels=["star", "b", "c", "Star", "e"]).task
    found = truth_of(of(["star"], "star"), task)
    assert found.classes == {"star": 0}
    assert any(
        "classes [0, 3] of the model are called 'star': 0 is taken" in n for n in found.notes
    )
