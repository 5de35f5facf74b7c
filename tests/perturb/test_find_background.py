"""Which background a request means, and what is refused."""

import numpy as np
import pytest
from handmade import context_of, model
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.perturb.find_background import Pictures, channels_first, find_background, pair


@pytest.fixture
def context():
    return context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 2))))


def test_sizes_from_one_number_two_or_none():
    assert pair("window", None, (2, 3), (8, 9)) == (2, 3)
    assert pair("window", 4, (2, 3), (8, 9)) == (4, 4)
    assert pair("window", (8, 9), (2, 3), (8, 9)) == (8, 9)
    for wrong in (0, 9, (3, 10)):
        with pytest.raises(UsageError, match=r"window .* 1 to 8 high, 1 to 9 wide"):
            pair("window", wrong, (2, 3), (8, 9))


def test_channels_come_first_whatever_the_layout(context, rng):
    x = rng.normal(size=(3, 6, 6))
    np.testing.assert_array_equal(channels_first(context, x), x)
    last = context_of(
        model(
            "f = Flatten(image) scores = MatMul(f, w)",
            image="float[N,6,6,3] image",
            w=np.ones((108, 2)),
        )
    )
    np.testing.assert_array_equal(channels_first(last, np.moveaxis(x, 0, -1)), x)


def test_the_picture_itself_is_the_background_if_none_is_named(context, rng):
    x = rng.uniform(-1, 1, (3, 6, 6))
    found = find_background(context, x, None, None, 2, None)
    assert (found.sampler, found.window, found.padding) == ("marginal", (2, 2), 2)
    assert found.count == 1
    np.testing.assert_allclose(found.pictures[0], x, rtol=1e-6)


def test_a_folder_is_read_as_the_model_sees_it(context, tmp_path):
    for level in (0, 255):
        Image.new("RGB", (6, 6), (level,) * 3).save(tmp_path / f"{level}.png")
    inputs = Pictures(context, sorted(tmp_path.iterdir()))
    assert len(inputs) == 2
    # 0 becomes -1 and 255 becomes 1 by the recipe.
    np.testing.assert_allclose([inputs[0].max(), inputs[1].min()], [-1, 1], atol=1e-6)
    found = find_background(context, None, str(tmp_path), "marginal", 2, 1)
    assert found.count == 2


def test_a_stored_one_is_refused_if_it_is_not_what_is_wanted(context, rng, tmp_path):
    path = str(tmp_path / "known.npz")
    find_background(context, rng.uniform(-1, 1, (3, 6, 6)), None, "marginal", 2, 1).save(path)
    assert find_background(context, None, path, "marginal", 2, 1).window == (2, 2)
    for wanted, message in (
        (("conditional", None, None), "with sampler marginal, not conditional"),
        ((None, 3, None), r"with window \(2, 2\), not \(3, 3\)"),
        ((None, None, 2), "with padding 1, not 2"),
    ):
        with pytest.raises(UsageError, match=message):
            find_background(context, None, path, *wanted)
    grey = "float[N,1,6,6] image"
    body = "f = Flatten(image) scores = MatMul(f, w)"
    other = context_of(model(body, image=grey, w=np.ones((36, 2))))
    with pytest.raises(UsageError, match=r"inputs of shape \(3, 6, 6\)"):
        find_background(other, None, path, None, None, None)
