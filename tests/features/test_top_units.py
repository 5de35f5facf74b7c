"""The strongest images of each channel, against sorting everything."""

import numpy as np

from onnxplain.features.top_units import TopUnits


def test_collected_in_parts_is_sorted_at_once():
    maps = np.random.default_rng(0).integers(0, 9, (20, 3, 2, 4)).astype(np.float32)
    found = TopUnits.empty(3, 5)
    for part in np.array_split(np.arange(20), 6):
        found.add(part, maps[part])
    best = maps.reshape(20, 3, -1).max(2)
    for channel in range(3):
        # Of equal ones the first image, and in it the first place.
        order = sorted(range(20), key=lambda n: (-best[n, channel], n))[:5]
        assert found.images[channel].tolist() == order
        assert found.scores[channel].tolist() == best[order, channel].tolist()
        for image, place in zip(order, found.places[channel], strict=True):
            wanted = np.unravel_index(maps[image, channel].argmax(), (2, 4))
            assert tuple(place) == wanted


def test_places_that_no_image_took_are_marked():
    found = TopUnits.empty(2, 3)
    found.add(np.array([7]), np.ones((1, 2, 1, 1)))
    assert found.images.tolist() == [[7, -1, -1]] * 2
    assert np.isneginf(found.scores[:, 1:]).all()


def test_arrays_and_parts():
    found = TopUnits.empty(3, 2)
    found.add(np.array([4, 5]), np.arange(6.0).reshape(2, 3, 1, 1))
    again = TopUnits.from_arrays(found.arrays("u_"), "u_")
    np.testing.assert_array_equal(again.scores, found.scores)
    part = found.chosen([2])
    assert part.scores.tolist() == [[5, 2]]
    empty = TopUnits.empty(3, 2)
    empty.replace(slice(2, 3), part)
    assert empty.images.tolist() == [[-1, -1], [-1, -1], [5, 4]]
