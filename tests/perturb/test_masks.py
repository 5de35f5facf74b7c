"""RISE's masks against the authors' recipe in scikit-image, and pictures under masks."""

import numpy as np
import pytest
import skimage.transform
from handmade import context_of, model

from onnxplain.perturb.masks import RiseMasks, under_masks


@pytest.mark.parametrize(("size", "cells"), [((32, 32), 7), ((30, 21), 4), ((12, 9), 1)])
def test_masks_are_those_of_the_authors(size, cells):
    """``generate_masks`` of explanations.py in eclique/RISE, with the same random numbers."""
    made = RiseMasks(size, cells, 0.4)
    rows = made.draw(np.random.default_rng(0), 6)
    step = np.ceil(np.array(size) / cells).astype(int)
    for row, mask in zip(rows, made.masks(rows), strict=True):
        grid = (row[:-2].reshape(cells, cells) < 0.4).astype("float32")
        large = skimage.transform.resize(
            grid, (cells + 1) * step, order=1, mode="reflect", anti_aliasing=False
        )
        top, left = (int(share * length) for share, length in zip(row[-2:], step, strict=True))
        wanted = large[top : top + size[0], left : left + size[1]]
        np.testing.assert_allclose(mask, wanted, atol=2e-6)


def test_the_mean_mask_is_the_share():
    made = RiseMasks((32, 32), 7, 0.3)
    masks = made.masks(made.draw(np.random.default_rng(0), 4000))
    assert np.abs(masks.mean(0) - 0.3).max() < 5 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("image", ["float[N,3,6,6] image", "float[N,6,6,3] image"])
def test_what_is_kept_stays_as_it_is(image, rng):
    last = image.endswith("3] image")
    body = "f = Flatten(image) scores = MatMul(f, w)"
    context = context_of(model(body, image=image, w=np.ones((108, 2))))
    x, absent = (rng.random((6, 6, 3) if last else (3, 6, 6)).astype("f4") for _ in range(2))
    masks = rng.integers(0, 2, (5, 6, 6)).astype("f4")
    kept = masks[..., None] if last else masks[:, None]
    found = under_masks(context, x, absent, masks)
    np.testing.assert_allclose(found, np.where(kept == 1, x, absent), atol=1e-7)
    half = under_masks(context, x, absent, np.full((1, 6, 6), 0.25, "f4"))
    np.testing.assert_allclose(half[0], 0.25 * x + 0.75 * absent, rtol=1e-6)


def test_whole_number_pixels_are_rounded():
    body = "z = Cast<to = 1>(image) f = Flatten(z) scores = MatMul(f, w)"
    proto = model(body, image="uint8[N,3,6,6] image", w=np.ones((108, 2)))
    x, absent = np.full((3, 6, 6), 200, "u1"), np.full((3, 6, 6), 3, "u1")
    found = under_masks(context_of(proto), x, absent, np.full((1, 6, 6), 0.5, "f4"))
    assert found.dtype == np.uint8
    assert (found == 102).all()
