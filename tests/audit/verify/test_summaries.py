"""Summaries of a record against its own pictures: any that was edited is named."""

import copy

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.record import recorded_pictures
from onnxplain.audit.records.plain import build, plain
from onnxplain.audit.records.record import Record
from onnxplain.audit.store import SANITY
from onnxplain.audit.summaries import sums_of_entries, sums_of_maps
from onnxplain.audit.verify.maps import remade
from onnxplain.audit.verify.summaries import resummed
from onnxplain.inputs.preprocess import Preprocess
from tests.report.conftest import made_record

FAILED = ({"status": "failed", "file_sha256": None, "problem": "broken"}, {})


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What sums are made of, of a class off its objects, one on them, and one in two places."""
    rng = np.random.default_rng(0)
    mask = spot(16, 8, 8) > 0
    entries = [picture(0, spot(10, 12, noise=0.02, rng=rng), mask) for _ in range(6)]
    entries += [picture(1, spot(18, 10, noise=0.02, rng=rng), mask) for _ in range(6)]
    places = [(4, 4), (18, 18)] * 15
    entries += [picture(2, spot(*p, noise=0.02, rng=rng), label=None) for p in places]
    for value, _ in entries:
        value["methods"]["m"]["curves"] = {"deletion": rng.random(33).round(6).tolist()}
        value["methods"]["m"]["measures"]["deletion"] = float(rng.random())
    checked = {"layers": ["a"], "spearman": [0.2], "ssim": [0.1], "left": 0.2, "other_class": 0.1}
    with filled(tmp_path_factory.mktemp("made"), [*entries, FAILED]) as store:
        store.add(SANITY, 0, {"name": "0.png", "methods": {"m": checked}})
        made = made_record([], Preprocess("made", "NCHW", (8, 8)))
        return {
            **made,
            "data": {**made["data"], "examined": len(entries) + 1},
            "pictures": plain(list(recorded_pictures(store))),
            "sanity_pictures": [{"number": 0, "name": "0.png", "methods": {"m": checked}}],
            **plain(sums_of_entries(store, 3)),
            **plain(sums_of_maps(store, 3)),
        }


def wrong(record, edit):
    """Which figure differs, and where."""
    changed = copy.deepcopy(record)
    edit(changed)
    return [(c.figure, c.worst) for c in resummed(build(Record, changed), 3) if not c.reproduces]


def test_a_true_record(record):
    assert [s["kind"] for s in record["suspects"]] == ["outside the mask"]
    checks = resummed(build(Record, record), 3)
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
        (lambda r: r["sanity"][0].update(verdict="passes"), "sanity", "sanity[0].verdict"),
        (lambda r: r["failures"][0].update(problem="none"), "failures", "failures[0].problem"),
    ],
)  # fmt: skip
def test_what_was_edited_is_named(record, edit, figure, where):
    assert wrong(record, edit) == [(f"{figure} (summed again)", where)]


def test_an_edited_picture_shows_in_all_of_its_sums(record):
    def edit(changed):
        changed["pictures"][0]["methods"]["m"]["evidence"]["mask"] = 0.9

    figures = [figure for figure, _ in wrong(record, edit)]
    assert figures == ["classes (summed again)", "suspects outside the mask (summed again)"]


def off(record, edit):
    changed = copy.deepcopy(record)
    edit(changed)
    return [
        (c.figure, c.worst)
        for c in remade(*(build(Record, r) for r in (changed, record)))
        if not c.reproduces
    ]


def two_change_places(changed):
    first, second = changed["clusters"][0]["clusters"]
    first["numbers"][0], second["numbers"][0] = second["numbers"][0], first["numbers"][0]


def test_maps_that_are_made_again(record):
    (clustering,) = record["clusters"]
    assert [c["count"] for c in clustering["clusters"]] == [15, 15]
    assert all(c.reproduces and c.compared for c in remade(*2 * (build(Record, record),)))
    assert off(record, lambda r: r["clusters"][0]["clusters"].reverse()) == []
    assert off(record, two_change_places) == [("clusters", "class 2 by m")]
    found = off(record, lambda r: r["clusters"][0]["clusters"][0]["numbers"].pop())
    assert found == [("clusters", "pictures of class 2 by m")]
    changed = off(record, lambda r: r["classes"][1].update(mean_map=r["classes"][0]["mean_map"]))
    assert changed == [("mean maps", "class 1 by m")]
    found = off(record, lambda r: r["suspects"][0].update(recurs=0.9))
    assert found == [("suspects", "suspects[0].recurs")]
