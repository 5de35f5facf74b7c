"""LayerCAM over scales against PyTorch's own enlargement of the source's maps, in float64."""

import numpy as np
import pytest
import torch
from boxes_of_source import TIGHT, explain, maps_at
from originals import difference
from scenes_source import source

from onnxplain.errors import UsageError


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
        maps, slopes = maps_at(module, "3")
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
