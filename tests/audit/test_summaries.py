"""All summaries of a store together: each tells of the pictures that it is about."""

import numpy as np
from audit.made_results import filled, picture, spot

from onnxplain.audit.summaries import class_summaries, summarise_entries, summarise_maps
from onnxplain.audit.summary import summarise_classes

FAILED = ({"file_sha256": None, "status": "failed", "problem": "broken"}, {})


def test_of_entries(tmp_path):
    wrong = picture(1, spot(0, 0), predicted=2)
    with filled(tmp_path, [picture(0, spot(0, 0)), FAILED, wrong]) as store:
        found = summarise_entries(store, 5, "classes")
    (failure,) = found.failures
    assert (failure.number, failure.name, failure.problem) == (1, "1.png", "broken")
    assert (found.predictions.scored, found.predictions.accuracy) == (2, 0.5)
    assert [e.name for e in found.predictions.most_confident_errors] == ["2.png"]
    assert [(m.measure, m.count) for m in found.measures] == [("deletion", 2)]
    assert [(c.index, c.right) for c in found.answers.classes] == [(0, 1), (1, 0)]
    assert list(found.curves) == list(found.sanity) == []


def test_of_maps(tmp_path):
    mask = spot(16, 8, 8) > 0
    rng = np.random.default_rng(0)
    entries = [picture(3, spot(2, 20, noise=0.02, rng=rng), mask) for _ in range(12)]
    with filled(tmp_path, entries) as store:
        found = summarise_maps(store, 4)
        again = class_summaries(store, summarise_classes(store), 4)
    (one,) = found.classes
    assert (one.index, one.count) == (3, 12)
    cells = np.array(one.mean_map)
    assert abs(cells.sum() - 1) < 1e-3
    assert cells[2:6, 20:24].sum() > 0.5
    (suspect,) = found.suspects
    assert (suspect.kind, suspect.box, suspect.transplant) == ("outside the mask", None, None)
    assert list(suspect.examples) == [0, 1, 2, 3]
    assert (again.classes, again.suspects) == (found.classes, found.suspects)
    (clustering,) = found.clusters
    assert sum(c.count for c in clustering.clusters) == clustering.pictures == 12
