"""Summaries of a record against its own pictures: any that was edited is named."""

import copy

import pytest

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.verify.summaries import check_summaries


def wrong(record, edit):
    """Which figure differs, and where."""
    changed = copy.deepcopy(record)
    edit(changed)
    return [
        (c.figure, c.worst) for c in check_summaries(build(Record, changed), 3) if not c.reproduces
    ]


def test_a_true_record(record):
    assert [s["kind"] for s in record["suspects"]] == ["outside the mask"]
    checks = check_summaries(build(Record, record), 3)
    assert all(c.reproduces for c in checks)
    assert [c.figure for c in checks if not c.compared] == ["suspects by place (from mean maps)"]
    assert {c.largest for c in checks} <= {0.0, None}


@pytest.mark.parametrize(
    ("edit", "figure", "where"),
    [
        (lambda r: r["suspects"][0].update(strength=9.0),
         "suspects outside the mask", "suspects outside the mask[0].strength"),
        (lambda r: r["suspects"][0].update(index=1),
         "suspects outside the mask", "suspects outside the mask[0].index"),
        (lambda r: r["suspects"].clear(),
         "suspects outside the mask", "the length of suspects outside the mask"),
        (lambda r: r["curves"][0]["upper_quartile"].__setitem__(5, 0.5),
         "curves", "curves[0].upper_quartile[5]"),
        (lambda r: r["curves"][0].update(count=41), "curves", "curves[0].count"),
        (lambda r: r["classes"][1]["evidence"].update(border=0.3),
         "classes", "classes[1].evidence.border"),
        (lambda r: r["classes"].pop(), "classes", "the length of classes"),
        (lambda r: r["measures"][0].update(most=2.0), "measures", "measures[0].most"),
        (lambda r: r["predictions"].update(accuracy=0.5), "predictions", "predictions.accuracy"),
        (lambda r: r["predictions"]["least_confident"][0].update(name="other.png"),
         "predictions", "predictions.least_confident[0].name"),
        (lambda r: r["answers"]["classes"][1].update(low=0.1),
         "answers", "answers.classes[1].low"),
        (lambda r: r["answers"]["calibration"].update(error=0.0),
         "answers", "answers.calibration.error"),
        (lambda r: r["answers"]["confusions"][0].update(count=1),
         "answers", "answers.confusions[0].count"),
        (lambda r: r.pop("answers"), "answers", "answers"),
        (lambda r: r["sanity"][0].update(verdict="passes"), "sanity", "sanity[0].verdict"),
        (lambda r: r["failures"][0].update(problem="none"), "failures", "failures[0].problem"),
    ],
)  # fmt: skip
def test_what_was_edited_is_named(record, edit, figure, where):
    assert wrong(record, edit) == [(f"{figure} (from the pictures)", where)]


def test_an_edited_picture_shows_in_all_of_its_sums(record):
    def edit(changed):
        changed["pictures"][0]["methods"]["m"]["evidence"]["mask"] = 0.9

    figures = [figure for figure, _ in wrong(record, edit)]
    assert figures == [
        "classes (from the pictures)",
        "suspects outside the mask (from the pictures)",
    ]
