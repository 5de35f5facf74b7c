"""Average precision against plain loops, with crowds, difficult objects and empty pictures."""

import numpy as np
import pytest
import reference_average_precision as reference

from onnxplain.evaluate.boxes import average_precision as module
from onnxplain.evaluate.boxes.truth import Objects
from onnxplain.targets.boxes.layout import Detections

pytest.importorskip("pycocotools")
CLASSES = frozenset({0, 2, 3})


def drawn(rng, aside):
    """Pictures of objects, and boxes near some of them, with scores that are all different."""
    pairs, score = [], rng.permutation(2000) / 2000
    used = 0
    for _ in range(8):
        count = int(rng.integers(0, 5))
        corner = rng.uniform(0, 60, (count, 2))
        sides = np.concatenate([corner, corner + rng.uniform(8, 30, (count, 2))], axis=1)
        labels = rng.choice([0, 2], count)
        kinds = rng.choice(aside, count)
        near = np.repeat(sides, 2, axis=0)
        near = near + rng.normal(0, 2, near.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        of = np.where(
            rng.random(2 * count) < 0.8, np.repeat(labels, 2), rng.choice([0, 2, 5], 2 * count)
        )
        order = np.argsort(-score[used : used + 2 * count])
        scores = score[used : used + 2 * count][order]
        used += 2 * count
        found = Detections(near[order], scores, of[order].astype(np.int64), np.arange(2 * count))
        pairs.append((found, Objects(sides, labels.astype(np.int64), tuple(map(str, kinds)))))
    return pairs


def rows(pairs):
    return [
        (
            list(zip(b.sides.tolist(), b.labels.tolist(), b.scores.tolist(), strict=True)),
            list(zip(o.sides.tolist(), o.labels.tolist(), o.aside, strict=True)),
        )
        for b, o in pairs
    ]


@pytest.mark.parametrize(
    "aside", [[""], ["", "crowd"], ["", "difficult"], ["", "", "crowd", "difficult"]]
)
@pytest.mark.parametrize("seed", range(3))
def test_against_plain_loops(seed, aside):
    pairs = drawn(np.random.default_rng(seed), aside)
    found = module.average_precision(pairs, CLASSES)
    plain = rows(pairs)
    at = [0.5 + 0.05 * k for k in range(10)]
    each = {k: [reference.average_precision(plain, k, t) for t in at] for k in CLASSES}
    known = {k: v for k, v in each.items() if v[0] is not None}
    assert set(known) == {0, 2}
    assert found.at_half == pytest.approx({k: v[0] for k, v in known.items()})
    assert found.over_all == pytest.approx({k: np.mean(v) for k, v in known.items()})
    assert found.map50 == pytest.approx(np.mean([v[0] for v in known.values()]))
    # Neither perfect nor nothing, or the comparison says little.
    assert 0.1 < found.map50_95 < found.map50 < 1


def test_without_any_object_there_is_no_mean():
    empty = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    none = Objects(np.zeros((0, 4)), np.zeros(0, np.int64), ())
    found = module.average_precision([(empty, none)], CLASSES)
    assert found.map50 is None
    assert found.map50_95 is None
    one = Objects(np.array([[0.0, 0, 5, 5]]), np.array([2]), ("",))
    assert module.average_precision([(empty, one)], CLASSES).at_half == {2: 0.0}
