"""LayerCAM over scales against PyTorch's own enlargement of the source's maps, in float64."""

import numpy as np
import pytest
import torch
from boxes_of_source import SCALE, TIGHT, explain, maps_at
from originals import difference
from scenes_source import source

from onnxplain.errors import UsageError


def enlarged(values, cells):
    tensor = torch.from_numpy(values)[None, None]
    return torch.nn.functional.interpolate(
        tensor, size=(cells, cells), mode="bilinear", align_corners=False
    )[0, 0].numpy()


def maps_of_scales(scales):
    """LayerCAM at the last module of each grid, from the box's own on."""
    net = source().detector
    for module in [net.kinds[SCALE][0], net.down32, net.down8, net.stem, net.stem[0]][:scales]:
        maps, slopes = maps_at(module, "3")
        yield (np.maximum(slopes, 0) * maps).sum(axis=0)


@pytest.mark.parametrize("scales", [1, 3, 9])
def test_scales_are_added_up_in_units_of_the_score(scales):
    each = list(maps_of_scales(scales))
    finest = max(map(len, each))
    expected = np.sum([enlarged(values, finest) for values in each], axis=0)
    found = explain("layercam-scales", "3", scales=scales)
    assert difference(found.attribution, expected) < TIGHT
    assert len(found.notes["layers"]) == min(scales, 5)
    assert scales == 1 or difference(enlarged(each[0], finest), expected) > 0.1


@pytest.mark.parametrize(("scales", "gamma"), [(1, 2.0), (3, 2.0), (3, 0.5)])
def test_or_the_largest_share_counts(scales, gamma):
    each = [np.maximum(values, 0) for values in maps_of_scales(scales)]
    shares = [np.tanh(gamma * values / values.max()) for values in each]
    finest = max(map(len, each))
    expected = np.max([enlarged(share, finest) for share in shares], axis=0)
    found = explain("layercam-scales", "3", scales=scales, gamma=gamma, fuse="max")
    assert difference(found.attribution, expected) < TIGHT


def test_impossible_scales_are_refused():
    for options in ({"scales": 0}, {"gamma": 0.0}, {"fuse": "mean"}):
        with pytest.raises(UsageError, match="allowed: 1 or more scales, sum or max"):
            explain("layercam-scales", "1", **options)
