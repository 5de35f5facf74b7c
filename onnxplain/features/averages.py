"""What a feature stands for: the average of the patches that excite it most.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import upsample
from onnxplain.features.patches import cut, fields_of
from onnxplain.features.top_units import TopUnits
from onnxplain.graph.receptive_field import ReceptiveFields
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

# Side of an average image; patches of other sizes are brought to it.
SIDE = 96


def average_patches(
    model: Model, samples: Sequence[Sample], layers: Sequence[str], units: TopUnits
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Average the strongest patches of features, pixel by pixel.

    Patches are cut out around the unit of the largest response, brought to one size and
    averaged. Each picture is read once, whatever the number of features that it excites.

    Parameters
    ----------
    model : Model
        The opened model.
    samples : sequence of Sample
        The data set.
    layers : sequence of str
        Layer of each feature.
    units : TopUnits
        Strongest images of each feature; responses that are not positive do not count.

    Returns
    -------
    (F, SIDE, SIDE, C) uint8 array
        Mid-grey for a feature that nothing excites.
    (F,) int array
        Number of patches in each.
    """
    fields = {name: fields_of(model, name)[0] for name in dict.fromkeys(layers)}
    wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for feature, rank in zip(*np.nonzero(units.scores > 0), strict=True):
        wanted[int(units.images[feature, rank])].append((int(feature), int(rank)))
    channels = model.network.image.channels
    sums = np.zeros((len(layers), SIDE, SIDE, channels))
    counts = np.zeros(len(layers), np.int64)
    for image in sorted(wanted):
        pixels = model.read(samples[image].path).pixels
        for feature, rank in wanted[image]:
            own = fields[layers[feature]]
            sums[feature] += _patch(pixels, own, units.places[feature, rank])
            counts[feature] += 1
    means = sums / np.maximum(counts, 1)[:, None, None, None]
    means[counts == 0] = 127.0
    return np.round(means).astype(np.uint8), counts


def _patch(
    pixels: NDArray[np.uint8], fields: ReceptiveFields, place: NDArray[np.int64]
) -> NDArray[Any]:
    patch = cut(pixels, fields.box(int(place[0]), int(place[1])), fields.size)
    planes = [upsample(patch[..., k], (SIDE, SIDE)) for k in range(patch.shape[2])]
    return np.stack(planes, axis=-1)
