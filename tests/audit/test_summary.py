"""Sums over results, against what can be counted by hand."""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.store import SANITY
from onnxplain.audit.summary import (
    evidence_map,
    summarise_classes,
    summarise_measures,
    summarise_predictions,
    summarise_sanity,
)
from onnxplain.audit.zones import SIDE

FAILED = ({"name": "", "file_sha256": None, "status": "failed", "problem": "broken"}, {})


def test_classes_have_their_own_means(tmp_path):
    corner, centre = spot(0, 0), spot(12, 12)
    mask = centre > 0
    entries = [picture(1, corner, mask), FAILED, picture(1, 3 * centre, mask), picture(0, centre)]
    with filled(tmp_path, entries) as store:
        first, second = summarise_classes(store)
    assert (first.index, first.numbers, first.off_object) == (0, [3], [])
    assert (second.index, second.numbers) == (1, [0, 2])
    # Each picture counts alike, whatever the scale of its map.
    np.testing.assert_allclose(second.mean_map, (corner + centre) / 32)
    assert second.evidence["top left"] == pytest.approx(0.5)
    assert second.evidence["mask"] == pytest.approx(0.5)
    assert [off for off, _ in second.off_object] == pytest.approx([1.0, 0.0])
    assert second.off_object[0][1] == pytest.approx(1 - 16 / SIDE**2)


def test_a_map_without_positive_evidence_is_even(tmp_path):
    with filled(tmp_path, [picture(0, -spot(0, 0))]) as store:
        np.testing.assert_allclose(evidence_map(store, 0, "m"), 1 / SIDE**2)


def test_measures_leave_out_what_is_not_a_number(tmp_path):
    entries = [picture(0, spot(0, 0)) for _ in range(3)]
    for (value, _), number in zip(entries, (0.5, None, 1.0), strict=True):
        value["methods"]["m"]["record"] = {"gap": number}
    with filled(tmp_path, entries) as store:
        deletion, gap = summarise_measures(store)
    assert (deletion.measure, deletion.count, deletion.mean) == ("deletion", 3, 0.25)
    assert (gap.count, gap.mean, gap.least, gap.most) == (2, 0.75, 0.5, 1.0)
    assert gap.deviation == pytest.approx(np.std([0.5, 1.0], ddof=1))


def test_the_share_of_pictures_with_warnings_is_summed(tmp_path):
    entries = [picture(0, spot(0, 0)) for _ in range(4)]
    entries[1][0]["methods"]["m"]["warnings"] = ["one", "two"]
    entries[2][0]["methods"]["m"]["warnings"] = []
    with filled(tmp_path, entries) as store:
        found = {m.measure: m for m in summarise_measures(store)}
    assert (found["warnings"].mean, found["warnings"].count) == (0.25, 4)
    with filled(tmp_path / "none", [picture(0, spot(0, 0))]) as store:
        assert [m.measure for m in summarise_measures(store)] == ["deletion"]


def test_predictions(tmp_path):
    said = [(0, 0, 0.6), (0, 1, 0.99), (1, 0, 0.4), (None, 1, 0.3)]
    entries = [
        picture(0, spot(0, 0), label=label, predicted=predicted, probability=p)
        for label, predicted, p in said
    ]
    with filled(tmp_path, [*entries, FAILED]) as store:
        found = summarise_predictions(store, examples=2)
    assert (found.scored, found.labelled, found.right) == (4, 3, 1)
    assert found.accuracy == pytest.approx(1 / 3)
    assert [e.number for e in found.most_confident_errors] == [1, 2]
    assert [e.number for e in found.least_confident_errors] == [2, 1]
    assert [e.number for e in found.least_confident] == [3, 2]


def test_nothing_labelled_is_no_accuracy(tmp_path):
    with filled(tmp_path, [picture(0, spot(0, 0), label=None)]) as store:
        assert summarise_predictions(store, 3).accuracy is None


def test_sanity_is_judged_by_the_mean(tmp_path):
    def checked(left, other):
        return {"layers": ["a"], "spearman": [left], "ssim": [0], "left": left} | {
            "other_class": other
        }

    with filled(tmp_path, []) as store:
        store.add(SANITY, 0, {"name": "0", "methods": {"m": checked(0.9, 0.1)}})
        store.add(SANITY, 1, {"name": "1", "methods": {"m": checked(0.8, 0.1)}})
        store.add(SANITY, 2, {"name": "2", "methods": {}, "problem": "gone"})
        (line,) = summarise_sanity(store)
    assert (line.pictures, line.left) == (2, pytest.approx(0.85))
    assert line.verdict.startswith("fails")
    assert line.other_class_verdict.startswith("passes")
