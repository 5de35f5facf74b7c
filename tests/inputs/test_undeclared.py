"""Models whose preprocessing nobody declared take ready inputs only."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.undeclared import Undeclared

IMAGE = ImageInput("x", "float64", "NHWC", 5, (4, 6), None, False)


def test_it_has_the_shape_of_the_input():
    recipe = Undeclared.of(IMAGE)
    assert (recipe.shape, recipe.dtype, recipe.channels) == ((1, 4, 6, 5), "float64", 5)
    low, high = recipe.bounds()
    assert np.array_equal(low.ravel(), [0.0] * 5)
    assert np.allclose(high.ravel(), 1.0, rtol=1e-15)


@pytest.mark.parametrize("picture", [np.zeros((4, 6, 5), np.uint8), np.zeros((9, 9, 5))])
def test_pictures_are_refused_with_what_to_declare(picture):
    with pytest.raises(UsageError, match=r"for the 5 channels.*5 values of mean and std"):
        Undeclared.of(IMAGE).apply(picture)
