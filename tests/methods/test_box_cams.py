"""G-CAME, ODAM and LayerCAM over scales against loops on the PyTorch source, in float64."""

import functools
import math

import numpy as np
import pytest
import torch
from originals import difference, exactly
from scenes_source import ROOT, source

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.targets.request import TargetRequest

EXAMPLE = ROOT / "examples/scenes/scene-1000000.png"
SIDE = 96
TIGHT = 1e-9


@functools.cache
def model(precision="double"):
    path = ROOT / "models/scenes-detector.onnx"
    return exactly(onnxplain.load(path, precision=precision, device="cpu"))


@functools.cache
def aim(number, part="class"):
    asked = TargetRequest(box=model().request(number).box, part=part)
    (found,) = model().resolve(model().read(EXAMPLE), [asked])
    return found


def explain(method, number, part="class", **options):
    return model().explain(EXAMPLE, method, aim(number, part), **options)


def at(module, number, part="class", *, before=False):
    """Maps that a module gives or takes, and the slopes of a box's number there, (C, h, w)."""
    kept, of = [], aim(number, part)
    hook = module.register_forward_hook(lambda _, x, y: kept.append(x[0] if before else y))
    x = torch.from_numpy(model().read(EXAMPLE).x.astype(np.float64)).requires_grad_()
    if part == "class":
        score = source().detector(x)[1][0, of.label, of.row]
    else:
        a, b, c, d = source()(x)[0, :4, of.row]
        sides = {"left": a - c / 2, "top": b - d / 2, "right": a + c / 2, "bottom": b + d / 2}
        score = sides[part]
    hook.remove()
    (slopes,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach().numpy()[0], slopes.numpy()[0]


@pytest.mark.parametrize("spread", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("number", ["1", "3"])
def test_g_came_place_by_place(number, spread):
    maps, slopes = at(source().detector.kinds[1][0], number)
    left, top, right, bottom = aim(number).sides
    cells = maps.shape[1]
    cell = SIDE / cells
    expected = np.zeros((cells, cells))
    for i, j in np.ndindex(expected.shape):
        value = sum(slopes[k].mean() * maps[k, i, j] for k in range(len(maps)))
        u = (cell * (j + 0.5) - (left + right) / 2) / max(spread * (right - left) / 2, cell / 2)
        v = (cell * (i + 0.5) - (top + bottom) / 2) / max(spread * (bottom - top) / 2, cell / 2)
        expected[i, j] = value * math.exp(-u * u / 2) * math.exp(-v * v / 2)
    found = explain("g-came", number, spread=spread)
    assert difference(found.attribution, expected) < TIGHT
    assert difference(explain("grad-cam", number).attribution, expected) > 0.1


def test_a_spread_is_positive():
    with pytest.raises(UsageError, match="spread 0"):
        explain("g-came", "1", spread=0.0)


@pytest.mark.parametrize("part", ["class", "left", "bottom"])
def test_odam_is_read_where_class_and_sides_start(part):
    maps, slopes = at(source().detector.up16, "3", part)
    expected = np.zeros(maps.shape[1:])
    for k, i, j in np.ndindex(maps.shape):
        expected[i, j] += slopes[k, i, j] * maps[k, i, j]
    assert difference(explain("odam", "3", part).attribution, expected) < TIGHT


def test_odam_combined_is_the_largest_share_of_any_number():
    shares = []
    for part in ("class", "left", "top", "right", "bottom"):
        maps, slopes = at(source().detector.up16, "1", part)
        positive = np.maximum((slopes * maps).sum(axis=0), 0)
        shares.append(positive / positive.max())
    expected = np.max(shares, axis=0)
    assert difference(explain("odam", "1", combined=True).attribution, expected) < TIGHT
    assert difference(explain("odam", "1", "width", combined=True).attribution, expected) < TIGHT
    assert difference(shares[0], expected) > 0.1


def test_odam_of_a_layer_that_the_class_alone_passes_is_refused():
    branch = "/detector/kinds.1/kinds.1.0/kinds.1.0.2/Mul_output_0"
    with pytest.raises(MethodRefusedError, match="gradient is zero at every place"):
        explain("odam", "1", layer=branch)


def enlarged(values, cells):
    tensor = torch.from_numpy(values)[None, None]
    return torch.nn.functional.interpolate(
        tensor, size=(cells, cells), mode="bilinear", align_corners=False
    )[0, 0].numpy()


@pytest.mark.parametrize(("scales", "gamma"), [(1, 2.0), (3, 2.0), (3, 0.5), (9, 2.0)])
def test_layercam_over_scales_takes_the_largest_share(scales, gamma):
    net = source().detector
    modules = [net.kinds[1][0], net.down32, net.down8, net.stem, net.stem[0]][:scales]
    shares = []
    for module in modules:
        maps, slopes = at(module, "3")
        values = np.maximum((np.maximum(slopes, 0) * maps).sum(axis=0), 0)
        shares.append(np.tanh(gamma * values / values.max()))
    finest = max(len(share) for share in shares)
    expected = np.max([enlarged(share, finest) for share in shares], axis=0)
    found = explain("layercam-scales", "3", scales=scales, gamma=gamma)
    assert difference(found.attribution, expected) < TIGHT
    assert len(found.notes["layers"]) == min(scales, 5)


def test_impossible_scales_are_refused():
    for options in ({"scales": 0}, {"gamma": 0.0}):
        with pytest.raises(UsageError, match="allowed: 1 or more scales"):
            explain("layercam-scales", "1", **options)


@pytest.mark.parametrize("method", ["g-came", "odam", "d-rise"])
def test_a_model_without_boxes_says_so_before_a_picture_is_seen(method):
    from onnxplain.methods import find

    network = onnxplain.load(ROOT / "models/digits-gap.onnx", device="cpu").network
    with pytest.raises(MethodRefusedError, match="the model has none") as refusal:
        find(method).requires(network)
    assert "\n" not in str(refusal.value)
