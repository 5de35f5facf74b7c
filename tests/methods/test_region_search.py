"""Region search: sums, redundant regions, the guarantee of greedy searches, boxes, limits."""

import itertools

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.methods.region_search import region_search

# One pixel of each quarter of a picture of 6 x 6.
PIXELS = [0, 4, 25, 29]
PLACES = np.unravel_index(PIXELS, (6, 6))
FOUR = {"segments": "grid", "regions": 4, "fill_with": "0"}


def quarters(body, factors, **more):
    chosen = np.zeros((108, 4))
    chosen[PIXELS, range(4)] = factors
    weights = {"chosen": chosen, "two": np.array([[1.0, -0.5]]), **more}
    text = f"f = Flatten(image) z = MatMul(f, chosen) {body} scores = MatMul(y, two)"
    return context_of(model(text, weights), PyTorchOnly), np.ones((1, 3, 6, 6))


def run(on, x, **options):
    return region_search(on, x, target_of(on, 0), **{**FOUR, **options})


@pytest.mark.parametrize("collaboration", [0.0, 1.0, 2.5])
def test_a_sum_is_searched_in_the_order_of_its_parts(collaboration):
    on, x = quarters("y = MatMul(z, ones)", [1.0, 4.0, -2.0, 3.0], ones=np.ones((4, 1)))
    found = run(on, x, collaboration=collaboration)
    assert found.maps["order"][0][PLACES].tolist() == [3, 1, 4, 2]
    # Each step changes F by (1 + c) times its part; the last one is against the class.
    expected = (1 + collaboration) * np.array([2.0, 3 + 1 + 2, 0.0, 1 + 2])
    np.testing.assert_allclose(found.values[0][PLACES], expected, rtol=1e-6)
    assert found.measures["best_score"][0] == pytest.approx(8)
    assert found.measures["best_regions"][0] == 3


def test_of_two_regions_that_say_the_same_one_comes_late():
    """S = min(1, a + b) + c / 2 + d / 4: b adds nothing once a is there."""
    body = "r = MatMul(z, first) u = Clip(r, zero, one) v = MatMul(z, rest) y = Add(u, v)"
    on, x = quarters(
        body, np.ones(4), first=np.array([[1.0], [1], [0], [0]]), zero=np.array(0.0),
        rest=np.array([[0.0], [0], [0.5], [0.25]]), one=np.array(1.0),
    )  # fmt: skip
    found = run(on, x, collaboration=0.0)
    assert found.maps["order"][0][PLACES].tolist() == [1, 4, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_greedy_search_of_a_submodular_function_has_its_guarantee(count):
    """At least 1 - 1 / e of the best choice of so many regions (Nemhauser et al. 1978)."""
    rng = np.random.default_rng(0)
    covers = rng.random((4, 12)) < 0.4
    worth = rng.random((12, 1))
    body = "r = MatMul(z, covers) u = Clip(r, zero, one) y = MatMul(u, worth)"
    on, x = quarters(body, np.ones(4), covers=covers.astype(float), zero=np.array(0.0),
                     one=np.array(1.0), worth=worth)  # fmt: skip
    order = np.argsort(run(on, x, collaboration=0.0).maps["order"][0][PLACES])

    def covered(chosen):
        return float(worth[covers[list(chosen)].any(axis=0)].sum())

    best = max(covered(c) for c in itertools.combinations(range(4), count))
    assert covered(order[:count]) >= (1 - 1 / np.e) * best


def test_each_picture_of_a_batch_has_its_own_search():
    on = context_of(nets.exported("resnet").proto, PyTorchOnly)
    xs = nets.images("resnet", 2)
    target = target_of(on, 3, "probability")
    options = {"segments": "grid", "regions": 6}
    both = region_search(on, xs, target, **options)
    for n in range(2):
        alone = region_search(on, xs[n : n + 1], target, **options)
        np.testing.assert_allclose(both.values[n], alone.values[0], rtol=1e-9)
    assert not np.array_equal(both.maps["order"][0], both.maps["order"][1])


def test_a_box_is_searched_too():
    """The first regions of a detector's box lie in it; the search of another box goes elsewhere."""
    opened = onnxplain.load("models/scenes-detector.onnx")
    picture = "examples/scenes/scene-1000000.png"
    seen = opened.predict(picture)
    for name, box in zip(seen.names[:2], seen.found.sides[:2], strict=True):
        found = opened.explain(picture, "region-search", name, segments="grid", regions=36)
        first = found.maps["order"] <= 3
        left, top, right, bottom = box.astype(int)
        inside = np.zeros(first.shape, bool)
        inside[max(top - 16, 0) : bottom + 16, max(left - 16, 0) : right + 16] = True
        assert inside.mean() < 0.5
        assert inside[first].all()


def test_nothing_to_search_is_warned_of():
    on, x = quarters("y = MatMul(z, ones)", np.zeros(4), ones=np.ones((4, 1)))
    assert "the same under every mask" in run(on, x).warnings[0]
    assert "one region" in run(on, x, regions=1).warnings[0]


@pytest.mark.parametrize("collaboration", [-1.0, float("nan"), float("inf")])
def test_what_makes_no_sense_is_refused(collaboration):
    on, x = quarters("y = MatMul(z, ones)", np.ones(4), ones=np.ones((4, 1)))
    with pytest.raises(UsageError, match="must be 0 or more"):
        run(on, x, collaboration=collaboration)
