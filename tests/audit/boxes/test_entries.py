"""What an audit keeps of boxes: every verdict, and maps of some."""

import numpy as np
from annotated_scenes import CLASSES, FOLDER
from audit.boxes.drawn import model

from onnxplain.audit.boxes.entries import box_entries, explained_boxes, weighed
from onnxplain.evaluate.boxes.look import scene_of
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.evaluate.cases import Plan
from onnxplain.inputs.annotations.attach import annotate
from onnxplain.inputs.dataset import read_dataset

DETECTOR = model("scenes-detector")
FOUND = annotate(read_dataset(FOLDER), FOLDER / "boxes.json")
# One triangle of the last scene is taken for a star.
SCENE = scene_of(DETECTOR, FOUND.samples[5], truth_of(FOUND, DETECTOR.task))
PLAN = Plan({"lrp": {}}, (), controls=False)


def test_each_verdict_is_explained_in_its_own_box():
    problems = []
    chosen = explained_boxes(DETECTOR, SCENE, PLAN, problems)
    entries, maps, failed = box_entries(DETECTOR, SCENE, chosen, "lrp", PLAN)
    assert not problems
    assert not failed
    verdicts = [(e.verdict, CLASSES[e.index]) for e in entries]
    assert [v for v, _ in verdicts].count("hit") == 4
    assert ("miss", "triangle") in verdicts
    assert ("false positive", "star") in verdicts
    # The weakest of four hits is not explained.
    assert len(maps) == len(chosen) == 3 + 1 + 1
    for number, entry in enumerate(entries):
        if f"lrp of box {number}" not in maps:
            assert entry.match is None
            continue
        assert (entry.beside is not None) == (entry.verdict == "hit")
        if entry.verdict != "miss":
            # The box itself matches itself by its score, if no other candidate does better.
            assert entry.match >= entry.score - 1e-6
        assert entry.evidence["lrp"] > 0.5
    (miss,) = (e for e in entries if e.verdict == "miss")
    assert (miss.cause, CLASSES[miss.other]) == ("other class", "star")
    assert 0 < miss.match < 0.25
    np.testing.assert_allclose(np.array(miss.place) * 96, miss.sides)


def test_a_class_can_be_chosen():
    chosen = explained_boxes(DETECTOR, SCENE, Plan({}, (), target="star"), [])
    assert [(c.judged.verdict, CLASSES[c.judged.label]) for c in chosen] == [
        ("false positive", "star")
    ]


def test_what_precision_is_counted_from():
    told = weighed(SCENE)
    assert len(told.drawn) == len(told.aside) == 5
    assert len(told.scores) == len(told.sides) == len(told.labels) >= len(SCENE.said.scores)
    assert min(told.scores) < 0.25
