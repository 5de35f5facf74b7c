"""Counting over the examples: what the models' table says of them."""

from dataclasses import replace

import numpy as np
import pytest
from annotated_scenes import FOLDER
from PIL import Image

from models.build.average_precision import mean_average_precision
from models.build.scenes import CLASSES, scene
from onnxplain.evaluate.boxes.count import Count
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.run import evaluate
from onnxplain.inputs.annotations.annotation import Annotation
from onnxplain.inputs.annotations.attach import annotate
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.model.load import load

MODEL = load("models/scenes-detector.onnx")
FOUND = annotate(read_dataset(FOLDER), FOLDER / "boxes.json")
KNOWN = truth_of(FOUND, MODEL.task)


def test_one_small_triangle_is_taken_for_a_star():
    count = Count(MODEL, KNOWN)
    for sample in FOUND.samples:
        list(count.looks(sample, Plan({}, ())))
    found = {CLASSES[c.index]: c for c in count.score().classes}
    assert {name: c.hits for name, c in found.items()} == {
        "circle": 3, "square": 4, "triangle": 6, "star": 1, "cross": 2,
    }  # fmt: skip
    assert [n for n, c in found.items() if c.misses] == ["triangle"]
    assert [n for n, c in found.items() if c.false_positives] == ["star"]


def test_precision_is_about_that_of_pascal_voc():
    pytest.importorskip("pycocotools")
    count = Count(MODEL, KNOWN)
    for sample in FOUND.samples:
        list(count.looks(sample, Plan({}, ())))
    rows = [np.column_stack([b.sides, b.scores, b.labels]) for b, _ in count.pairs]
    truths = [scene(int(s.path.stem.rpartition("-")[2])).boxes for s in FOUND.samples]
    expected, each = mean_average_precision(rows, truths, len(CLASSES))
    # One reads precision at 101 recalls, the other at all of them.
    assert count.score().map50 == pytest.approx(expected, abs=0.01)
    assert each.min() < 0.9 < each.max()


def test_evidence_lies_in_the_boxes_and_that_of_controls_does_not():
    measures = ("energy-in-mask", "pointing-game")
    plan = Plan({"grad-cam": {}, "gradient-x-input": {}}, measures)
    found = evaluate(MODEL, FOUND.samples, plan, truth=KNOWN)
    assert found.detection.pictures == 6
    assert found.detection.empty == 0
    means = {(line.method, line.measure): line for line in found.summary()}
    for measure in measures:
        control = max(means[name, measure].high for name in CONTROLS)
        assert means["grad-cam", measure].low > control
        assert means["gradient-x-input", measure].low > control
    assert (
        len({(r.sample, r.box) for r in found.rows}) == means["grad-cam", measures[0]].count == 14
    )
    assert not found.problems


# The input is letterboxed: the second photo is made smaller, and lies between two bars.
@pytest.mark.parametrize(("size", "scale", "corner"), [((192, 192), 2, 0), ((240, 192), 2, 24)])
def test_boxes_are_in_pixels_of_the_photo(tmp_path, size, scale, corner):
    others = []
    for sample in FOUND.samples:
        photo = Image.new("RGB", size, (114, 114, 114))
        with Image.open(sample.path) as image:
            photo.paste(image.resize((96 * scale, 96 * scale)), (corner, 0))
        photo.save(tmp_path / sample.name)
        marked = tuple(
            replace(
                o, sides=tuple(scale * v + corner * (k % 2 == 0) for k, v in enumerate(o.sides))
            )
            for o in sample.annotation.objects
        )
        annotation = Annotation(marked, size=size)
        others.append(Sample(sample.name, tmp_path / sample.name, annotation=annotation))
    count = Count(MODEL, KNOWN)
    looks = [seen for sample in others for _, seen in count.looks(sample, Plan({}, ()))]
    assert sum(c.hits for c in count.score().classes) >= 14
    assert all(seen.mask.shape == (96, 96) and seen.mask.any() for seen in looks)
    # In pixels of the input there would be few.
    wrong = Count(MODEL, KNOWN)
    for sample, original in zip(others, FOUND.samples, strict=True):
        list(wrong.looks(replace(sample, annotation=original.annotation), Plan({}, ())))
    assert sum(c.hits for c in wrong.score().classes) <= 3
