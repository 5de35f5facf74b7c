"""Occlusion that ends early: which windows it computed, and how far the map may be off."""

import nets
import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.errors import UsageError
from onnxplain.methods import find
from onnxplain.methods.occlusion import LOOK
from onnxplain.perturb.refine import filled
from onnxplain.perturb.window_grid import WindowGrid
from onnxplain.perturb.window_sample import mean_of_some

FINE = {"window": 4, "stride": 2, "fill_with": "black"}


def run(context=None, **options):
    made = nets.exported("resnet")
    context = context or context_of(made.proto)
    return find("occlusion").function(
        context, made.x.astype("f4"), target_of(context, 3), **{**FINE, **options}
    )


def test_with_time_for_all_it_is_the_whole_map():
    full, found = run(), run(max_seconds=1e6)
    np.testing.assert_allclose(found.values, full.values, atol=1e-6)
    for key in full.maps:
        np.testing.assert_allclose(found.maps[key], full.maps[key], atol=1e-6)
    assert not found.maps["standard_error"].any()
    assert not found.maps["interpolated"].any()
    assert found.measures["computed"] == found.measures["relative_error"] + 1 == 1
    assert found.measures["samples"] == full.maps["score"].size
    assert found.notes["sampling_ended"] == ["all samples"]


def test_time_ends_it_and_what_was_computed_is_exact():
    full, found = (
        run(),
        run(max_seconds=1e-6, context=context_of(nets.exported("resnet").proto, batch_size=8)),
    )
    assert found.notes["sampling_ended"] == ["time"]
    own = found.maps["interpolated"] == 0
    assert found.measures["samples"] == own.sum() == 8
    assert found.measures["computed"] == pytest.approx(own.mean())
    for key in ("score", "difference", "predicted_class"):
        np.testing.assert_allclose(found.maps[key][own], full.maps[key][own], atol=1e-6)
        nearest = filled(found.maps[key][0], own[0])
        np.testing.assert_array_equal(found.maps[key][0], nearest)
    assert np.isfinite(found.values).all()


def test_tolerance_ends_it_wherever_batches_end():
    ends = []
    for size in (1, 5, 32):
        context = context_of(nets.exported("resnet").proto, batch_size=size)
        found = run(context, tolerance=0.1)
        assert found.notes["sampling_ended"] == ["settled"]
        assert found.measures["relative_error"] <= 0.1
        ends.append(int(found.measures["samples"][0]))
    assert len(set(ends)) == 1
    assert LOOK / 2 < ends[0] < found.maps["score"].size
    full = run()
    assert np.sqrt(np.mean((found.values - full.values) ** 2)) < 0.15 * np.ptp(full.values)
    strict = run(tolerance=1e-9)
    assert strict.notes["sampling_ended"] == ["all samples"]


def test_the_error_is_that_of_windows_drawn_at_random():
    """Over many draws: squared distance from the map of all windows, beside what is claimed."""
    grid = WindowGrid.fitting((20, 24), 8, 2)
    random = np.random.default_rng(0)
    values = random.exponential(size=grid.shape)
    whole, none = mean_of_some(values, np.ones(grid.shape, bool), grid)
    np.testing.assert_allclose(whole, grid.spread(values.reshape(1, -1))[0])
    assert not none.any()
    off, claimed, known = [], [], []
    for _ in range(400):
        computed = np.zeros(values.size, bool)
        computed[random.permutation(values.size)[: values.size // 2]] = True
        shown = np.where(computed.reshape(grid.shape), values, np.nan)
        found, error = mean_of_some(shown, computed.reshape(grid.shape), grid)
        off.append((found - whole) ** 2)
        claimed.append(error**2)
        known.append(np.isfinite(error).all())
    assert all(known)
    inner = slice(6, -6), slice(6, -6)  # sixteen windows each; a pixel at the border has few
    ratio = np.mean(claimed, axis=0)[inner] / np.mean(off, axis=0)[inner]
    assert np.median(ratio) == pytest.approx(1, abs=0.15)


def test_one_window_tells_no_error():
    grid = WindowGrid.fitting((8, 8), 4, 4)
    computed = np.array([[True, False], [False, False]])
    values, error = mean_of_some(np.array([[2.0, 0.0], [0.0, 0.0]]), computed, grid)
    assert (values == 2).all()
    assert (error[:4, :4] == 0).all()
    assert np.isnan(error[4:]).all()


def test_refining_and_a_limit_exclude_each_other():
    for limit in ({"max_seconds": 1.0}, {"tolerance": 0.1}):
        with pytest.raises(UsageError, match="exclude each other"):
            run(refine=2, **limit)


def test_progress_comes_to_its_end():
    told = []
    body = "p = GlobalAveragePool(image) f = Flatten(p) scores = MatMul(f, w)"
    context = context_of(model(body, w=np.eye(3)), batch_size=2)
    context = type(context)(
        context.network, context.preprocess, progress=lambda *step: told.append(step)
    )
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 6, 6)).astype("f4")
    for limit in ({"max_seconds": 1e-6}, {"tolerance": 0.5}, {"max_seconds": 100.0}):
        told.clear()
        find("occlusion").function(context, x, target_of(context, 1), window=2, stride=1, **limit)
        assert told == sorted(told)
        assert told[-1] == (25, 25)
