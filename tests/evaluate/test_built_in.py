"""The drawn data set: what is asked for, from seeds that nothing was trained on."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import UnknownNameError
from onnxplain.evaluate.built_in import flower_samples


def pictures(**wanted):
    with flower_samples("double12", 3, **wanted) as samples:
        assert [s.label for s in samples] == ["petals-red", "petals-orange", "petals-yellow"]
        assert all(s.has_mask for s in samples)
        return [np.asarray(Image.open(s.path)) for s in samples]


def test_a_seed_repeats_itself_and_another_has_other_flowers():
    first, again, other = pictures(), pictures(), pictures(seed=1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_decoys_colour_the_background():
    plain, decoyed = pictures(decoys=False), pictures(decoys=True)
    colourful = [[np.ptp(p.astype(int), axis=2).mean() for p in some] for some in (plain, decoyed)]
    assert np.mean(colourful[1]) > np.mean(colourful[0])


def test_an_unknown_variant():
    with pytest.raises(UnknownNameError, match="double12"), flower_samples("tulips", 1):
        pass
