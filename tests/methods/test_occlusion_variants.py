"""Occlusion of a layer's response, coarse to fine, and by both engines."""

import nets
import numpy as np
import pytest
from handmade import context_of, target_of

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.methods import find
from onnxplain.perturb.refine import refined

FINE = {"window": 4, "stride": 2, "fill_with": "black"}


def run(name="resnet", **parameters):
    made = nets.exported(name)
    context = context_of(made.proto)
    x = made.x.astype(np.float32)
    return context, x, find("occlusion").function(context, x, target_of(context, 3), **parameters)


@pytest.mark.parametrize("name", ["resnet", "tensorflow"])
def test_response_of_a_layer(name):
    """Mean over maps of the largest value, written out."""
    context = context_of(nets.exported(name).proto)
    layer = context.network.layer(None)
    context, x, found = run(name, window=8, stride=8, fill_with="0.5", response_of=layer.name)
    rows, columns = context.spatial_axes

    def response(x):
        maps = layer.to_maps(context.network.ort.activations(x, [layer.name])[layer.name])[0]
        return np.mean([m.max() for m in maps])

    for i in range(4):
        for j in range(4):
            covered = np.moveaxis(x.copy(), (rows, columns), (2, 3))
            covered[:, :, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8] = 0.5
            expected = response(np.moveaxis(covered, (2, 3), (rows, columns)))
            np.testing.assert_allclose(found.maps["score"][0, i, j], expected, rtol=1e-5)
            fall = response(x) - expected
            np.testing.assert_allclose(found.maps["difference"][0, i, j], fall, atol=1e-5)


def test_response_of_nothing_spatial():
    with pytest.raises(MethodRefusedError, match="no height and width"):
        run(response_of="scores")
    with pytest.raises(UnknownNameError, match="unknown layer 'nowhere'"):
        run(response_of="nowhere")


@pytest.mark.parametrize("name", ["vgg", "tensorflow"])
def test_engines_give_one_map(name):
    found = [run(name, engine=e, **FINE)[2] for e in ("brute-force", "incremental")]
    scale = np.abs(found[0].values).max()
    np.testing.assert_allclose(found[1].values / scale, found[0].values / scale, atol=1e-4)
    for key in ("score", "predicted_class"):
        np.testing.assert_allclose(found[1].maps[key], found[0].maps[key], atol=1e-5)
    assert [f.notes["engine"]["name"] for f in found] == ["brute-force", "incremental"]
    assert found[1].notes["engine"]["predicted_gain"] > 0


def test_an_unknown_engine_is_named():
    with pytest.raises(UnknownNameError, match=r"unknown engine 'fast'; .*auto, incremental"):
        run(engine="fast")


def test_refined_maps_are_exact_where_they_are_computed():
    full, rough = run(**FINE)[2], run(**FINE, refine=4)[2]
    known = rough.maps["interpolated"][0] == 0
    assert 0.1 < known.mean() < 1
    np.testing.assert_allclose(rough.measures["computed"], [known.mean()])
    for key in ("score", "predicted_class"):
        np.testing.assert_allclose(
            rough.maps[key][0][known], full.maps[key][0][known], rtol=1e-4, atol=1e-6
        )
    span = np.ptp(full.maps["score"])
    # Nothing is promised for a single position; on the whole it is the same map.
    assert 0 < np.abs(rough.maps["score"] - full.maps["score"]).mean() < 0.1 * span
    assert "interpolated" not in full.maps


def test_refine_must_fit():
    with pytest.raises(UsageError, match=r"refine 0 is out of range; allowed: 1 to 15"):
        run(**FINE, refine=0)
    with pytest.raises(UsageError, match="refine 16"):
        run(**FINE, refine=16)


def field(shape, function):
    """An evaluator of a function of row and column, which counts."""
    asked = []

    def evaluate(indices):
        asked.extend(indices.tolist())
        rows, columns = np.unravel_index(indices, shape)
        values = function(rows, columns).astype(np.float64)
        return values, (values > 0.5).astype(np.int64)

    return evaluate, asked


@pytest.mark.parametrize("step", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("shape", [(13, 9), (1, 11), (8, 1), (1, 1)])
def test_planes_are_interpolated_exactly(shape, step):
    """A map without edges: only a steep plane is computed throughout, and none is wrong."""
    evaluate, asked = field(shape, lambda r, c: 0.3 * r - 0.2 * c)
    found = refined(evaluate, shape, step)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    np.testing.assert_allclose(found.values, 0.3 * rows - 0.2 * columns, atol=1e-12)
    assert len(asked) == len(set(asked)) == int((~found.interpolated).sum())


def test_an_edge_is_computed_and_flat_parts_are_not():
    shape = (17, 17)
    evaluate, asked = field(shape, lambda r, c: c > 9)
    found = refined(evaluate, shape, 4)
    _, columns = np.mgrid[:17, :17]
    assert (found.values == (columns > 9)).all()
    assert (found.classes == (columns > 9)).all()
    assert len(asked) < 0.5 * 17 * 17
    assert not found.interpolated[:, 9:11].any()


def test_what_lies_between_positions_is_not_seen():
    """Why it is off by default."""
    shape = (9, 9)
    evaluate, _ = field(shape, lambda r, c: (r == 2) & (c == 2))
    assert refined(evaluate, shape, 4).values.max() == 0
    assert refined(evaluate, shape, 1).values.max() == 1


@pytest.mark.parametrize("engine", ["brute-force", "incremental"])
@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 7}, {"threads": 2}])
def test_batch_and_threads_do_not_change_the_map(engine, options):
    made, settings = nets.exported("vgg"), {"window": 8, "stride": 4, "fill_with": "noise"}
    maps = []
    for chosen in ({}, options):
        context = context_of(made.proto, **chosen)
        target = target_of(context, 3)
        x = made.x.astype(np.float32)
        found = find("occlusion").function(context, x, target, engine=engine, **settings)
        maps.append(found.values / np.abs(found.values).max())
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-4)
