"""Boxes in a report: the table, missed objects and wrong boxes, hits of suspected classes."""

import pytest
from audit.boxes.drawn import audited

from onnxplain.audit.record import recorded_pictures
from onnxplain.audit.records.boxes import BoxEntry
from onnxplain.audit.store import Store
from onnxplain.report.again import identity
from onnxplain.report.boxes import judged_classes, words
from onnxplain.report.content import content
from onnxplain.report.write import write_report


def shown(stem):
    record, samples, _, folder = audited(stem)
    files = {s.name: s.path for s in samples}
    with Store(folder / "results.sqlite", identity(record)) as store:
        return content(record, lambda: recorded_pictures(store), files, store.map)


def test_a_page_and_markdown(tmp_path):
    found = shown("scenes-shortcut")
    page, text = (p.read_text() for p in write_report(tmp_path, found))
    for said in ("Boxes", "Missed objects", "False positives", "annotated"):
        assert said in page
    assert "“star”: beside the object" in page
    assert "of the score on average" in page
    assert "**star**: beside the object" in text
    assert "## Boxes" in text
    assert "| star | " in text
    hits = found.boxes["suspect 3"]
    assert len(hits) == 6
    assert all(h.photo and h.layer and h.box.verdict == "hit" for h in hits)
    assert page.count('stroke="#00e5ff"') >= len(hits)


def test_without_a_suspect(tmp_path):
    found = shown("scenes-detector")
    page, _ = (p.read_text() for p in write_report(tmp_path, found))
    assert "No class loses half of its score" in page
    assert found.judged >= 1
    assert "suspect 3" not in found.boxes


def test_chosen_boxes_are_few_and_those_of_large_scores():
    found = shown("scenes-detector")
    for verdict in ("miss", "false positive"):
        boxes = [e.box for e in found.boxes[verdict]]
        assert len(boxes) <= 4
        assert {b.verdict for b in boxes} <= {verdict}
        sizes = [b.match if b.score is None else b.score for b in boxes]
        assert sizes == sorted(sizes, reverse=True)


def box(**changes):
    plain = {"index": 0, "sides": [0] * 4, "place": [0] * 4, "score": 0.5, "overlap": 0.3}
    return BoxEntry(**{**plain, "verdict": "miss", "cause": "nothing", "other": None, **changes})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (box(cause="other class", other=2), "taken for class 2"),
        (box(cause="place"), "a box of its class is near it, but not on it (overlap 0.30)"),
        (box(), "no box is on it or near it"),
        (box(verdict="false positive", cause="other class", other=1), "in truth class 1"),
        (box(verdict="false positive", cause="second box"), "a second box of one object"),
        (box(verdict="false positive"), "no object of its class is annotated there"),
        (box(verdict="hit", cause="", beside={"below": 0.25, "right": 0.1}),
         "covering the place below lowers its score by 25 %"),
        (box(verdict="hit", cause=""), ""),
    ],
)  # fmt: skip
def test_words(entry, said):
    assert words(entry, lambda index: f"class {index}") == said


def test_classes_are_judged_from_five_hits_on():
    assert judged_classes(audited("scenes-shortcut")[0].pictures) >= 1
    assert judged_classes([]) == 0
